use super::*;
use crate::monitor::view::Choice;
use crate::monitor::words;
use hearken::{Column, EventKind, InputInfo, Level, Picture, SampleFormat, StampClass, StreamFormat};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const FORMAT: StreamFormat = StreamFormat { rate_hz: 48_000, channels: 2, sample: SampleFormat::F32 };

/// Two channels, 4 s of sound, and nothing wrong.
fn view() -> View {
    let input = InputInfo {
        host: "alsa".into(),
        id: "a".into(),
        name: "A\nmicrophone".into(),
        format: FORMAT,
        server: None,
        period_frames: None,
    };
    let mut view = View { device: words::device(&input), ..View::default() };
    let mut picture = Picture::default();
    (picture.sequence, picture.column, picture.rate_hz, picture.channels) = (1, 127, 48_000, 2);
    picture.spectrum_top_hz = 20_000.0;
    (picture.levels[0], picture.held[0]) = (Level { peak: 0.25, rms: 0.05 }, 0.5);
    picture.columns = [Column { min: -8_192, max: 8_192, flags: Column::HEARD }; 128];
    picture.spectrum[32] = -6.0;
    let mut stats = Stats::default();
    (stats.ledger.captured, stats.ledger.delivered) = (204_800, 204_800);
    (stats.clock.class, stats.clock.ppb) = (StampClass::Device, -12_345);
    stats.clock.bound = Duration::from_micros(80);
    view.see(picture, stats);
    view
}

/// The rows of the screen.
fn screen(view: &View, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a buffer");
    terminal.draw(|frame| draw(view, frame)).expect("a screen");
    let buffer = terminal.backend().buffer();
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..height).map(row).collect()
}

fn find<'a>(rows: &'a [String], word: &str) -> &'a str {
    rows.iter()
        .find(|row| row.contains(word))
        .unwrap_or_else(|| panic!("no `{word}` in\n{}", rows.join("\n")))
}

fn count(rows: &[String], symbol: &str) -> usize {
    rows.iter().map(|row| row.matches(symbol).count()).sum()
}

#[test]
fn everything_has_its_place_on_a_usual_terminal() {
    let rows = screen(&view(), 80, 24);
    find(&rows[..1], "A, microphone (alsa, 48000 Hz, 2 ch, f32)");
    find(&rows[1..2], "sound   ok");
    // Half of full scale is held, and the second channel is silent.
    find(&rows[2..3], "-6.0 dBFS");
    find(&rows[3..4], "-inf dBFS");
    find(&rows, "clock   device, -12.3 ppm, within 80 us");
    find(&rows, "frames  0 lost, 0 dropped, 0 refused, 204,800 captured");
    find(&rows, "10 s    0.00 % lost");
    find(&rows, "20 Hz");
    find(&rows[23..], " space  take");
    // The newest column is at the right edge, the loudest fills the height, and nothing is marked.
    assert!(rows.iter().filter(|row| row.ends_with(['█', '▄', '▀'])).count() >= 3, "{}", rows.join("\n"));
    assert_eq!((count(&rows, scope::MISSING), count(&rows, scope::MUTED)), (1, 1), "in the legend only");
}

#[test]
fn a_hole_and_a_mute_show_where_they_are() {
    let mut view = view();
    view.shape.columns[127 - 9] = Column { flags: Column::MISSING, ..Column::default() };
    view.shape.columns[127 - 4] = Column { flags: Column::MUTED, ..Column::default() };
    let rows = screen(&view, 80, 24);
    let holes: Vec<_> = rows.iter().filter_map(|row| row.chars().position(|cell| cell == '░')).collect();
    // The first is the legend's; the others stand over one another, ten from the right.
    assert!(holes.len() > 3 && holes[1..].iter().all(|x| *x == 70), "{}", rows.join("\n"));
    assert_eq!(count(&rows, scope::MUTED), 2);
    find(&rows, "┄████");
}

