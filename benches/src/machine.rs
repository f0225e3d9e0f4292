//! What the machine is.

use cenote_bench_protocol::Machine;
use std::process::Command;
use std::{env, fs, thread};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

const UNKNOWN: &str = "unknown";

/// This machine.
pub fn this() -> Machine {
    let what = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(MemoryRefreshKind::everything());
    let system = System::new_with_specifics(what);
    let huge_pages = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    Machine {
        cpu: system.cpus().first().map_or(UNKNOWN.into(), |cpu| cpu.brand().trim().to_owned()),
        cpus: cpus(),
        memory_bytes: system.total_memory(),
        system: System::long_os_version().map_or(UNKNOWN.into(), |name| match System::kernel_version() {
            Some(kernel) if !name.contains(&kernel) => format!("{name}, kernel {kernel}"),
            _ => name,
        }),
        libc: libc_version(),
        rustc: first_line(Command::new(env::var_os("RUSTC").unwrap_or("rustc".into())).arg("--version")),
        huge_pages: huge_pages.map_or(UNKNOWN.into(), |text| text.trim().to_owned()),
    }
}

/// Processors that this process may use.
pub fn cpus() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Memory in bytes that programs may take without pushing others out.
pub fn available_memory_bytes() -> u64 {
    let what = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    System::new_with_specifics(what).available_memory()
}

/// The name and version of the C library.
pub fn libc_version() -> String {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: the function returns a static string that ends in a null byte.
        let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
        format!("glibc {}", version.to_string_lossy())
    }
    #[cfg(not(target_env = "gnu"))]
    {
        if cfg!(target_env = "musl") { "musl".into() } else { UNKNOWN.into() }
    }
}

/// The first line that `command` prints.
pub fn first_line(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or(UNKNOWN).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known() {
        let machine = this();
        assert!(machine.cpus >= 1 && machine.memory_bytes > 0);
        assert!(machine.rustc.starts_with("rustc "), "{}", machine.rustc);
        assert!(!machine.system.is_empty() && !machine.libc.is_empty());
    }
}
