//! Memory over time: what a workload says of itself, and a sampler that watches the process meanwhile.
//!
//! A workload of [`Group::Memory`](cenote_bench_protocol::Group) calls [`phase`] where a phase begins and [`live`] as what
//! it holds changes. Its subject starts a [`Sampler`] just before the timed part. Between [`start`](Sampler::start) and
//! [`finish`](Sampler::finish) nothing here allocates: the notes lie in statics, the points in memory that is mapped and
//! resident beforehand. Without a sampler both calls are forgotten.
//!
//! The first point is taken before the timed part, so that what the harness and the inputs hold can be subtracted. The
//! kernel counts resident pages apart for each processor and adds up lazily: a point may lag by some dozens of pages.

use crate::mapped::MappedSlice;
use cenote_bench_protocol::{Phase, Point};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a point is taken, at first.
const INTERVAL: Duration = Duration::from_millis(5);

/// How many points there is room for. When it is used up every second point is dropped and the interval doubled.
const MAX_POINTS: usize = 4096;

/// How many phases a workload may have.
const MAX_PHASES: usize = 64;

/// Bytes the workload has in use, as it said last.
static LIVE_BYTES: AtomicU64 = AtomicU64::new(0);

/// The phases so far.
static NOTES: Mutex<Notes> = Mutex::new(Notes::NONE);

