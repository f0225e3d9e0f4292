//! An allocator's colour and shape.

use super::{Area, Drawn};
use crate::statistics::summary::OURS;
use plotters::prelude::*;

const VERMILLION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
const SKY: RGBColor = RGBColor(0x56, 0xB4, 0xE9);
const GREEN: RGBColor = RGBColor(0x00, 0x9E, 0x73);
const PURPLE: RGBColor = RGBColor(0xCC, 0x79, 0xA7);
const ORANGE: RGBColor = RGBColor(0xE6, 0x9F, 0x00);
const GREY: RGBColor = RGBColor(0x80, 0x80, 0x80);

/// What a mark looks like, apart from its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::report) enum Shape {
    Disc,
    Ring,
    Square,
    Diamond,
    Up,
    Down,
    Cross,
}

/// A colour and a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) struct Mark {
    pub(in crate::report) colour: RGBColor,
    shape: Shape,
}

/// The allocators that the suite knows. Relatives share a hue.
const KNOWN: [(&str, RGBColor, Shape); 14] = [
    (OURS, VERMILLION, Shape::Disc),
    ("system", GREY, Shape::Ring),
    ("mimalloc", BLUE, Shape::Square),
    ("mimalloc-v2", SKY, Shape::Square),
    ("jemalloc", GREEN, Shape::Up),
    ("snmalloc", PURPLE, Shape::Diamond),
    ("rpmalloc", ORANGE, Shape::Down),
    ("tcmalloc", GREEN, Shape::Cross),
    ("rusty_alloc", BLUE, Shape::Diamond),
    ("sefer-alloc", PURPLE, Shape::Up),
    ("smmalloc", ORANGE, Shape::Square),
    ("ferroc", SKY, Shape::Down),
    ("talc", GREEN, Shape::Ring),
    ("dlmalloc", GREY, Shape::Cross),
];

/// What is left for others.
const SPARE: [(RGBColor, Shape); 8] = [
    (BLUE, Shape::Cross),
    (ORANGE, Shape::Ring),
    (PURPLE, Shape::Square),
    (SKY, Shape::Diamond),
    (GREEN, Shape::Down),
    (GREY, Shape::Up),
    (PURPLE, Shape::Ring),
    (ORANGE, Shape::Cross),
];

impl Mark {
    /// The mark of an allocator, among all those of a run. Allocators that the suite does not know take what is left, in
    /// their order.
    pub(in crate::report) fn of(subject: &str, subjects: &[String]) -> Self {
        let known = |name: &str| KNOWN.iter().find(|(known, ..)| *known == name);
        if let Some(&(_, colour, shape)) = known(subject) {
            return Self { colour, shape };
        }
        let unknown = subjects.iter().filter(|name| known(name).is_none());
        let index = unknown.take_while(|name| *name != subject).count();
        let (colour, shape) = SPARE[index % SPARE.len()];
        Self { colour, shape }
    }

    /// Draws it around `at`, `radius` pixels large.
    pub(super) fn draw(self, area: &Area<'_>, (x, y): (i32, i32), radius: i32) -> Drawn {
        let fill = self.colour.filled();
        let stroke = self.colour.stroke_width((radius as u32 / 3).max(2));
        let polygon = |corners: &[(i32, i32)]| {
            let corners: Vec<(i32, i32)> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
            area.draw(&Polygon::new(corners, fill))
        };
        // What a square of the same area would have for half a side, and the like: marks look alike in size.
        let half = radius * 9 / 10;
        let long = radius * 13 / 10;
        match self.shape {
            Shape::Disc => area.draw(&Circle::new((x, y), radius, fill)),
            Shape::Ring => area.draw(&Circle::new((x, y), radius - radius / 6, stroke)),
            Shape::Square => polygon(&[(-half, -half), (half, -half), (half, half), (-half, half)]),
            Shape::Diamond => polygon(&[(0, -long), (long, 0), (0, long), (-long, 0)]),
            Shape::Up => polygon(&[(0, -long), (long, radius), (-long, radius)]),
            Shape::Down => polygon(&[(0, long), (long, -radius), (-long, -radius)]),
            Shape::Cross => {
                area.draw(&PathElement::new(vec![(x - half, y - half), (x + half, y + half)], stroke))?;
                area.draw(&PathElement::new(vec![(x - half, y + half), (x + half, y - half)], stroke))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_allocators_look_alike() {
        let known = KNOWN.iter().map(|&(_, RGBColor(r, g, b), shape)| (r, g, b, shape));
        let spare = SPARE.iter().map(|&(RGBColor(r, g, b), shape)| (r, g, b, shape));
        let all: HashSet<_> = known.chain(spare).collect();
        assert_eq!(all.len(), KNOWN.len() + SPARE.len());
    }

    #[test]
    fn an_allocator_keeps_its_mark_whoever_else_runs() {
        let alone = Mark::of("jemalloc", &["jemalloc".into()]);
        let among = Mark::of("jemalloc", &["cenote".into(), "unheard-of".into(), "jemalloc".into()]);
        assert_eq!(alone, among);
        let others = ["one".to_string(), "two".to_string()];
        assert_ne!(Mark::of("one", &others), Mark::of("two", &others));
    }
}
