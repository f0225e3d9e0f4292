//! Memory over time: resident and live bytes of one allocator, cenote's beside it.

use super::mark::Mark;
use super::{Area, Drawn, GRID, INK, MUTED, bold, picture, text};
use crate::statistics::MemoryCurve;
use crate::statistics::summary::OURS;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

const PANEL: (u32, u32) = (660, 440);
const COLUMNS: usize = 3;
const FONT: f64 = 23.0;
const NS_PER_S: f64 = 1e9;
const BYTES_PER_MIB: f64 = (1 << 20) as f64;

/// How far the axes of all panels of a workload go, in seconds and MiB.
#[derive(Clone, Copy)]
struct Extent {
    seconds: f64,
    mib: f64,
}

impl Extent {
    fn of(curves: &[&MemoryCurve]) -> Self {
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let seconds = points().map(|point| point.at_ns as f64 / NS_PER_S).fold(0.0, f64::max);
        let mib =
            points().map(|point| point.rss_bytes.max(point.live_bytes) as f64 / BYTES_PER_MIB).fold(1.0, f64::max);
        Self { seconds: seconds.max(1e-3), mib: mib * 1.12 }
    }
}

/// A picture for each allocator; all curves are of one workload and have the same axes.
pub(in crate::report) fn panels(curves: &[&MemoryCurve], subjects: &[String]) -> Vec<String> {
    let extent = Extent::of(curves);
    let ours = ours(curves);
    let panels = curves.iter().map(|curve| {
        let title = format!("{}: memory of {} over time", curve.workload, curve.subject);
        picture(PANEL, &title, |area| panel(area, curve, ours, subjects, extent))
    });
    panels.collect()
}

/// All of them in one picture.
pub(in crate::report) fn grid(curves: &[&MemoryCurve], subjects: &[String]) -> String {
    let extent = Extent::of(curves);
    let columns = curves.len().clamp(1, COLUMNS);
    let rows = curves.len().div_ceil(columns).max(1);
    let title = format!("{}: memory over time", curves.first().map_or("", |curve| curve.workload.as_str()));
    picture((PANEL.0 * columns as u32, PANEL.1 * rows as u32), &title, |area| {
        for (part, curve) in area.split_evenly((rows, columns)).iter().zip(curves) {
            panel(part, curve, ours(curves), subjects, extent)?;
        }
        Ok(())
    })
}

fn ours<'a>(curves: &[&'a MemoryCurve]) -> Option<&'a MemoryCurve> {
    curves.iter().copied().find(|curve| curve.subject == OURS)
}

fn panel(
    area: &Area<'_>,
    curve: &MemoryCurve,
    ours: Option<&MemoryCurve>,
    subjects: &[String],
    extent: Extent,
) -> Drawn {
    let mark = Mark::of(&curve.subject, subjects);
    mark.draw(area, (36, 30), 10)?;
    let style = if curve.subject == OURS { bold } else { text };
    area.draw_text(&curve.subject, &style(FONT * 1.1, INK, HPos::Left, VPos::Center), (56, 30))?;

    let mut chart = ChartBuilder::on(area)
        .margin_top(58)
        .margin_left(8)
        .margin_right(24)
        .margin_bottom(6)
        .x_label_area_size(60)
        .y_label_area_size(104)
        .build_cartesian_2d(0.0..extent.seconds, 0.0..extent.mib)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(6)
        .y_labels(5)
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(2))
        .axis_style(MUTED.stroke_width(2))
        .label_style(text(FONT * 0.9, MUTED, HPos::Left, VPos::Center))
        .axis_desc_style(text(FONT * 0.9, INK, HPos::Center, VPos::Center))
        .x_label_formatter(&|seconds| format!("{seconds:.1}"))
        .y_label_formatter(&|mib| format!("{mib:.0}"))
        .x_desc("seconds")
        .y_desc("MiB")
        .draw()?;

    for (index, end) in curve.phases.iter().enumerate() {
        let from = end.phase.at_ns as f64 / NS_PER_S;
        if index > 0 {
            chart.draw_series([PathElement::new(vec![(from, 0.0), (from, extent.mib)], GRID.stroke_width(2))])?;
        }
        let middle = (from + end.end_ns as f64 / NS_PER_S) / 2.0;
        let style = text(FONT * 0.8, MUTED, HPos::Center, VPos::Top);
        chart.draw_series([Text::new((index + 1).to_string(), (middle, extent.mib), style)])?;
    }
    let resident = |curve: &MemoryCurve| -> Vec<(f64, f64)> {
        curve.points.iter().map(|p| (p.at_ns as f64 / NS_PER_S, p.rss_bytes as f64 / BYTES_PER_MIB)).collect()
    };
    let live = curve.points.iter().map(|p| (p.at_ns as f64 / NS_PER_S, p.live_bytes as f64 / BYTES_PER_MIB));
    chart.draw_series(
        AreaSeries::new(resident(curve), 0.0, mark.colour.mix(0.25)).border_style(mark.colour.stroke_width(4)),
    )?;
    chart.draw_series(LineSeries::new(live, INK.stroke_width(2)))?;
    if let Some(ours) = ours.filter(|ours| ours.subject != curve.subject) {
        let colour = Mark::of(OURS, subjects).colour;
        chart.draw_series(DashedLineSeries::new(resident(ours), 8, 7, colour.stroke_width(3)))?;
    }
    Ok(())
}