struct Notes {
    /// When the sampler began, if there is one.
    begun: Option<Instant>,
    phases: [(&'static str, u64); MAX_PHASES],
    count: usize,
}

impl Notes {
    const NONE: Self = Self { begun: None, phases: [("", 0); MAX_PHASES], count: 0 };

    fn lock() -> MutexGuard<'static, Self> {
        // A panic under the lock happens before anything is changed.
        NOTES.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ns_since(begun: Instant) -> u64 {
    begun.elapsed().as_nanos() as u64
}

/// A phase of the workload begins, with `live_bytes` in use. From any thread.
///
/// # Panics
/// When a workload has more phases than there is room for.
pub fn phase(name: &'static str, live_bytes: usize) {
    live(live_bytes);
    let mut notes = Notes::lock();
    if let Some(begun) = notes.begun {
        let count = notes.count;
        assert!(count < MAX_PHASES, "more than {MAX_PHASES} phases");
        notes.phases[count] = (name, ns_since(begun));
        notes.count += 1;
    }
}

/// The workload now has `bytes` in use. From any thread; threads that share the work agree on the sum first.
#[inline]
pub fn live(bytes: usize) {
    // ORDERING: Relaxed: a figure that is sampled; it orders nothing.
    LIVE_BYTES.store(bytes as u64, Ordering::Relaxed);
}

/// Takes points of the resident set in a thread of its own until it is finished.
#[derive(Debug)]
pub struct Sampler {
    thread: JoinHandle<Watch>,
    over: Arc<AtomicBool>,
}

impl Sampler {
    /// Starts sampling; time zero is now. One at a time.
    ///
    /// # Errors
    /// When there is no `/proc/self/statm` to read, or no thread to be had.
    ///
    /// # Panics
    /// When there is a sampler already.
    pub fn start() -> io::Result<Self> {
        live(0);
        let mut watch = Watch::new()?;
        let begun = watch.begun;
        let over = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("sampler".into()).spawn({
            let over = over.clone();
            move || {
                watch.until(&over);
                watch
            }
        })?;
        let mut notes = Notes::lock();
        assert!(notes.begun.is_none(), "one sampler at a time");
        *notes = Notes { begun: Some(begun), ..Notes::NONE };
        Ok(Self { thread, over })
    }

    /// Takes a last point; returns all points and phases.
    ///
    /// # Errors
    /// When `/proc/self/statm` could not be read any more.
    ///
    /// # Panics
    /// When the sampler's thread has.
    pub fn finish(self) -> io::Result<(Vec<Point>, Vec<Phase>)> {
        // ORDERING: Relaxed: the flag says nothing but itself; the points come back by the join.
        self.over.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        let mut watch = self.thread.join().expect("the sampler panicked");
        watch.take_point();
        let mut notes = Notes::lock();
        notes.begun = None;
        let phases = notes.phases[..notes.count].iter();
        let phases = phases.map(|&(name, at_ns)| Phase { name: name.into(), at_ns }).collect();
        match watch.failed {
            Some(error) => Err(error),
            None => Ok((watch.points[..watch.count].to_vec(), phases)),
        }
    }
}

/// The points so far, and what it takes to take more.
#[derive(Debug)]
struct Watch {
    statm: File,
    page_bytes: u64,
    begun: Instant,
    interval: Duration,
    points: MappedSlice<Point>,
    count: usize,
    failed: Option<io::Error>,
}

impl Watch {
    /// With the first point taken.
    fn new() -> io::Result<Self> {
        // SAFETY: asks for a constant of the system.
        let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64;
        let statm = File::open("/proc/self/statm")?;
        let points = MappedSlice::new(MAX_POINTS, |_| Point { at_ns: 0, rss_bytes: 0, live_bytes: 0 });
        let begun = Instant::now();
        let mut watch = Self { statm, page_bytes, begun, interval: INTERVAL, points, count: 0, failed: None };
        watch.take_point();
        match watch.failed.take() {
            Some(error) => Err(error),
            None => Ok(watch),
        }
    }

    /// Takes points until `over` is set.
    fn until(&mut self, over: &AtomicBool) {
        // ORDERING: Relaxed: see `finish`.
        while !over.load(Ordering::Relaxed) {
            std::thread::park_timeout(self.interval);
            self.take_point();
        }
    }

    fn take_point(&mut self) {
        match self.rss_bytes() {
            Ok(rss_bytes) => {
                if self.count == self.points.len() {
                    self.thin_out();
                }
                // ORDERING: Relaxed: see `live`.
                let live_bytes = LIVE_BYTES.load(Ordering::Relaxed);
                self.points[self.count] = Point { at_ns: ns_since(self.begun), rss_bytes, live_bytes };
                self.count += 1;
            }
            Err(error) => self.failed = Some(error),
        }
    }

    /// Makes room for more points.
    fn thin_out(&mut self) {
        self.count /= 2;
        for i in 0..self.count {
            self.points[i] = self.points[2 * i];
        }
        self.interval *= 2;
    }

    /// The second number of `statm`, which counts pages.
    fn rss_bytes(&self) -> io::Result<u64> {
        let mut text = [0; 128];
        let length = self.statm.read_at(&mut text, 0)?;
        let pages = str::from_utf8(&text[..length]).ok().and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
        Ok(pages.ok_or(io::ErrorKind::InvalidData)? * self.page_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    /// One test, since there is one timeline in a process.
    #[test]
    fn shows_phases_and_what_becomes_resident() {
        const BYTES: usize = 64 << 20;
        let sampler = Sampler::start().expect("a /proc");
        phase("grow", 0);
        let block = black_box(vec![1_u8; BYTES]);
        phase("hold", BYTES);
        std::thread::sleep(10 * INTERVAL);
        let (points, phases) = sampler.finish().expect("a /proc");
        drop(block);

        assert_eq!(phases.iter().map(|phase| phase.name.as_str()).collect::<Vec<_>>(), ["grow", "hold"]);
        assert!(points.is_sorted_by_key(|point| point.at_ns));
        let (first, last) = (points[0], points[points.len() - 1]);
        assert_eq!((first.live_bytes, last.live_bytes), (0, BYTES as u64));
        assert!(last.rss_bytes > first.rss_bytes + BYTES as u64 / 2, "{first:?} {last:?}");
    }

    #[test]
    fn drops_every_second_point_when_full() {
        let mut watch = Watch::new().expect("a /proc");
        for _ in watch.count..MAX_POINTS + 1 {
            watch.take_point();
        }
        assert_eq!((watch.count, watch.interval), (MAX_POINTS / 2 + 1, 2 * INTERVAL));
        let points = &watch.points[..watch.count];
        assert!(points.is_sorted_by_key(|point| point.at_ns));
    }
}
