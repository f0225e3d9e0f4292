//! Imitates a cache of pages or objects in front of a database: full all the time, the least recently used leave, and what
//! is stored grows and shrinks again with the hours.
//!
//! Cannot show: pauses, and the cost of a miss. The cache's own list and table are not counted as live, for each allocator
//! alike.

use super::ledger::Ledger;
use crate::rng::Rng;
use crate::{Pass, Setting};
use lru::LruCache;

const CAPACITY_BYTES: usize = 64 << 20;
const REQUESTS_PER_STAGE: usize = 100_000;
const KEYS: f64 = 300_000.0;

/// The mean size of an entry in each stage.
const STAGES: [(&str, usize); 7] = [
    ("about 200 B", 200),
    ("about 500 B", 500),
    ("about 1.2 kB", 1200),
    ("about 3 kB", 3000),
    ("about 1.2 kB again", 1200),
    ("about 500 B again", 500),
    ("about 200 B again", 200),
];

type Entry = Box<[u8]>;

pub(super) fn prepare(setting: &Setting) -> Pass {
    let setting = *setting;
    let capacity_bytes = setting.scaled(CAPACITY_BYTES);
    let requests = setting.scaled(REQUESTS_PER_STAGE);
    Box::new(move || {
        let mut rng = Rng::new(setting.seed);
        let mut ledger = Ledger::new(&setting);
        let mut cache = LruCache::<u32, Entry>::unbounded();
        for (name, mean_size) in STAGES {
            ledger.phase(name);
            for _ in 0..requests {
                let key = key(&mut rng);
                if let Some(entry) = cache.get(&key) {
                    ledger.expect(is_intact(key, entry), "an entry");
                    continue;
                }
                let entry = vec![key as u8; rng.between(mean_size / 2, 2 * mean_size)].into_boxed_slice();
                ledger.took(entry.len());
                cache.put(key, entry);
                while ledger.live_bytes() > capacity_bytes {
                    evict(&mut cache, &mut ledger);
                }
            }
        }
        ledger.phase("free all");
        while !cache.is_empty() {
            evict(&mut cache, &mut ledger);
        }
        drop(cache);
        ledger.outcome()
    })
}

/// Low keys are asked for more often.
fn key(rng: &mut Rng) -> u32 {
    let unit = rng.below(1 << 24) as f64 / (1 << 24) as f64;
    (unit * unit * KEYS) as u32
}

fn evict(cache: &mut LruCache<u32, Entry>, ledger: &mut Ledger) {
    if let Some((key, entry)) = cache.pop_lru() {
        ledger.expect(is_intact(key, &entry), "an entry");
        ledger.gave(entry.len());
    }
}

fn is_intact(key: u32, entry: &[u8]) -> bool {
    [entry.first(), entry.last()] == [Some(&(key as u8)); 2]
}
