//! Times over the best of each workload: a line for each workload, a mark for each allocator, with its interval.

use super::mark::Mark;
use super::{Area, Drawn, GRID, INK, MUTED, legend, legend_height, picture, ratio_tick, ratio_ticks, text};
use crate::statistics::summary::{OURS, Row};
use crate::statistics::{Section, Summary};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

const WIDTH: u32 = 1500;
const FONT: f64 = 20.0;
const LINE: i32 = 62;
const LEFT: u32 = 300;
const RADIUS: i32 = 8;
/// Ratios beyond this one are drawn at the edge.
const FAR: f64 = 4.0;

/// The picture of a section's wall times; none without rows.
pub(in crate::report) fn dots(summary: &Summary, section: &Section, title: &str) -> Option<String> {
    let rows: Vec<&Row> = summary.headlines(section.group).filter(|row| row.all_measured().next().is_some()).collect();
    if rows.is_empty() {
        return None;
    }
    // In the order of the ranking, so that a line reads from the top down.
    let names: Vec<(&str, Mark)> = section
        .wall
        .standings
        .iter()
        .map(|standing| (standing.subject.as_str(), Mark::of(&standing.subject, &summary.subjects)))
        .collect();
    let top = legend_height(&names, 24, WIDTH as i32 - 24, FONT) + 36;
    let height = top as u32 + rows.len() as u32 * LINE as u32 + 96;
    Some(picture((WIDTH, height), title, |area| {
        legend(area, &names, (24, 30), WIDTH as i32 - 24, FONT)?;
        draw(area, top, &rows, &names)
    }))
}

fn draw(area: &Area<'_>, top: i32, rows: &[&Row], names: &[(&str, Mark)]) -> Drawn {
    let ratios = rows.iter().flat_map(|row| row.all_measured().map(|(_, measured)| measured.wall.to_best.value));
    let far = ratios.fold(1.25, f64::max).min(FAR);
    let (low, high) = (0.97, far * 1.06);
    let mut chart = ChartBuilder::on(area)
        .margin_top(top)
        .margin_right(40)
        .margin_bottom(10)
        .x_label_area_size(76)
        .y_label_area_size(LEFT)
        .build_cartesian_2d((low..high).log_scale().with_key_points(ratio_ticks(1.0, far)), 0.0..rows.len() as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(2))
        .axis_style(TRANSPARENT)
        .label_style(text(FONT, MUTED, HPos::Left, VPos::Center))
        .axis_desc_style(text(FONT, INK, HPos::Center, VPos::Center))
        .x_label_formatter(&ratio_tick)
        .x_desc("wall time over the best of the workload")
        .draw()?;

    let plot = chart.plotting_area();
    let (xs, ys) = plot.get_pixel_range();
    let x = |ratio: f64| plot.map_coordinate(&(ratio.clamp(low, high), 0.0)).0;
    let best = x(1.0);
    area.draw(&PathElement::new(vec![(best, ys.start), (best, ys.end)], MUTED.stroke_width(3)))?;
    for (index, row) in rows.iter().enumerate() {
        let above = ys.start + (ys.end - ys.start) * index as i32 / rows.len() as i32;
        if index % 2 == 0 {
            area.draw(&Rectangle::new([(24, above), (xs.end, above + LINE)], GRID.mix(0.35).filled()))?;
        }
        let middle = above + LINE / 2;
        area.draw_text(&row.label(), &text(FONT, INK, HPos::Right, VPos::Center), (xs.start - 18, middle))?;
        // cenote is drawn last, over the others.
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|index| names[*index].0 == OURS);
        for place in order {
            let (name, mark) = names[place];
            let Some(measured) = row.measured(name) else { continue };
            let ours = name == OURS;
            let room = LINE - RADIUS * 4;
            let y = above + RADIUS * 2 + room * place as i32 / (names.len() as i32 - 1).max(1);
            let ratio = &measured.wall.to_best;
            let (weight, width) = if ours { (0.9, 4) } else { (0.45, 2) };
            let whisker = vec![(x(ratio.interval.low), y), (x(ratio.interval.high), y)];
            area.draw(&PathElement::new(whisker, mark.colour.mix(weight).stroke_width(width)))?;
            mark.draw(area, (x(ratio.value), y), if ours { RADIUS * 3 / 2 } else { RADIUS })?;
        }
    }
    Ok(())
}
