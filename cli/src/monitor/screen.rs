//! The screen, from top to bottom. What a small terminal has no room for goes, the least important first.

use super::view::{Menu, View};
use super::words::{advice, grouped};
use super::{meters, scope, spectrum};
use crate::progress::clock;
use hearken::{Ledger, LossRates, SoundVerdict, StampClass, Stats};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};
use std::time::Duration;

/// A waveform or a spectrum of fewer rows says nothing.
const LEAST_PICTURE: u16 = 4;

/// Draws everything.
pub fn draw(view: &View, frame: &mut Frame<'_>) {
    let area = frame.area();
    draw_on(view, area, frame.buffer_mut());
}

fn draw_on(view: &View, area: Rect, buffer: &mut Buffer) {
    let mut rows = Rows(area);
    put(rows.bottom(1), keys(view), buffer);
    put(rows.top(1), head(view), buffer);
    put(rows.top(1), verdict(view), buffer);
    let channels = view.picture.levels().len() as u16;
    meters::draw(&view.picture, rows.top(channels.min(rows.0.height / 2).max(1)), buffer);
    if area.height >= 20 {
        meters::draw_scale(rows.top(1), buffer);
    }
    // From below: what happened, the books, the clock.
    let lines = (rows.0.height / 4).min(6);
    log(view, rows.bottom(lines), buffer);
    if rows.0.height >= LEAST_PICTURE + 3 {
        put(rows.bottom(1), rates(view.stats.rates), buffer);
    }
    if rows.0.height > LEAST_PICTURE {
        put(rows.bottom(1), ledger(view.stats.ledger), buffer);
    }
    if rows.0.height >= LEAST_PICTURE + 2 {
        put(rows.bottom(1), stamps(&view.stats), buffer);
    }
    if rows.0.height >= 2 * LEAST_PICTURE {
        let height = rows.0.height / 2;
        spectrum::draw(&view.picture, rows.bottom(height), buffer);
    }
    waveform(view, rows.0, buffer);
    if let Some(menu) = &view.menu {
        draw_menu(menu, area, buffer);
    }
}

/// What is left of the screen between its top and its bottom.
struct Rows(Rect);

impl Rows {
    fn top(&mut self, rows: u16) -> Rect {
        let height = rows.min(self.0.height);
        let cut = Rect { height, ..self.0 };
        self.0 = Rect { y: self.0.y + height, height: self.0.height - height, ..self.0 };
        cut
    }

    fn bottom(&mut self, rows: u16) -> Rect {
        let height = rows.min(self.0.height);
        self.0.height -= height;
        Rect { y: self.0.bottom(), height, ..self.0 }
    }
}

fn put(area: Rect, line: Line<'_>, buffer: &mut Buffer) {
    if area.height > 0 {
        buffer.set_line(area.x, area.y, &line, area.width);
    }
}

fn head(view: &View) -> Line<'_> {
    let mut spans = vec![Span::from(clock(view.elapsed)), Span::from("  ")];
    if let Some((path, length)) = &view.take {
        spans.push(Span::styled(format!("● {path} {}", clock(*length)), Style::new().fg(Color::Red).bold()));
        spans.push(Span::from("  "));
    }
    if view.is_muted {
        spans.push(Span::styled("MUTED", Style::new().bold().black().on_yellow()));
        spans.push(Span::from("  "));
    }
    spans.push(Span::styled(&view.device, Style::new().bold()));
    Line::from(spans)
}

fn verdict(view: &View) -> Line<'_> {
    if let Some(trouble) = view.trouble {
        return Line::styled(trouble, Style::new().fg(Color::Red).bold());
    }
    match &view.picture.verdict {
        SoundVerdict::Ok => Line::styled("sound   ok", Style::new().fg(Color::Green)),
        verdict => Line::from(vec![
            Span::styled(format!("sound   {verdict}"), Style::new().fg(Color::Yellow).bold()),
            Span::from("; "),
            Span::from(advice(verdict)),
        ]),
    }
}

fn stamps(stats: &Stats) -> Line<'_> {
    let clock = stats.clock;
    if clock.class == StampClass::Learning {
        return Line::from("clock   not known yet");
    }
    let mut text =
        format!("clock   {}, {:+.1} ppm, within {}", clock.class.name(), clock.ppm(), time(clock.bound));
    if let Some(hz) = clock.actual_rate_hz {
        text += &format!(", REALLY {hz} Hz");
    }
    Line::from(text)
}

