//! Pictures, as SVG by plotters.
//!
//! Every allocator has the same colour and shape everywhere ([`mark`]); the colours are those of Okabe and Ito (Color
//! Universal Design, 2002), which colour-blind people can tell apart, and no two allocators share both. Text and lines use
//! a few named colours that a style sheet exchanges in the dark ([`DARK`]).
//!
//! plotters draws at whole pixels, so pictures are drawn large and shown small.

pub(super) mod curves;
pub(super) mod dots;
pub(super) mod mark;
pub(super) mod scaling;
pub(super) mod scatter;

use mark::Mark;
use maud::html;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::io;

/// Where a picture is drawn.
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What drawing returns. Drawing into a string does not fail.
type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

/// Text.
const INK: RGBColor = RGBColor(0x1B, 0x1F, 0x24);
/// Text of less weight, and axes.
const MUTED: RGBColor = RGBColor(0x6A, 0x73, 0x7D);
/// Lines behind the data.
const GRID: RGBColor = RGBColor(0xDF, 0xE3, 0xE8);

/// Exchanges the named colours in the dark.
pub(super) const DARK: &str = "@media (prefers-color-scheme: dark) { \
     svg [fill=\"#1B1F24\"] { fill: #E6EDF3 } svg [stroke=\"#1B1F24\"] { stroke: #E6EDF3 } \
     svg [fill=\"#6A737D\"] { fill: #9EA7B3 } svg [stroke=\"#6A737D\"] { stroke: #9EA7B3 } \
     svg [stroke=\"#DFE3E8\"] { stroke: #30363D } svg [fill=\"#DFE3E8\"] { fill: #30363D } }";

/// A letter's width over its height, on average.
const LETTER: f64 = 0.56;

/// Draws a picture of `size`; `title` is what a screen reader says of it.
fn picture(size: (u32, u32), title: &str, draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area).and_then(|()| area.present()).expect("drawing into a string does not fail");
    }
    let inside = svg.find('>').expect("the opening tag") + 1;
    svg.insert_str(inside, &html! { title { (title) } }.into_string());
    svg.insert_str("<svg".len(), " role=\"img\"");
    svg
}

/// The picture as a file of its own, readable in the dark too.
pub(super) fn standalone(svg: &str) -> String {
    let inside = svg.find('>').expect("the opening tag") + 1;
    let (opening, rest) = svg.split_at(inside);
    format!("{opening}<style>{DARK}</style>{rest}")
}

/// An allocator's mark alone, for tables.
pub(super) fn chip(name: &str, mark: Mark) -> String {
    picture((32, 32), name, |area| mark.draw(area, (16, 16), 11))
}

/// Text of `height` pixels.
fn text<'a>(height: f64, colour: RGBColor, horizontal: HPos, vertical: VPos) -> TextStyle<'a> {
    // plotters takes for a font's size the height of its line.
    const LINE: f64 = 1.24;
    ("sans-serif", height * LINE).into_font().color(&colour).pos(Pos::new(horizontal, vertical))
}

/// The same in bold.
fn bold<'a>(height: f64, colour: RGBColor, horizontal: HPos, vertical: VPos) -> TextStyle<'a> {
    let style = text(height, colour, horizontal, vertical);
    TextStyle { font: style.font.clone().style(FontStyle::Bold), ..style }
}

/// How wide text is, about.
fn width(text: &str, height: f64) -> i32 {
    (text.chars().count() as f64 * height * LETTER).ceil() as i32
}

/// An allocator's name as it is written in pictures: cenote's in bold.
fn label(area: &Area<'_>, name: &str, at: (i32, i32), height: f64, horizontal: HPos) -> Drawn {
    let style = if name == crate::statistics::summary::OURS { bold } else { text };
    area.draw_text(name, &style(height, INK, horizontal, VPos::Center), at)
}

/// Marks and names in as many lines as `right` allows, from `at`; the height they took.
fn legend(
    area: &Area<'_>,
    names: &[(&str, Mark)],
    at: (i32, i32),
    right: i32,
    height: f64,
) -> Result<i32, DrawingAreaErrorKind<io::Error>> {
    let line = (height * 1.7) as i32;
    let gap = height as i32;
    let (mut x, mut y) = at;
    for (name, mark) in names {
        let needed = gap + width(name, height) + gap * 3 / 2;
        if x + needed > right && x > at.0 {
            (x, y) = (at.0, y + line);
        }
        mark.draw(area, (x + gap / 2, y), (height * 0.45) as i32)?;
        label(area, name, (x + gap * 3 / 2, y), height, HPos::Left)?;
        x += needed;
    }
    Ok(y + line - at.1)
}

/// How many lines [`legend`] takes, in pixels.
fn legend_height(names: &[(&str, Mark)], left: i32, right: i32, height: f64) -> i32 {
    let mut nowhere = String::new();
    let area = SVGBackend::with_string(&mut nowhere, (1, 1)).into_drawing_area();
    legend(&area, names, (left, 0), right, height).expect("drawing into a string does not fail")
}

/// Values at which an axis of ratios may have ticks.
const RATIOS: [f64; 15] = [0.5, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0, 64.0, 128.0];

/// Ticks of an axis of ratios that goes from about 1 to `high`: not so many that they meet.
fn ratio_ticks(low: f64, high: f64) -> Vec<f64> {
    let apart = (high / low).ln() / 9.0;
    let mut ticks: Vec<f64> = Vec::new();
    for tick in RATIOS.into_iter().filter(|tick| (low..=high).contains(tick)) {
        if ticks.last().is_none_or(|last| (tick / last).ln() >= apart) {
            ticks.push(tick);
        }
    }
    ticks
}

/// A tick of an axis of ratios, as text.
fn ratio_tick(value: &f64) -> String {
    format!("{value}×")
}
