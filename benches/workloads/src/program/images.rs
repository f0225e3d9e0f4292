//! `png`: a service that makes thumbnails.
//!
//! It imitates the image service of a web site: pictures are decoded, halved, and encoded again, and the thumbnails are
//! kept. Buffers of a row, of a picture and of the compressor, some of them larger than what an allocator keeps ready,
//! so that it shows what taking them from the operating system costs.
//!
//! Its number cannot show small objects, of which there are nearly none.

use super::spoiled;
use crate::rng::Rng;
use crate::{Outcome, Pass, Prepare, Setting, Workload, input};
use cenote_bench_protocol::Group;
use png::{BitDepth, ColorType, Compression, Decoder, Encoder};
use std::io::Cursor;

/// Thumbnails.
pub const WORKLOAD: Workload = Workload {
    name: "png",
    group: Group::Program,
    about: "png decodes pictures, which are halved and encoded again",
    quick: false,
    scales: false,
    threads: 1,
    warm_up: 0,
    prepare: Prepare::Reading { write, read },
};

/// Bytes of a pixel.
const CHANNELS: usize = 3;

/// Pixels by rows.
#[derive(PartialEq)]
struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

fn write(setting: &Setting) -> Vec<u8> {
    let mut rng = Rng::new(setting.seed);
    let files: Vec<_> = (0..setting.scaled(32))
        .map(|_| {
            let picture = paint(&mut rng);
            let file = encode(&picture).expect("written to memory");
            (file, checksum(&halved(&picture)))
        })
        .collect();
    input::encode(&files)
}

fn read(_: &Setting, input: &'static [u8]) -> Pass {
    let files: Vec<(&[u8], u64)> = input::decode(input);
    Box::new(move || thumbnails(&files))
}

/// A picture with gradients and some noise, of a size that photographs on the web have.
fn paint(rng: &mut Rng) -> Picture {
    let (width, height) = (rng.between(64, 256) * 2, rng.between(64, 192) * 2);
    let mut pixels = Vec::with_capacity(width * height * CHANNELS);
    for y in 0..height {
        for x in 0..width {
            let noise = if rng.below(16) == 0 { rng.below(32) } else { 0 };
            pixels.extend([x * 255 / width, y * 255 / height, (x ^ y) & 0x3F].map(|level| (level ^ noise) as u8));
        }
    }
    Picture { width, height, pixels }
}

fn encode(picture: &Picture) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, picture.width as u32, picture.height as u32);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.pixels)?;
    writer.finish()?;
    Ok(file)
}

fn decode(file: &[u8]) -> Result<Picture, String> {
    let mut reader = Decoder::new(Cursor::new(file)).read_info().map_err(spoiled)?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("the picture is too large")?];
    let frame = reader.next_frame(&mut pixels).map_err(spoiled)?;
    Ok(Picture { width: frame.width as usize, height: frame.height as usize, pixels })
}

/// The picture at half its size: each pixel is the mean of four.
fn halved(picture: &Picture) -> Picture {
    let (width, height) = (picture.width / 2, picture.height / 2);
    let mut pixels = Vec::with_capacity(width * height * CHANNELS);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..CHANNELS {
                let at = |dx, dy| {
                    u16::from(picture.pixels[((2 * y + dy) * picture.width + 2 * x + dx) * CHANNELS + channel])
                };
                pixels.push(((at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4) as u8);
            }
        }
    }
    Picture { width, height, pixels }
}

fn checksum(picture: &Picture) -> u64 {
    picture.pixels.iter().fold(picture.width as u64, |sum, &byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

fn thumbnails(files: &[(&[u8], u64)]) -> Outcome {
    let mut made = Vec::new();
    for (file, expected) in files {
        let thumbnail = halved(&decode(file)?);
        super::expect("checksum of a thumbnail", checksum(&thumbnail), *expected)?;
        made.push(encode(&thumbnail).map_err(spoiled)?);
    }
    Ok(made.iter().fold(0, |sum, file| sum.wrapping_mul(31).wrapping_add(file.len() as u64)))
}
