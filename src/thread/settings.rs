//! The options in force, from the environment or from code.

use super::init;
use crate::base::config::{HUGE_MIN_BYTES, LEAN_RETAIN_BYTES};
use crate::base::purge_mode::PurgeMode;
use crate::heap::{ARENAS, residency};
use crate::os;
use crate::sync::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use core::time::Duration;

/// No budget was set.
const BY_SHARE: usize = usize::MAX;

static RETAIN_BYTES: AtomicUsize = AtomicUsize::new(BY_SHARE);
static PURGE_MODE: AtomicU32 = AtomicU32::new(0);
static PURGE_DELAY_MS: AtomicU32 = AtomicU32::new(DEFAULT_DELAY_MS);
static HUGE_FROM_BYTES: AtomicUsize = AtomicUsize::new(HUGE_MIN_BYTES);
static STATS_AT_EXIT: AtomicBool = AtomicBool::new(false);
static VERIFY: AtomicU32 = AtomicU32::new(0);

/// Half of the time in which idle memory is gone; longer than the swings of a busy program.
const DEFAULT_DELAY_MS: u32 = 500;
const MAX_DELAY_MS: u32 = 60_000;
/// The highest verification level.
pub(crate) const MAX_VERIFY: u32 = 2;

// ORDERING (all of this module): Relaxed: each option stands for itself, and a thread that sees a change late is only late.

/// Free memory to keep; none if it is a share of what is in use.
pub(crate) fn retain_bytes() -> Option<usize> {
    match RETAIN_BYTES.load(Ordering::Relaxed) {
        BY_SHARE => residency::is_lean().then_some(LEAN_RETAIN_BYTES),
        bytes => Some(bytes),
    }
}

pub(crate) fn set_retain_bytes(bytes: Option<usize>) {
    RETAIN_BYTES.store(bytes.unwrap_or(BY_SHARE), Ordering::Relaxed);
    tell_arenas();
}

pub(crate) fn purge_mode() -> PurgeMode {
    match PURGE_MODE.load(Ordering::Relaxed) {
        0 => PurgeMode::Thread,
        1 => PurgeMode::Inline,
        _ => PurgeMode::Off,
    }
}

pub(crate) fn set_purge_mode(mode: PurgeMode) {
    let mode = match mode {
        PurgeMode::Thread => 0,
        PurgeMode::Inline => 1,
        PurgeMode::Off => 2,
    };
    PURGE_MODE.store(mode, Ordering::Relaxed);
}

pub(crate) fn purge_delay() -> Duration {
    Duration::from_millis(PURGE_DELAY_MS.load(Ordering::Relaxed).into())
}

pub(crate) fn set_purge_delay(delay: Duration) {
    let ms = delay.as_millis().clamp(1, MAX_DELAY_MS as u128) as u32;
    PURGE_DELAY_MS.store(ms, Ordering::Relaxed);
}

/// Says whether a small footprint is preferred to speed.
pub(crate) fn set_lean(lean: bool) {
    residency::set_lean(lean);
    tell_arenas();
}

pub(crate) fn stats_at_exit() -> bool {
    STATS_AT_EXIT.load(Ordering::Relaxed)
}

pub(crate) fn set_stats_at_exit(on: bool) {
    STATS_AT_EXIT.store(on, Ordering::Relaxed);
}

#[inline]
pub(crate) fn verify() -> u32 {
    VERIFY.load(Ordering::Relaxed)
}

pub(crate) fn set_verify(level: u32) {
    // Blocks that were freed under a lower level are not filled.
    let highest = if init::is_done() { verify().max(1) } else { MAX_VERIFY };
    VERIFY.store(level.min(highest), Ordering::Relaxed);
}

