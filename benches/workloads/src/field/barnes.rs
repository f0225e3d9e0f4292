//! `barnes`: an n-body simulation with an octree.
//!
//! After Barnes and Hut, "A hierarchical O(N log N) force-calculation algorithm" (Nature 324, 1986), which mimalloc-bench
//! runs in Hoard's version: each step builds a tree of cubes over all bodies, sums up forces from far cubes as from one
//! body, moves the bodies and takes the tree down.
//!
//! Differs: a node is a box of its own, where the original keeps arrays of them; fewer bodies; one thread.
//!
//! Cannot show: the time of allocation, which is little. What differs is how near to each other the nodes lie that the
//! walks visit.

use crate::rng::Rng;
use crate::tally::Tally;
use crate::{Pass, Setting};
use std::array;

const BODIES: usize = 5000;
const STEPS: usize = 3;

/// A cube counts as far when its side is below this part of its distance.
const OPENING: f64 = 0.7;
/// Keeps close encounters finite.
const SOFTENING: f64 = 0.05;
const STEP_TIME: f64 = 0.01;

/// Below this depth bodies at one place share a node.
const MAX_DEPTH: u32 = 60;

type Vector = [f64; 3];

#[derive(Clone, Copy)]
struct Body {
    place: Vector,
    speed: Vector,
}

/// A cube with all bodies in it, each of mass one.
struct Node {
    /// Sum of the bodies' places.
    moment: Vector,
    bodies: f64,
    children: [Option<Box<Node>>; 8],
}

impl Node {
    fn of(place: Vector) -> Box<Self> {
        Box::new(Self { moment: place, bodies: 1.0, children: Default::default() })
    }

    fn center_of_mass(&self) -> Vector {
        self.moment.map(|sum| sum / self.bodies)
    }

    /// Adds a body to this cube around `middle`.
    fn insert(&mut self, place: Vector, middle: Vector, half_side: f64, depth: u32) {
        if self.bodies == 1.0 && depth < MAX_DEPTH {
            // A cube of one body becomes one with children.
            self.insert_below(self.moment, middle, half_side, depth);
        }
        self.moment = array::from_fn(|axis| self.moment[axis] + place[axis]);
        self.bodies += 1.0;
        if depth < MAX_DEPTH {
            self.insert_below(place, middle, half_side, depth);
        }
    }

    fn insert_below(&mut self, place: Vector, middle: Vector, half_side: f64, depth: u32) {
        let octant = (0..3).fold(0, |octant, axis| octant | usize::from(place[axis] >= middle[axis]) << axis);
        let quarter = half_side / 2.0;
        match &mut self.children[octant] {
            Some(child) => {
                let sign = |axis: usize| if octant >> axis & 1 == 1 { quarter } else { -quarter };
                child.insert(place, array::from_fn(|axis| middle[axis] + sign(axis)), quarter, depth + 1);
            }
            empty => *empty = Some(Self::of(place)),
        }
    }

    /// Adds to `pull` what the bodies in this cube of `side` exert on one at `place`.
    fn pull(&self, place: Vector, side: f64, pull: &mut Vector) {
        let center = self.center_of_mass();
        let toward: Vector = array::from_fn(|axis| center[axis] - place[axis]);
        let distance_squared: f64 = toward.iter().map(|x| x * x).sum::<f64>() + SOFTENING * SOFTENING;
        if self.bodies == 1.0 || side * side < OPENING * OPENING * distance_squared {
            let strength = self.bodies / (distance_squared * distance_squared.sqrt());
            *pull = array::from_fn(|axis| pull[axis] + strength * toward[axis]);
        } else {
            for child in self.children.iter().flatten() {
                child.pull(place, side / 2.0, pull);
            }
        }
    }
}

pub(super) fn prepare(setting: &Setting) -> Pass {
    let mut rng = Rng::new(setting.seed);
    let bodies: Vec<Body> = (0..setting.scaled(BODIES))
        .map(|_| Body { place: array::from_fn(|_| rng.below(1 << 20) as f64 / (1 << 20) as f64), speed: [0.0; 3] })
        .collect();
    Box::new(move || {
        let mut bodies = bodies.clone();
        let mut tally = Tally::default();
        for _ in 0..STEPS {
            step(&mut bodies, &mut tally);
        }
        for number in bodies.iter().flat_map(|body| body.place) {
            tally.add(number.to_bits());
        }
        tally.outcome()
    })
}

fn step(bodies: &mut [Body], tally: &mut Tally) {
    let reach = bodies.iter().flat_map(|body| body.place).fold(1.0, |reach: f64, x| reach.max(x.abs()));
    let mut root = Node::of(bodies[0].place);
    for body in &bodies[1..] {
        root.insert(body.place, [0.0; 3], reach, 0);
    }
    tally.expect(root.bodies == bodies.len() as f64, "the octree");
    for body in bodies {
        let mut pull = [0.0; 3];
        root.pull(body.place, 2.0 * reach, &mut pull);
        body.speed = array::from_fn(|axis| body.speed[axis] + STEP_TIME * pull[axis]);
        body.place = array::from_fn(|axis| body.place[axis] + STEP_TIME * body.speed[axis]);
    }
}
