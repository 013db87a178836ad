//! What a file tap promises, on the public API.
#![cfg(not(loom))]

mod support;

use hearken::{Capture, Config, FileFormat, FileTap, GapPolicy, Input, Pace, Synthetic, WhenFull};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::{bare_tap, play, staged};

fn samples(path: &Path) -> Vec<i16> {
    let reader = hound::WavReader::open(path).unwrap();
    reader.into_samples().map(Result::unwrap).collect()
}

#[test]
fn a_file_goes_on_while_muted_to_the_very_end_and_the_account_beside_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.wav");
    let (stage, _, capture) = staged();
    // Chunks as a listener may want them; a file is not made of such.
    let tap = bare_tap().chunk_ms(20).hop_ms(10).gaps(GapPolicy::Mark);
    let file = FileTap::new(&path, tap, FileFormat::I16).dither(true).durable(true);
    let file = capture.file(file).unwrap();
    let before = SystemTime::now();
    stage.start(&capture).unwrap();
    for (frames, muted) in [(1_000, false), (500, true), (300, false), (200, true)] {
        capture.mute(muted);
        play(&stage, frames);
    }
    capture.stop().unwrap();
    let written = file.finish().unwrap();
    assert_eq!((written.frames, written.behind, written.cut), (2_000, 0, 0));
    let samples = samples(&path);
    let is_silent = |frame: usize| (1_000..1_500).contains(&frame) || frame >= 1_800;
    let mut dithered = 0;
    for (frame, &sample) in samples.iter().enumerate() {
        let played = if is_silent(frame) { 0 } else { frame as i16 };
        assert!((sample - played).abs() <= if is_silent(frame) { 0 } else { 1 }, "{frame}: {sample}");
        dithered += usize::from(sample != played);
    }
    assert!(samples.len() == 2_000 && dithered > 200, "{dithered}");
    let account = std::fs::read_to_string(folder.path().join("take.wav.json")).unwrap();
    let gaps = concat!(
        r#""gaps":[{"position":1000,"frames":500,"error_frames":0,"filled":500,"cause":"muted"},"#,
        r#"{"position":1800,"frames":200,"error_frames":0,"filled":200,"cause":"muted"}],"#
    );
    assert!(account.contains(gaps), "{account}");
    assert!(account.contains(r#""state":"complete""#) && account.contains(r#""frames":2000,"#), "{account}");
    let rest = account.split_once(r#""first_open_unix_ms":"#).unwrap().1;
    let opened: u128 = rest.split_once(',').unwrap().0.parse().unwrap();
    let window = [before, SystemTime::now()].map(|time| time.duration_since(UNIX_EPOCH).unwrap().as_millis());
    assert!((window[0]..=window[1]).contains(&opened), "{account}");
}

#[test]
fn dither_leaves_native_files_and_finer_formats_alone_and_is_the_same_at_every_run() {
    let folder = tempfile::tempdir().unwrap();
    let take = |name: &str, file: fn(&Path) -> FileTap, dither: bool| {
        let path = folder.path().join(name);
        let (input, length) = (Input::Synthetic(Synthetic::Speech), Some(Duration::from_millis(300)));
        let capture = Capture::new(Config { input, length, pace: Pace::Fast, ..Config::default() }).unwrap();
        let account = folder.path().join(format!("{name}.json"));
        std::fs::write(&account, r#"{"schema":"hearken.file/1","of":"another take"}"#).unwrap();
        let file = file(&path).dither(dither).sidecar(false).when_full(WhenFull::Wait);
        let file = capture.file(file).unwrap();
        capture.start().unwrap();
        capture.wait().unwrap();
        file.finish().unwrap();
        assert!(!account.exists(), "no account, and not another file's");
        std::fs::read(path).unwrap()
    };
    let tap = |path: &Path| FileTap::new(path, bare_tap(), FileFormat::I16);
    assert!(take("a", tap, true) != take("b", tap, false), "it is there");
    assert!(take("a", tap, true) == take("c", tap, true));
    let native = |path: &Path| FileTap::native(path);
    assert!(take("a", native, true) == take("b", native, false));
    let fine = |path: &Path| FileTap::new(path, bare_tap(), FileFormat::I24);
    assert!(take("a", fine, true) == take("b", fine, false));
}
