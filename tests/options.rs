//! Options from the environment and from code.

#![cfg(not(feature = "passthrough"))]

use cenote::{Cenote, Options, PurgeMode};
use child::STILL;
use process::{eventually, threads, use_and_free, use_memory};
use resident::resident_bytes;
use std::fs;
use std::thread;
use std::time::Duration;

#[path = "common/child.rs"]
mod child;
#[path = "common/process.rs"]
mod process;
#[path = "common/resident.rs"]
mod resident;

#[global_allocator]
static GLOBAL: Cenote = Cenote::new();

const MIB: usize = 1 << 20;

/// Enough for any budget by default to be far below.
const MUCH: usize = 32 * MIB;

/// Long enough for many looks of a purger that is told to look often.
const A_WHILE: Duration = Duration::from_millis(300);

fn dirty_bytes() -> usize {
    Cenote::stats().dirty_bytes
}

/// Frees blocks that come from pools, and such as are runs, until more than half of `MUCH` is dirty.
fn dirty_much() {
    use_and_free(100_000, MUCH);
}

fn stays_dirty() -> bool {
    thread::sleep(A_WHILE);
    dirty_bytes() >= MUCH / 2
}

#[test]
fn unknown_options_are_reported_once_by_name() {
    let finished = child::run("unknown_options_are_reported_once_by_name", &[("NO_SUCH", "1")], || {
        thread::spawn(dirty_much).join().expect("the thread returns");
    });
    finished.assert_succeeded();
    finished.assert_said("cenote: unknown option CENOTE_NO_SUCH; ignored\n");
}

#[test]
fn malformed_options_are_reported_once_by_name_and_ignored() {
    const BYTES: &str = "a number of bytes such as `16M`";
    const MODE: &str = "`thread`, `inline` or `off`";
    const DELAY: &str = "a number of milliseconds up to a minute";
    const SWITCH: &str = "`0` or `1`";
    const LEVEL: &str = "`0`, `1` or `2`";
    for (name, value, wanted) in [
        ("RETAIN", "", BYTES),
        ("RETAIN", "much", BYTES),
        ("RETAIN", "-1", BYTES),
        ("RETAIN", "99999999999G", BYTES),
        ("PURGE", "on", MODE),
        ("PURGE", "OFF", MODE),
        ("PURGE_DELAY_MS", "0", DELAY),
        ("PURGE_DELAY_MS", "60001", DELAY),
        ("PURGE_DELAY_MS", "1s", DELAY),
        ("HUGE_PAGES", "yes", SWITCH),
        ("LEAN", "", SWITCH),
        ("STATS", "", SWITCH),
        ("STATS", "2", SWITCH),
        ("VERIFY", "3", LEVEL),
    ] {
        let options = [(name, value)];
        let finished = child::run("malformed_options_are_reported_once_by_name_and_ignored", &options, || {
            use_and_free(1000, MIB);
        });
        finished.assert_succeeded();
        finished.assert_said(&format!("cenote: option CENOTE_{name}: `{value}` is not {wanted}; ignored\n"));
    }
}

#[test]
fn valid_options_beside_a_malformed_one_are_taken() {
    let options = [("PURGE", "off"), ("RETAIN", "x"), ("PURGE_DELAY_MS", "1")];
    let finished = child::run("valid_options_beside_a_malformed_one_are_taken", &options, || {
        dirty_much();
        assert!(stays_dirty());
    });
    finished.assert_succeeded();
    finished.assert_said("cenote: option CENOTE_RETAIN: `x` is not a number of bytes such as `16M`; ignored\n");
}

#[test]
fn stats_are_printed_at_exit() {
    let name = "stats_are_printed_at_exit";
    let print = child::run(name, &[("STATS", "1")], || {
        // Still in use at the end.
        std::mem::forget(use_memory(1000, 50_000));
    });
    print.assert_succeeded();
    let stderr = print.stderr();
    if !stderr.is_empty() {
        assert!(
            stderr.starts_with("class     size   pools      blocks        used      cached        free\n"),
            "{stderr}"
        );
        assert_eq!(stderr.matches("# bytes in use  ").count(), 1, "{stderr}");
        let row = stderr
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|row| row.get(1) == Some(&"1024"));
        let used: usize = row.expect("a row for the class")[4].parse().expect("a number");
        assert!(used >= 50, "{stderr}");
    }
    child::run(name, &[("STATS", "0")], || {}).assert_silent();
}