/// Reads the `CENOTE_*` environment variables. What cannot be understood is reported and ignored.
pub(super) fn read_environment() {
    os::for_each_env(|entry| {
        let Some(entry) = entry.strip_prefix(b"CENOTE_") else { return };
        let equals = entry.iter().position(|&byte| byte == b'=').unwrap_or(entry.len());
        let name = &entry[..equals];
        let value = entry.get(equals + 1..).unwrap_or_default();
        let (Ok(name), Ok(value)) = (str::from_utf8(name), str::from_utf8(value)) else {
            return os::report(format_args!("an option CENOTE_* is not UTF-8; ignored"));
        };
        match set_by_name(name, value) {
            Ok(()) => {}
            Err(Problem::Unknown) => os::report(format_args!("unknown option CENOTE_{name}; ignored")),
            Err(Problem::Malformed(wanted)) => {
                os::report(format_args!("option CENOTE_{name}: `{value}` is not {wanted}; ignored"));
            }
        }
    });
}

enum Problem {
    Unknown,
    Malformed(&'static str),
}

fn set_by_name(name: &str, value: &str) -> Result<(), Problem> {
    const SWITCH: Problem = Problem::Malformed("`0` or `1`");
    let switch = |value| match value {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(SWITCH),
    };
    match name {
        "RETAIN" => {
            let bytes = parse_bytes(value).ok_or(Problem::Malformed("a number of bytes such as `16M`"))?;
            set_retain_bytes(Some(bytes));
        }
        "PURGE" => set_purge_mode(match value {
            "thread" => PurgeMode::Thread,
            "inline" => PurgeMode::Inline,
            "off" => PurgeMode::Off,
            _ => return Err(Problem::Malformed("`thread`, `inline` or `off`")),
        }),
        "PURGE_DELAY_MS" => match value.parse() {
            Ok(ms) if (1..=MAX_DELAY_MS).contains(&ms) => set_purge_delay(Duration::from_millis(ms.into())),
            _ => return Err(Problem::Malformed("a number of milliseconds up to a minute")),
        },
        "HUGE_PAGES" => HUGE_FROM_BYTES.store(if switch(value)? { 0 } else { usize::MAX }, Ordering::Relaxed),
        "LEAN" => set_lean(switch(value)?),
        "STATS" => set_stats_at_exit(switch(value)?),
        "VERIFY" => match value.parse() {
            Ok(level) if level <= MAX_VERIFY => set_verify(level),
            _ => return Err(Problem::Malformed("`0`, `1` or `2`")),
        },
        _ => return Err(Problem::Unknown),
    }
    Ok(())
}

/// A number of bytes, with `K`, `M` or `G` for the powers of 1024.
fn parse_bytes(text: &str) -> Option<usize> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'K' | b'k' => (&text[..text.len() - 1], 10),
        b'M' | b'm' => (&text[..text.len() - 1], 20),
        b'G' | b'g' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}

/// Bytes in use from which on further memory is backed by huge pages.
pub(super) fn huge_from_bytes() -> usize {
    if residency::is_lean() { usize::MAX } else { HUGE_FROM_BYTES.load(Ordering::Relaxed) }
}

/// Tells the arenas the options that are theirs.
pub(super) fn tell_arenas() {
    let swap_above = retain_bytes().filter(|_| residency::is_lean()).unwrap_or(usize::MAX);
    ARENAS.set_huge_from(huge_from_bytes());
    ARENAS.set_swap_above(swap_above);
}

/// Puts options into force that need the allocator to be ready.
pub(super) fn apply() {
    extern "C" fn print() {
        if stats_at_exit() {
            use core::fmt::Write;
            let _ = write!(os::Stderr::new(), "{}", crate::Stats::now());
        }
    }
    os::on_exit(print);
}

#[cfg(test)]
mod tests {
    use super::parse_bytes;

    #[test]
    fn bytes_have_units() {
        assert_eq!(parse_bytes("0"), Some(0));
        assert_eq!(parse_bytes("512"), Some(512));
        assert_eq!(parse_bytes("16k"), Some(16 << 10));
        assert_eq!(parse_bytes("3M"), Some(3 << 20));
        assert_eq!(parse_bytes("2G"), Some(2 << 30));
        for wrong in ["", "M", "-1", "1T", "1.5M", "99999999999999999999", "99999999999G"] {
            assert_eq!(parse_bytes(wrong), None, "{wrong}");
        }
    }
}
