//! What the machine is.

use cenote_bench_protocol::Machine;
use memmap2::MmapMut;
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

/// Makes sure that the `bytes` of memory which the kernel hands out next are really there.
///
/// A virtual machine's host gives it memory as it is first touched, and takes back what the machine reports free (*free page
/// reporting*), every two seconds under Linux. To get it again costs twenty times and more what the page fault inside costs,
/// and whose run meets it is chance. So as much as a run may need is touched and freed: the kernel hands out first what was
/// freed last.
pub fn make_memory_real(bytes: u64) {
    /// At most this part of what is available, so that nothing is pushed out.
    const PART: u64 = 4;
    /// No OS page is smaller.
    const PAGE_BYTES: usize = 4096;
    let bytes = bytes.min(available_memory_bytes() / PART);
    // Where memory is so short the run goes without.
    let Ok(mut memory) = MmapMut::map_anon(bytes as usize) else { return };
    // Where it is refused there are no huge pages to be had, and single ones do as well.
    #[cfg(target_os = "linux")]
    let _ = memory.advise(memmap2::Advice::HugePage);
    memory.iter_mut().step_by(PAGE_BYTES).for_each(|byte| *byte = 1);
    std::hint::black_box(&memory);
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