#[test]
fn a_clip_shows_also_without_colours() {
    let mut view = view();
    assert_eq!(count(&screen(&view, 80, 24), "CLIP"), 0);
    view.picture.clips[1] = 3;
    let rows = screen(&view, 80, 24);
    find(&rows[3..4], "CLIP 3");
    view.picture.verdict = SoundVerdict::Clipped { channel: 1, events: 3, samples: 9 };
    find(&screen(&view, 80, 24)[1..2], "channel 1 clipped 3 times; turn the input down");
}

#[test]
fn what_is_lost_shows_on_a_narrow_terminal_too() {
    let mut view = view();
    (view.stats.ledger.lost, view.stats.ledger.dropped) = (1_234, 77);
    let rows = screen(&view, 40, 12);
    find(&rows, "frames  1,234 lost, 77 dropped");
    find(&rows, "last 1.3 s");
}

#[test]
fn a_device_that_is_gone_shows_at_once_and_its_levels_do_not_stand_still() {
    let mut view = view();
    let away = hearken::Away::Stalled;
    for (event, word) in [
        (EventKind::Stalled(Duration::from_millis(250)), "NOTHING COMES"),
        (EventKind::Closed(away), "THE DEVICE IS GONE"),
        (EventKind::Stalled(Duration::from_millis(250)), "THE DEVICE IS GONE"),
        (EventKind::FirstCallback, "sound   ok"),
    ] {
        view.hear(&event);
        let mut picture = view.picture;
        picture.levels = [Level { peak: 0.25, rms: 0.05 }; 8];
        view.see(picture, view.stats);
        let rows = screen(&view, 80, 24);
        find(&rows[1..2], word);
        assert_eq!(rows[3].contains('█'), view.trouble.is_none(), "{}", rows.join("\n"));
    }
}

#[test]
fn a_take_a_mute_and_what_happened_show() {
    let mut view = view();
    view.take = Some(("take-2.wav".into(), Duration::from_millis(61_200)));
    view.is_muted = true;
    view.log.say(Duration::from_secs(3), "recording to take-2.wav", false);
    let rows = screen(&view, 80, 24);
    find(&rows[..1], "● take-2.wav 01:01.2  MUTED");
    find(&rows, "00:03.0 recording to take-2.wav");
    find(&rows[23..], " m  hear");
    find(&rows[23..], "end the take");
}

#[test]
fn the_chosen_device_is_always_in_sight() {
    let mut view = view();
    let device = |k: usize| Choice { id: format!("hw:{k}"), text: format!("  hw:{k}  Microphone {k}") };
    let mut menu = Menu::Devices { devices: (0..50).map(device).collect(), chosen: 0 };
    (0..60).for_each(|_| menu.step(true));
    assert_eq!(menu.chosen().map(|device| device.id.as_str()), Some("hw:49"));
    (0..10).for_each(|_| menu.step(false));
    view.menu = Some(menu);
    find(&screen(&view, 40, 12), "hw:39  Microphone 39");
    view.menu = Some(Menu::Searching);
    find(&screen(&view, 40, 12), "asking the system");
}

#[test]
fn no_size_panics_and_none_is_without_the_keys() {
    let mut view = view();
    view.picture.channels = 32;
    view.picture.clips = [99_999; 8];
    view.picture.verdict = SoundVerdict::NeverHadSignal { frames: 1 };
    view.log.say(Duration::from_secs(3), "long ".repeat(99), true);
    for menu in [None, Some(Menu::Searching), Some(Menu::Devices { devices: Vec::new(), chosen: 0 })] {
        view.menu = menu;
        for (width, height) in [(1, 1), (1, 50), (300, 1), (2, 2), (10, 5), (40, 12), (65, 19), (600, 200)] {
            let rows = screen(&view, width, height);
            assert_eq!(rows.len(), usize::from(height));
            if view.menu.is_none() && width >= 4 {
                find(&rows[usize::from(height) - 1..], " q ");
            }
        }
    }
}
