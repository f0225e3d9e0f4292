//! `espresso`: minimises two-level logic; sets of cubes are split, merged and dropped.
//!
//! After the PLA optimiser whose allocation Grunwald, Zorn and Henderson studied, "Improving the cache locality of memory
//! allocation" (PLDI 1993), and the algorithms of Brayton, Hachtel, McMullen and Sangiovanni-Vincentelli, "Logic
//! Minimization Algorithms for VLSI Synthesis" (1984): the complement of a function by recursive splitting, then expansion
//! of each of its cubes against that complement.
//!
//! Differs: random functions of one output; only complement, expansion and removal of covered cubes, not the whole
//! minimisation. A cube is a box of its own and a set a vector of them, where the original keeps flat arrays with free
//! lists beside single cubes.
//!
//! Cannot show: a large heap. All sets together fit into the second-level cache.

use crate::rng::Rng;
use crate::tally::Tally;
use crate::{Pass, Setting};

const FUNCTIONS: usize = 170;
const VARIABLES: usize = 14;
const CUBES: usize = 24;
const LITERALS: usize = 4;

/// A product of literals in positional notation: for each variable a bit that it may be 0 and a bit that it may be 1.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cube(Box<[u8]>);

/// What a variable may be.
const ZERO: u8 = 1;
const ONE: u8 = 2;
const EITHER: u8 = ZERO | ONE;

impl Cube {
    fn universe() -> Self {
        Self(vec![EITHER; VARIABLES].into_boxed_slice())
    }

    fn random(rng: &mut Rng) -> Self {
        let mut cube = Self::universe();
        for _ in 0..LITERALS {
            cube.0[rng.below(VARIABLES)] = 1 + rng.below(2) as u8;
        }
        cube
    }

    fn literals(&self) -> impl Iterator<Item = usize> {
        (0..VARIABLES).filter(|&variable| self.0[variable] != EITHER)
    }

    /// The cube with `variable` replaced.
    fn with(&self, variable: usize, value: u8) -> Self {
        let mut cube = self.clone();
        cube.0[variable] = value;
        cube
    }

    fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & b != 0)
    }

    fn covers(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & b == *b)
    }
}

/// A sum of products.
type Cover = Vec<Cube>;

/// The cover where `variable` has `value`, as a function of the others.
fn cofactor(cover: &[Cube], variable: usize, value: u8) -> Cover {
    cover.iter().filter(|cube| cube.0[variable] & value != 0).map(|cube| cube.with(variable, EITHER)).collect()
}

/// The variable that most cubes depend on.
fn splitting_variable(cover: &[Cube]) -> Option<usize> {
    let uses = |variable: usize| cover.iter().filter(|cube| cube.0[variable] != EITHER).count();
    (0..VARIABLES).max_by_key(|&variable| uses(variable)).filter(|&variable| uses(variable) > 0)
}

/// Where no cube of the cover is.
fn complement(cover: &[Cube]) -> Cover {
    if cover.is_empty() {
        return vec![Cube::universe()];
    }
    if cover.iter().any(|cube| cube.literals().next().is_none()) {
        return Cover::new();
    }
    if let [cube] = cover {
        // De Morgan.
        return cube.literals().map(|variable| Cube::universe().with(variable, !cube.0[variable] & EITHER)).collect();
    }
    let variable = splitting_variable(cover).expect("a cube has literals");
    let mut zero = complement(&cofactor(cover, variable, ZERO));
    let mut one = complement(&cofactor(cover, variable, ONE));
    zero.sort_unstable();
    one.sort_unstable();
    // What both halves share does not depend on the variable.
    let (both, one): (Cover, Cover) = one.into_iter().partition(|cube| zero.binary_search(cube).is_ok());
    zero.retain(|cube| both.binary_search(cube).is_err());
    let zero = zero.iter().map(|cube| cube.with(variable, ZERO));
    let one = one.iter().map(|cube| cube.with(variable, ONE));
    zero.chain(one).chain(both.iter().cloned()).collect()
}

/// Drops literals of each cube as long as it stays outside `off`, then cubes that others cover.
fn expand(on: &[Cube], off: &[Cube]) -> Cover {
    let mut expanded = Cover::new();
    for cube in on {
        let mut cube = cube.clone();
        for variable in cube.literals().collect::<Vec<_>>() {
            let larger = cube.with(variable, EITHER);
            if !off.iter().any(|cube| cube.intersects(&larger)) {
                cube = larger;
            }
        }
        if !expanded.iter().any(|other| other.covers(&cube)) {
            expanded.retain(|other| !cube.covers(other));
            expanded.push(cube);
        }
    }
    expanded
}

pub(super) fn prepare(setting: &Setting) -> Pass {
    let seed = setting.seed;
    let functions = setting.scaled(FUNCTIONS);
    Box::new(move || {
        let mut rng = Rng::new(seed);
        let mut tally = Tally::default();
        for _ in 0..functions {
            let on: Cover = (0..CUBES).map(|_| Cube::random(&mut rng)).collect();
            let off = complement(&on);
            let minimal = expand(&on, &off);
            let apart = minimal.iter().all(|cube| !off.iter().any(|other| cube.intersects(other)));
            let covered = on.iter().all(|cube| minimal.iter().any(|other| other.covers(cube)));
            tally.expect(apart && covered, "a set of cubes");
            tally.add((off.len() << 16 | minimal.len()) as u64);
            tally.add(minimal.iter().flat_map(Cube::literals).sum::<usize>() as u64);
        }
        tally.outcome()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cover_and_its_complement_part_the_space() {
        let mut rng = Rng::new(3);
        let on: Cover = (0..CUBES).map(|_| Cube::random(&mut rng)).collect();
        let off = complement(&on);
        let minimal = expand(&on, &off);
        for point in 0..1_u32 << VARIABLES {
            let point = Cube((0..VARIABLES).map(|variable| 1 << (point >> variable & 1)).collect());
            let [on, off, minimal] = [&on, &off, &minimal].map(|cover| cover.iter().any(|cube| cube.covers(&point)));
            assert!(on != off && on == minimal);
        }
    }
}