/// What is missing stands in front, where a narrow terminal shows it.
fn ledger(ledger: Ledger) -> Line<'static> {
    let Ledger { captured, dropped, discarded, lost, lost_provisional, .. } = ledger;
    let mut spans = vec![Span::from("frames  "), missing("lost", grouped(lost), lost > 0)];
    if lost_provisional > 0 {
        spans.push(Span::styled(
            format!(" (+{}?)", grouped(lost_provisional)),
            Style::new().fg(Color::Yellow),
        ));
    }
    spans.push(Span::from(", "));
    spans.push(missing("dropped", grouped(dropped), dropped > 0));
    spans.push(Span::from(format!(", {} refused, {} captured", grouped(discarded), grouped(captured))));
    Line::from(spans)
}

fn rates(rates: LossRates) -> Line<'static> {
    let LossRates { late_ppm, dropped_ppm, lost_ppm } = rates;
    let share = |ppm: u64| format!("{:.2} %", ppm as f64 / 1e4);
    Line::from(vec![
        Span::from("10 s    "),
        missing("lost", share(lost_ppm), lost_ppm > 0),
        Span::from(", "),
        missing("dropped", share(dropped_ppm), dropped_ppm > 0),
        Span::from(format!(", {} late", share(late_ppm))),
    ])
}

fn missing(what: &str, how_much: String, is_bad: bool) -> Span<'static> {
    let style = if is_bad { Style::new().fg(Color::Red).bold() } else { Style::new() };
    Span::styled(format!("{how_much} {what}"), style)
}

fn waveform(view: &View, area: Rect, buffer: &mut Buffer) {
    let mut rows = Rows(area);
    let title = rows.top(1);
    let zoom = scope::draw(&view.shape, rows.0, buffer);
    let zoom = if zoom > 1 { format!(" ×{zoom}") } else { String::new() };
    let seconds = f32::from(area.width) / 30.0;
    let text = format!("last {seconds:.1} s{zoom}; {} missing, {} muted ", scope::MISSING, scope::MUTED);
    let rule = "─".repeat(usize::from(area.width).saturating_sub(text.chars().count()));
    put(title, Line::styled(text + &rule, Style::new().dim()), buffer);
}

fn log(view: &View, area: Rect, buffer: &mut Buffer) {
    let mut rows = Rows(area);
    for said in view.log.last(area.height.into()) {
        let style = if said.is_bad { Style::new().fg(Color::Yellow) } else { Style::new() };
        let line = Line::from(vec![
            Span::styled(clock(said.at), Style::new().dim()),
            Span::from(" "),
            Span::styled(&said.text, style),
        ]);
        put(rows.top(1), line, buffer);
    }
}

fn keys(view: &View) -> Line<'static> {
    let space = if view.take.is_some() { "end the take" } else { "take" };
    let m = if view.is_muted { "hear" } else { "mute" };
    let mut spans = Vec::new();
    for (key, what) in [("q", "quit"), ("space", space), ("m", m), ("s", "device")] {
        spans.push(Span::styled(format!(" {key} "), Style::new().reversed()));
        spans.push(Span::from(format!(" {what}  ")));
    }
    Line::from(spans)
}

fn draw_menu(menu: &Menu, area: Rect, buffer: &mut Buffer) {
    let lines: Vec<Line<'_>> = match menu {
        Menu::Searching => vec![Line::from("asking the system ...")],
        Menu::Devices { devices, .. } if devices.is_empty() => vec![Line::from("there is no input device")],
        Menu::Devices { devices, chosen } => {
            let mut lines: Vec<_> = devices.iter().map(|device| Line::from(device.text.as_str())).collect();
            if let Some(line) = lines.get_mut(*chosen) {
                line.style = Style::new().reversed();
            }
            lines
        }
    };
    let chosen = if let Menu::Devices { chosen, .. } = menu { *chosen } else { 0 };
    let wanted = lines.iter().map(Line::width).max().unwrap_or(0).max(40) + 4;
    let (width, height) = (area.width.min(wanted as u16), area.height.min(lines.len() as u16 + 2));
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(place, buffer);
    let block = Block::bordered().title(" enter chooses, esc goes back ");
    let inside = block.inner(place);
    block.render(place, buffer);
    // The chosen one is always in sight.
    let first = (chosen + 1).saturating_sub(inside.height.into());
    let mut rows = Rows(inside);
    for line in lines.into_iter().skip(first).take(inside.height.into()) {
        put(rows.top(1), line, buffer);
    }
}

fn time(time: Duration) -> String {
    match time.as_micros() {
        micros @ ..1_000 => format!("{micros} us"),
        micros => format!("{:.1} ms", micros as f64 / 1e3),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
