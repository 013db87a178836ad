//! The waveform: one column of the terminal for a thirtieth of a second, the newest at the right.

use super::view::Shape;
use hearken::Column;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

/// Stands where audio is missing.
pub const MISSING: &str = "░";
/// Stands where it was muted.
pub const MUTED: &str = "┄";
/// Quiet sound is drawn larger by at most so much.
const MOST_ZOOM: i32 = 32;

/// Draws as much of the shape as `area` is wide, and how many times larger than full scale.
pub fn draw(shape: &Shape, area: Rect, buffer: &mut Buffer) -> i32 {
    if area.is_empty() {
        return 1;
    }
    let shown = shape.columns.len().min(area.width.into());
    let columns = || shape.columns.iter().skip(shape.columns.len() - shown);
    let loudest = columns().map(|column| magnitude(*column)).max().unwrap_or(0);
    let zoom = zoom(loudest);
    for (column, x) in columns().zip(area.right() - shown as u16..) {
        draw_column(*column, zoom, x, area, buffer);
    }
    zoom
}

fn magnitude(column: Column) -> i32 {
    i32::from(column.max).max(-i32::from(column.min))
}

/// The power of two with which the loudest still fits.
fn zoom(loudest: i32) -> i32 {
    let mut zoom = 1;
    while zoom < MOST_ZOOM && 2 * zoom * loudest <= i32::from(i16::MAX) {
        zoom *= 2;
    }
    zoom
}

fn draw_column(column: Column, zoom: i32, x: u16, area: Rect, buffer: &mut Buffer) {
    let halves = 2 * i32::from(area.height);
    // Half cells from the top, full scale filling all of them.
    let place = |sample: i16| {
        let sample = (i32::from(sample) * zoom).clamp(-32_768, 32_767);
        ((32_767 - sample) * halves / 65_536).clamp(0, halves - 1)
    };
    let (top, bottom) = (place(column.max), place(column.min));
    let is_silent = magnitude(column) * zoom < 65_536 / halves.max(1);
    let style = match column {
        _ if column.has(Column::CLIPPED) => Style::new().fg(Color::Red).bold(),
        _ if column.has(Column::VOICE) => Style::new().fg(Color::Green),
        _ => Style::new().fg(Color::Cyan),
    };
    for (row, y) in (area.top()..area.bottom()).enumerate() {
        let upper = 2 * row as i32;
        let is_heard = |half: i32| column.has(Column::HEARD) && (top..=bottom).contains(&half);
        let (symbol, style) = match (is_heard(upper), is_heard(upper + 1)) {
            _ if is_silent && column.has(Column::HEARD) => match row {
                row if row == usize::from(area.height / 2) => ("─", style),
                _ if column.has(Column::MISSING) => (MISSING, Style::new().fg(Color::Red)),
                _ => continue,
            },
            (true, true) => ("█", style),
            (true, false) => ("▀", style),
            (false, true) => ("▄", style),
            _ if column.has(Column::MISSING) => (MISSING, Style::new().fg(Color::Red)),
            _ if column.has(Column::MUTED) && row == usize::from(area.height / 2) => {
                (MUTED, Style::new().dim())
            }
            _ => continue,
        };
        if let Some(cell) = buffer.cell_mut((x, y)) {
            cell.set_symbol(symbol).set_style(style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_fills_at_least_half_of_the_height_and_never_more_than_all() {
        assert_eq!([0, 500, 1024, 8_000, 16_383, 16_384, 32_768].map(zoom), [32, 32, 16, 4, 2, 1, 1]);
    }
}
