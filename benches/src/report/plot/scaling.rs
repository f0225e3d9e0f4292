//! Scaling: passes a second by threads, a panel for each workload.

use super::mark::Mark;
use super::{Area, Drawn, GRID, INK, MUTED, legend, legend_height, picture, text};
use crate::statistics::Scaling;
use crate::statistics::summary::OURS;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

const PANEL: (u32, u32) = (720, 540);
const COLUMNS: usize = 2;
const FONT: f64 = 24.0;

/// A picture for each workload.
pub(in crate::report) fn panels(scaling: &[Scaling], subjects: &[String], cpus: usize) -> Vec<String> {
    let panels = scaling.iter().map(|workload| {
        let title = format!("{}: passes a second by threads", workload.workload);
        picture(PANEL, &title, |area| panel(area, workload, subjects, cpus))
    });
    panels.collect()
}

/// All of them in one picture, with the legend.
pub(in crate::report) fn grid(scaling: &[Scaling], subjects: &[String], cpus: usize) -> String {
    let columns = scaling.len().clamp(1, COLUMNS);
    let rows = scaling.len().div_ceil(columns).max(1) as u32;
    let names: Vec<(&str, Mark)> = subjects.iter().map(|name| (name.as_str(), Mark::of(name, subjects))).collect();
    let width = PANEL.0 * columns as u32;
    let top = legend_height(&names, 24, width as i32 - 24, FONT) as u32 + 30;
    picture((width, top + PANEL.1 * rows), "Passes a second by threads", |area| {
        legend(area, &names, (24, 30), width as i32 - 24, FONT)?;
        let (_, below) = area.split_vertically(top);
        for (part, workload) in below.split_evenly((rows as usize, columns)).iter().zip(scaling) {
            panel(part, workload, subjects, cpus)?;
        }
        Ok(())
    })
}

fn panel(area: &Area<'_>, scaling: &Scaling, subjects: &[String], cpus: usize) -> Drawn {
    area.draw_text(&scaling.workload, &text(FONT * 1.1, INK, HPos::Left, VPos::Center), (30, 30))?;
    let points = || scaling.lines.iter().flat_map(|(_, points)| points.iter().copied());
    let mut threads: Vec<usize> = points().map(|(threads, _)| threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let (Some(&first), Some(&last)) = (threads.first(), threads.last()) else { return Ok(()) };
    let fastest = points().map(|(_, rate)| rate).fold(0.0, f64::max) * 1.15;
    let ticks: Vec<f64> = threads.iter().map(|threads| *threads as f64).collect();
    let mut chart = ChartBuilder::on(area)
        .margin_top(60)
        .margin_left(8)
        .margin_right(30)
        .margin_bottom(6)
        .x_label_area_size(72)
        .y_label_area_size(120)
        .build_cartesian_2d((first as f64 / 1.1..last as f64 * 1.1).log_scale().with_key_points(ticks), 0.0..fastest)?;
    chart
        .configure_mesh()
        .y_labels(6)
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(2))
        .axis_style(MUTED.stroke_width(2))
        .label_style(text(FONT * 0.9, MUTED, HPos::Left, VPos::Center))
        .axis_desc_style(text(FONT * 0.9, INK, HPos::Center, VPos::Center))
        .x_label_formatter(&|threads| format!("{threads:.0}"))
        .y_label_formatter(&|rate| format!("{rate:.0}"))
        .x_desc("threads")
        .y_desc("passes a second")
        .draw()?;

    // What the fastest at the fewest threads would do with every further processor.
    let start = points().filter(|(threads, _)| *threads == first).map(|(_, rate)| rate).fold(0.0, f64::max);
    let ideal = threads.iter().map(|&threads| {
        let processors = threads.min(cpus.max(first));
        (threads as f64, (start * processors as f64 / first as f64).min(fastest))
    });
    chart.draw_series(DashedLineSeries::new(ideal.collect::<Vec<_>>(), 9, 8, MUTED.stroke_width(3)))?;
    let mut lines: Vec<&(String, Vec<(usize, f64)>)> = scaling.lines.iter().collect();
    lines.sort_by_key(|(subject, _)| subject == OURS);
    for (subject, points) in lines {
        let mark = Mark::of(subject, subjects);
        let wide = if subject == OURS { 5 } else { 2 };
        let points: Vec<(f64, f64)> = points.iter().map(|&(threads, rate)| (threads as f64, rate)).collect();
        let pixels: Vec<(i32, i32)> = points.iter().map(|point| chart.plotting_area().map_coordinate(point)).collect();
        chart.draw_series(LineSeries::new(points, mark.colour.stroke_width(wide)))?;
        // Coordinates of the whole picture; the panel's own begin at its corner.
        let (left, top) = area.get_base_pixel();
        for (x, y) in pixels {
            mark.draw(area, (x - left, y - top), if subject == OURS { 10 } else { 7 })?;
        }
    }
    Ok(())
}