#[test]
fn stats_at_exit_by_code() {
    let name = "stats_at_exit_by_code";
    let print = child::run(name, &[], || Cenote::configure(&Options::new().stats_at_exit(true)));
    print.assert_succeeded();
    assert!(print.stderr().is_empty() == print.is_elsewhere());
    let silence = || Cenote::configure(&Options::new().stats_at_exit(false));
    child::run(name, &[("STATS", "1")], silence).assert_silent();
}

/// With a look every millisecond and no memory kept, a purger is seen to come.
fn purger_comes() -> bool {
    let before = threads();
    eventually(|| {
        dirty_much();
        threads() > before
    })
}

#[test]
fn purge_by_thread() {
    let options = [("PURGE", "thread"), ("PURGE_DELAY_MS", "20"), ("RETAIN", "0")];
    for options in [&options[..], &options[1..]] {
        child::run("purge_by_thread", options, || {
            assert!(purger_comes());
            assert!(eventually(|| dirty_bytes() == 0));
        })
        .assert_silent();
    }
}

/// A process that must stay single-threaded, for `unshare(CLONE_NEWUSER)`, `setns` or a seccomp filter say, chooses this.
fn no_thread_ever() {
    let before = threads();
    for _ in 0..20 {
        dirty_much();
        use_and_free(1000, MUCH / 8);
        assert_eq!(threads(), before);
    }
    thread::sleep(A_WHILE);
    assert_eq!(threads(), before);
}

#[test]
fn purge_inline() {
    let name = "purge_inline";
    child::run(name, &[("PURGE", "inline"), ("RETAIN", "1M"), ("PURGE_DELAY_MS", "1")], || {
        no_thread_ever();
        assert!(dirty_bytes() < MUCH / 2, "{}", Cenote::stats());
    })
    .assert_silent();
    child::run(name, &[("PURGE_DELAY_MS", "1")], || {
        Cenote::configure(&Options::new().purge(PurgeMode::Inline).retain_bytes(0));
        no_thread_ever();
        assert!(dirty_bytes() < MUCH / 2, "{}", Cenote::stats());
    })
    .assert_silent();
}

#[test]
fn purge_off() {
    let name = "purge_off";
    let program = || {
        no_thread_ever();
        assert!(stays_dirty());
        assert_eq!(Cenote::stats().purged_bytes, 0);
        // Unless it is asked for.
        assert!(Cenote::purge() >= MUCH / 2);
        assert_eq!(dirty_bytes(), 0);
    };
    child::run(name, &[("PURGE", "off"), ("RETAIN", "0"), ("PURGE_DELAY_MS", "1")], program).assert_silent();
    child::run(name, &[("PURGE", "inline"), ("RETAIN", "0"), ("PURGE_DELAY_MS", "1")], || {
        // The environment gives way.
        Cenote::configure(&Options::new().purge(PurgeMode::Off));
        program();
    })
    .assert_silent();
}

#[test]
fn retain() {
    let name = "retain";
    for amount in ["64M", "65536k", "67108864", "1G"] {
        child::run(name, &[("RETAIN", amount), ("PURGE_DELAY_MS", "5")], || {
            dirty_much();
            assert!(stays_dirty());
        })
        .assert_silent();
    }
    child::run(name, &[("RETAIN", "4M"), ("PURGE_DELAY_MS", "5")], || {
        dirty_much();
        assert!(eventually(|| dirty_bytes() <= 4 * MIB));
        thread::sleep(A_WHILE);
        assert!(dirty_bytes() > 2 * MIB, "{}", Cenote::stats());
    })
    .assert_silent();
    child::run(name, &[("RETAIN", "1G"), ("PURGE_DELAY_MS", "5"), ("PURGE", "thread")], || {
        Cenote::configure(&Options::new().retain_bytes(0));
        dirty_much();
        assert!(eventually(|| dirty_bytes() == 0));
    })
    .assert_silent();
}

