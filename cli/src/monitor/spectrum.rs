//! The spectrum: bands from left to right, neighbours as one where the terminal is narrow.

use hearken::Picture;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

/// An empty bar; a full one is full scale.
const BOTTOM_DBFS: f32 = -96.0;
/// Where the bands begin.
const LEAST_HZ: f32 = 20.0;
const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const TICKS_HZ: [(f32, &str); 9] = [
    (20.0, "20 Hz"),
    (50.0, "50"),
    (100.0, "100"),
    (200.0, "200"),
    (500.0, "500"),
    (1e3, "1k"),
    (2e3, "2k"),
    (5e3, "5k"),
    (1e4, "10k"),
];

/// The bars, and in the lowest row the frequencies.
pub fn draw(picture: &Picture, area: Rect, buffer: &mut Buffer) {
    let Some(rows) = area.height.checked_sub(1).filter(|rows| *rows > 0 && area.width > 0) else { return };
    let (bands, width) = (picture.spectrum.len(), usize::from(area.width));
    for k in 0..width {
        let first = k * bands / width;
        let behind = ((k + 1) * bands / width).max(first + 1);
        let dbfs = picture.spectrum[first..behind].iter().copied().fold(f32::MIN, f32::max);
        let share = ((dbfs - BOTTOM_DBFS) / -BOTTOM_DBFS).clamp(0.0, 1.0);
        let eighths = (share * f32::from(rows) * 8.0).round() as u16;
        for row in 0..rows {
            let filled = eighths.saturating_sub(8 * row).min(8);
            if let Some(cell) = buffer.cell_mut((area.x + k as u16, area.y + rows - 1 - row)) {
                cell.set_symbol(EIGHTHS[usize::from(filled)]).set_fg(Color::Blue);
            }
        }
    }
    draw_axis(picture.spectrum_top_hz, Rect { y: area.y + rows, height: 1, ..area }, buffer);
}

fn draw_axis(top_hz: f32, area: Rect, buffer: &mut Buffer) {
    if top_hz <= LEAST_HZ {
        return;
    }
    let mut free = area.x;
    for (hz, name) in TICKS_HZ {
        let x = area.x + (f32::from(area.width) * (hz / LEAST_HZ).ln() / (top_hz / LEAST_HZ).ln()) as u16;
        let end = x + name.len() as u16;
        if hz < top_hz && x >= free && end <= area.right() {
            buffer.set_string(x, area.y, name, Style::new().dim());
            free = end + 1;
        }
    }
}
