//! A bar for each channel: RMS, peak, held peak, clips.

use hearken::{Level, Picture};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

/// The bars' left end; the right one is full scale.
const BOTTOM_DBFS: f32 = -60.0;
/// From here on there is little room left, and none.
const HIGH_DBFS: f32 = -12.0;
const FULL_DBFS: f32 = -3.0;
/// Behind the bar: the held peak, and clips.
const FIGURES: u16 = 22;

/// One line for each of the channels that there is room for.
pub fn draw(picture: &Picture, area: Rect, buffer: &mut Buffer) {
    for (channel, (level, y)) in picture.levels().iter().zip(area.top()..area.bottom()).enumerate() {
        let name = format!("{channel} ");
        buffer.set_stringn(area.x, y, &name, area.width.into(), Style::new().dim());
        let indent = (name.len() as u16).min(area.width);
        let bar = area.width.saturating_sub(indent + FIGURES);
        draw_bar(*level, picture.held[channel], Rect::new(area.x + indent, y, bar, 1), buffer);
        let held = Level { peak: picture.held[channel], rms: 0.0 }.peak_dbfs();
        let mut figures =
            vec![Span::styled(format!(" {} dBFS", figure(held)), Style::new().fg(colour(held)))];
        if let clips @ 1.. = picture.clips[channel] {
            figures.push(Span::styled(
                format!(" CLIP {}", clips.min(9999)),
                Style::new().bold().white().on_red(),
            ));
        }
        let x = (area.x + indent + bar).min(area.right());
        buffer.set_line(x, y, &Line::from(figures), area.right() - x);
    }
}

/// What the bars' cells mean, under them.
pub fn draw_scale(area: Rect, buffer: &mut Buffer) {
    let bar = Rect { x: area.x + 2, width: area.width.saturating_sub(2 + FIGURES), ..area };
    for dbfs in [-48, -36, -24, -12] {
        let x = bar.x + (share(dbfs as f32) * f32::from(bar.width)) as u16;
        let room = bar.right().saturating_sub(x);
        if room >= 4 {
            buffer.set_stringn(x, area.y, format!("{dbfs}"), room.into(), Style::new().dim());
        }
    }
}

fn draw_bar(level: Level, held: f32, area: Rect, buffer: &mut Buffer) {
    let width = f32::from(area.width);
    let rms = share(level.rms_dbfs()) * width;
    let peak = share(level.peak_dbfs()) * width;
    let held =
        (held > 0.0).then(|| (share(Level { peak: held, rms: 0.0 }.peak_dbfs()) * width).ceil() as u16);
    for k in 0..area.width {
        let left = f32::from(k);
        let dbfs = BOTTOM_DBFS * (1.0 - (left + 0.5) / width);
        let symbol = match () {
            () if held.is_some_and(|held| held > 0 && k + 1 == held) => "│",
            () if left + 0.5 <= rms => "█",
            () if left + 0.5 <= peak => "▒",
            () => " ",
        };
        if let Some(cell) = buffer.cell_mut((area.x + k, area.y)) {
            cell.set_symbol(symbol).set_fg(colour(dbfs));
        }
    }
}

/// Where on a bar, `0.0..=1.0`.
fn share(dbfs: f32) -> f32 {
    ((dbfs - BOTTOM_DBFS) / -BOTTOM_DBFS).clamp(0.0, 1.0)
}

/// Five characters, whatever the level.
fn figure(dbfs: f32) -> String {
    if dbfs < -99.9 { " -inf".into() } else { format!("{dbfs:5.1}") }
}

fn colour(dbfs: f32) -> Color {
    match dbfs {
        dbfs if dbfs >= FULL_DBFS => Color::Red,
        dbfs if dbfs >= HIGH_DBFS => Color::Yellow,
        _ => Color::Green,
    }
}
