//! Feeds random byte strings, and the corpus with bytes changed, to a target: where there is no libFuzzer.
//!
//! `cargo run --release --no-default-features --example random -- <target> [seconds] [seed]`. The seed is printed; the same seed makes the same inputs.

use arbitrary::{Arbitrary, Unstructured};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[path = "../../tests/common/rng.rs"]
mod rng;
use rng::SplitMix64;

fn play<'a, A: Arbitrary<'a>>(bytes: &'a [u8], run: fn(A)) {
    if let Ok(actions) = A::arbitrary_take_rest(Unstructured::new(bytes)) {
        run(actions);
    }
}

fn play_by_name(target: &str) -> fn(&[u8]) {
    match target {
        "global_alloc" => |bytes| play(bytes, cenote_fuzz::global_alloc::run),
        "heaps" => |bytes| play(bytes, cenote_fuzz::heaps::run),
        "threads" => |bytes| play(bytes, cenote_fuzz::threads::run),
        _ => panic!("the targets are global_alloc, heaps and threads"),
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let target = arguments.next().expect("usage: random <target> [seconds] [seed]");
    let seconds = arguments.next().map_or(20, |seconds| seconds.parse().expect("a number of seconds"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right");
    let seed = arguments.next().map_or(now.as_nanos() as u64, |seed| seed.parse().expect("a number"));
    let play = play_by_name(&target);
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(&target);
    let corpus: Vec<Vec<u8>> = std::fs::read_dir(corpus)
        .map(|files| files.map(|file| std::fs::read(file.expect("readable").path()).expect("readable")).collect())
        .unwrap_or_default();
    println!("{target}: seed {seed}, {} inputs in the corpus", corpus.len());

    corpus.iter().for_each(|bytes| play(bytes));
    let mut inputs = corpus.len();
    let mut random = SplitMix64(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let mut bytes = if corpus.is_empty() || random.below(2) == 0 { Vec::new() } else { corpus[random.below(corpus.len())].clone() };
        if bytes.is_empty() {
            let length = random.size(4096);
            bytes.extend((0..length).map(|_| random.next() as u8));
        }
        for _ in 0..random.below(bytes.len() / 8 + 2) {
            let place = random.below(bytes.len());
            bytes[place] = random.next() as u8;
        }
        play(&bytes);
        inputs += 1;
    }
    println!("{target}: {inputs} inputs played");
}
