//! Time against memory: every allocator a point, better towards the lower left.

use super::mark::Mark;
use super::{Area, Drawn, GRID, INK, MUTED, label, picture, ratio_tick, ratio_ticks, text, width};
use crate::statistics::Summary;
use crate::statistics::summary::OURS;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

const SIZE: (u32, u32) = (1000, 900);
const FONT: f64 = 27.0;
const RADIUS: i32 = 13;

/// One allocator.
struct Dot<'a> {
    subject: &'a str,
    mark: Mark,
    time: f64,
    memory: f64,
}

/// The picture, of all allocators that have both means; none when there is no such.
pub(in crate::report) fn scatter(summary: &Summary) -> Option<String> {
    let (wall, rss) = (&summary.overall.wall, &summary.overall.peak_rss);
    let dots: Vec<Dot<'_>> = summary
        .subjects
        .iter()
        .filter_map(|subject| {
            let (time, memory) = (wall.standing(subject)?, rss.standing(subject)?);
            let complete = wall.is_complete(time) && rss.is_complete(memory);
            let (time, memory) = (time.mean.filter(|_| complete)?.value, memory.mean?.value);
            Some(Dot { subject, mark: Mark::of(subject, &summary.subjects), time, memory })
        })
        .collect();
    (!dots.is_empty()).then(|| picture(SIZE, "Time against memory, every allocator a point", |area| draw(area, &dots)))
}

fn draw(area: &Area<'_>, dots: &[Dot<'_>]) -> Drawn {
    let (x, y) = (range(dots.iter().map(|dot| dot.time)), range(dots.iter().map(|dot| dot.memory)));
    let (x_ticks, y_ticks) = (ratio_ticks(x.0, x.1), ratio_ticks(y.0, y.1));
    let mut chart = ChartBuilder::on(area).margin(20).x_label_area_size(96).y_label_area_size(130).build_cartesian_2d(
        (x.0..x.1).log_scale().with_key_points(x_ticks),
        (y.0..y.1).log_scale().with_key_points(y_ticks),
    )?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(2))
        .axis_style(MUTED.stroke_width(2))
        .label_style(text(FONT * 0.9, MUTED, HPos::Left, VPos::Center))
        .axis_desc_style(text(FONT, INK, HPos::Center, VPos::Center))
        .x_label_formatter(&ratio_tick)
        .y_label_formatter(&ratio_tick)
        .x_desc("wall time over the best (← faster)")
        .y_desc("peak RSS over the lowest (← leaner)")
        .draw()?;

    let at = |dot: &Dot<'_>| chart.plotting_area().map_coordinate(&(dot.time, dot.memory));
    let frontier: Vec<(i32, i32)> = frontier(dots).into_iter().map(at).collect();
    area.draw(&PathElement::new(frontier, MUTED.mix(0.45).stroke_width(3)))?;

    let (xs, ys) = chart.plotting_area().get_pixel_range();
    let mut placed: Vec<Frame> = dots.iter().map(|dot| Frame::around(at(dot), RADIUS)).collect();
    let mut ordered: Vec<&Dot<'_>> = dots.iter().collect();
    // cenote's name is placed first and drawn last.
    ordered.sort_by_key(|dot| dot.subject != OURS);
    let mut names = Vec::new();
    for dot in &ordered {
        let place = place(at(dot), width(dot.subject, FONT), (xs.clone(), ys.clone()), &placed);
        placed.push(place.0);
        names.push((dot, place));
    }
    for (dot, (frame, from)) in names.iter().rev() {
        let point = at(dot);
        let ours = dot.subject == OURS;
        if ours {
            area.draw(&Circle::new(point, RADIUS * 2, dot.mark.colour.mix(0.25).filled()))?;
        }
        dot.mark.draw(area, point, if ours { RADIUS * 5 / 4 } else { RADIUS })?;
        if *from > RADIUS * 3 {
            area.draw(&PathElement::new(vec![point, frame.nearest(point)], MUTED.stroke_width(2)))?;
        }
        label(area, dot.subject, (frame.left, (frame.top + frame.bottom) / 2), FONT, HPos::Left)?;
    }
    Ok(())
}

/// The axis' ends: a little beyond the least and the largest, and never so close that nothing seems much.
fn range(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(1.3, f64::max);
    let beyond = (high / low).powf(0.08);
    (low / beyond, high * beyond)
}

/// The allocators that nobody beats in both, fastest first.
fn frontier<'a, 'b>(dots: &'b [Dot<'a>]) -> Vec<&'b Dot<'a>> {
    let mut sorted: Vec<&Dot<'_>> = dots.iter().collect();
    sorted.sort_by(|a, b| a.time.total_cmp(&b.time).then(a.memory.total_cmp(&b.memory)));
    let mut least = f64::INFINITY;
    sorted.retain(|dot| {
        let beats = dot.memory < least;
        least = least.min(dot.memory);
        beats
    });
    sorted
}

/// A rectangle of pixels.
#[derive(Clone, Copy)]
struct Frame {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl Frame {
    fn around((x, y): (i32, i32), radius: i32) -> Self {
        Self { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius }
    }

    /// How many pixels it shares with another.
    fn shared(&self, other: &Self) -> i64 {
        let wide = self.right.min(other.right) - self.left.max(other.left);
        let high = self.bottom.min(other.bottom) - self.top.max(other.top);
        i64::from(wide.max(0)) * i64::from(high.max(0))
    }

    /// Its point that is nearest to `to`.
    fn nearest(&self, to: (i32, i32)) -> (i32, i32) {
        (to.0.clamp(self.left, self.right), to.1.clamp(self.top, self.bottom))
    }
}

/// Where a name of `wide` pixels at `point` covers least of what is there, nearer places first; and how far away it is.
fn place(
    (x, y): (i32, i32),
    wide: i32,
    (xs, ys): (std::ops::Range<i32>, std::ops::Range<i32>),
    placed: &[Frame],
) -> (Frame, i32) {
    let high = (FONT * 1.1) as i32;
    let candidates = (0..6).flat_map(|ring| {
        let away = RADIUS * 3 / 2 + ring * RADIUS * 3 / 2;
        let (left, right, middle) = (x - away - wide, x + away, x - wide / 2);
        let (above, below, level) = (y - away - high / 2, y + away + high / 2, y);
        let places = [
            (right, level),
            (left, level),
            (middle, above),
            (middle, below),
            (right, above),
            (right, below),
            (left, above),
            (left, below),
        ];
        places.map(|(left, middle)| {
            let top = middle - high / 2;
            (Frame { left, top, right: left + wide, bottom: top + high }, away)
        })
    });
    let inside = |rectangle: &Frame| {
        rectangle.left >= xs.start
            && rectangle.right <= xs.end
            && rectangle.top >= ys.start
            && rectangle.bottom <= ys.end
    };
    let covered = |rectangle: &Frame| placed.iter().map(|other| rectangle.shared(other)).sum::<i64>();
    let best = candidates.filter(|(rectangle, _)| inside(rectangle)).min_by_key(|(rectangle, _)| covered(rectangle));
    best.unwrap_or((Frame { left: x + RADIUS * 2, top: y - high / 2, right: x + wide, bottom: y + high / 2 }, 0))
}
