//! `rhai`: an interpreter with a script that makes objects.
//!
//! It imitates a program that is extended by scripts, such as a game or a rule engine: rhai parses a script, and runs it
//! on arrays, maps, strings and closures, every one of which is a block or several. Frames and small values come and go;
//! the script's own data grows beside them.
//!
//! Its number cannot show a tracing collector: rhai counts references.

use super::{expect, spoiled};
use crate::{Outcome, Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use rhai::{Array, Dynamic, Engine, Scope};

/// A script.
pub const WORKLOAD: Workload = Workload {
    name: "rhai",
    group: Group::Program,
    about: "rhai interprets a script that makes and transforms arrays, maps and strings",
    quick: true,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

/// Makes particles, moves them, groups them by cell, and writes a line for each cell.
const SCRIPT: &str = r#"
    fn next(state) { (state * 1103515245 + 12345) % 2147483648 }

    fn make(count, seed) {
        let state = seed;
        let particles = [];
        for n in 0..count {
            state = next(state);
            let x = state % 1000;
            state = next(state);
            particles.push(#{ name: "p" + n, x: x, speed: state % 7, trail: [x] });
        }
        particles
    }

    let particles = make(count, seed);
    for step in 0..steps {
        particles = particles.map(|p| {
            let moved = p;
            moved.x = (moved.x + moved.speed) % 1000;
            moved.trail.push(moved.x);
            moved
        });
    }
    let cells = #{};
    for p in particles {
        let cell = "cell" + (p.x / 50);
        if !(cell in cells) { cells[cell] = []; }
        cells[cell].push(p.name + ":" + p.trail.len());
    }
    let lines = [];
    for cell in cells.keys() {
        let text = cell;
        for name in cells[cell] { text += " " + name; }
        lines.push(text);
    }
    [particles.map(|p| p.x).reduce(|sum, x| sum + x, 0), lines]
"#;

const STEPS: i64 = 8;

fn write(setting: &Setting) -> Vec<u8> {
    let count = setting.scaled(2_500) as i64;
    let seed = (setting.seed % 100_000) as i64;
    input::encode(&(count, seed, expected(count, seed)))
}

fn read(_: &Setting, input: &'static [u8]) -> Pass {
    let (count, seed, (sum, cells, text)) = input::decode(input);
    Box::new(move || run(count, seed, sum, cells, text))
}

/// The sum of all places, the cells in use and the bytes of all lines, by the same rules without an interpreter.
fn expected(count: i64, seed: i64) -> (i64, usize, usize) {
    let next = |state: i64| (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    let mut state = seed;
    let (mut sum, mut text) = (0, 0);
    let mut cells = std::collections::BTreeSet::new();
    for n in 0..count {
        state = next(state);
        let start = state % 1_000;
        state = next(state);
        let place = (start + state % 7 * STEPS) % 1_000;
        sum += place;
        text += format!(" p{n}:{}", STEPS + 1).len();
        cells.insert(place / 50);
    }
    text += cells.iter().map(|cell| format!("cell{cell}").len()).sum::<usize>();
    (sum, cells.len(), text)
}

fn run(count: i64, seed: i64, sum: i64, cells: usize, text: usize) -> Outcome {
    let engine = Engine::new();
    let mut scope = Scope::new();
    scope.push_constant("count", count).push_constant("seed", seed).push_constant("steps", STEPS);
    let result: Array = engine.eval_with_scope(&mut scope, SCRIPT).map_err(spoiled)?;
    let [found, lines] = &result[..] else { return Err("the script's result has another shape".into()) };
    expect("sum of places", found.as_int().map_err(spoiled)?, sum)?;
    let lines: Array = lines.clone().try_cast().ok_or("the script's lines are no array")?;
    expect("cells", lines.len(), cells)?;
    let length = |line: &Dynamic| line.as_immutable_string_ref().map(|line| line.len());
    let bytes = lines.iter().map(length).sum::<Result<usize, _>>().map_err(spoiled)?;
    expect("bytes of lines", bytes, text)?;
    Ok(sum as u64 * 31 + bytes as u64)
}