#[test]
fn lean() {
    // What grows takes the place of what was freed, without a purger.
    let growing = || {
        dirty_much();
        let dirty = dirty_bytes();
        let _blocks = (0..2 * MUCH / 64).map(|_| Box::new([1u8; 64])).collect::<Vec<_>>();
        dirty_bytes() < dirty / 8
    };
    let name = "lean";
    child::run(name, &[("LEAN", "1"), ("PURGE", "off")], || {
        assert!(growing(), "{}", Cenote::stats());
        Cenote::check();
    })
    .assert_silent();
    child::run(name, STILL, || {
        Cenote::configure(&Options::new().lean(true));
        assert!(growing(), "{}", Cenote::stats());
        // What was cached of large blocks before comes and goes well after.
        Cenote::configure(&Options::new().lean(false));
        use_and_free(20_000, MUCH);
        Cenote::configure(&Options::new().lean(true));
        use_and_free(20_000, MUCH);
        Cenote::check();
    })
    .assert_silent();
}

#[test]
fn lean_programs_keep_no_pages_between_blocks_in_use() {
    child::run("lean_programs_keep_no_pages_between_blocks_in_use", &[("LEAN", "1"), ("PURGE", "off")], || {
        let mut blocks = use_memory(8000, MUCH);
        let before = resident_bytes();
        // One in eight stays, so that hardly a pool is empty.
        let mut number = 0;
        blocks.retain(|_| {
            number += 1;
            number % 8 == 0
        });
        let _growth = use_memory(64, MUCH / 8);
        let after = resident_bytes();
        assert!(after + MUCH / 2 < before, "{before} bytes before, {after} after\n{}", Cenote::stats());
        assert!(blocks.iter().all(|block| process::hold(block, block[0])));
        Cenote::check();
    })
    .assert_silent();
}

#[test]
fn lean_programs_give_back_what_becomes_free_after_more_was_taken() {
    const MOVED: usize = 256 << 10;
    child::run(
        "lean_programs_give_back_what_becomes_free_after_more_was_taken",
        &[("LEAN", "1"), ("PURGE", "off")],
        || {
            let old = vec![1u8; MOVED];
            // Taken at once, before anything is free, and filled later.
            let mut new = Vec::with_capacity(4 * MOVED);
            new.extend_from_slice(&old);
            drop(old);
            assert!(dirty_bytes() < MOVED / 2, "{}", Cenote::stats());
            assert!(process::hold(&new, 1));
            Cenote::check();
        },
    )
    .assert_silent();
}

#[test]
fn purge_delay() {
    let name = "purge_delay";
    child::run(name, &[("RETAIN", "0"), ("PURGE_DELAY_MS", "60000")], || {
        dirty_much();
        assert!(stays_dirty());
    })
    .assert_silent();
    child::run(name, &[("RETAIN", "0"), ("PURGE_DELAY_MS", "60000")], || {
        // Too short a delay counts as a millisecond.
        Cenote::configure(&Options::new().purge_delay(Duration::ZERO));
        dirty_much();
        assert!(eventually(|| dirty_bytes() == 0));
    })
    .assert_silent();
}

#[test]
fn huge_pages() {
    let advised = || {
        let maps = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
        maps.lines().any(|line| line.starts_with("VmFlags:") && line.split(' ').any(|flag| flag == "hg"))
    };
    let name = "huge_pages";
    // Some kernels have none, and some do not tell.
    let known = fs::exists("/sys/kernel/mm/transparent_hugepage").unwrap_or(false)
        && fs::read_to_string("/proc/self/smaps").is_ok_and(|maps| maps.contains("VmFlags:"));
    let small_blocks = |bytes: usize| (0..bytes / 64).map(|_| Box::new([1u8; 64])).collect::<Vec<_>>();
    child::run(name, &[("HUGE_PAGES", "0")], || {
        let _blocks = small_blocks(64 * MIB);
        assert!(!advised());
    })
    .assert_silent();
    child::run(name, &[], || {
        let _few = small_blocks(MIB / 8);
        assert!(!advised());
        let _many = small_blocks(64 * MIB);
        assert!(advised() || !known);
    })
    .assert_silent();
    child::run(name, &[("HUGE_PAGES", "1")], || {
        let _few = small_blocks(MIB / 2);
        assert!(advised() || !known);
    })
    .assert_silent();
}
