//! Feature `tracing`: what an application's log is told, and that it is told no more.

use hearken::{Capture, Config, Input, Synthetic, TakePlan, Tap};
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Level, message and fields of each event, and the thread that it came from.
type Log = Arc<Mutex<Vec<(String, String)>>>;

struct Keeper(Log);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("a string takes it");
    }
}

impl Subscriber for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("hearken")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        panic!("no span is opened: they cost something at every block")
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        let thread = thread::current().name().unwrap_or_default().to_owned();
        self.0.lock().unwrap().push((thread, line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Without the fields.
fn messages(log: &Log) -> Vec<String> {
    let message = |line: &str| {
        let (level, rest) = line.split_once(" message=").expect("each has a message");
        format!("{level} {}", rest.split(" at_ms=").next().unwrap_or_default())
    };
    log.lock().unwrap().iter().map(|(_, line)| message(line)).collect()
}

#[test]
fn the_log_is_told_of_devices_takes_and_files_and_of_nothing_else() {
    let log = Log::default();
    tracing::subscriber::set_global_default(Keeper(log.clone())).expect("it is the first");
    let input = Input::Synthetic(Synthetic::Tone);
    let capture = Capture::new(Config { input, ..Config::default() }).unwrap();
    let mut chunks = capture.receiver(Tap::default()).unwrap();
    capture.start().unwrap();
    let take = capture.take(TakePlan::default()).unwrap();
    // Some blocks, chunks, a mute and a gap.
    (0..2).for_each(|_| assert!(chunks.recv_timeout(Duration::from_secs(5)).is_some()));
    capture.mute(true);
    thread::sleep(Duration::from_millis(100));
    take.finish().unwrap();
    capture.stop().unwrap();
    let told = messages(&log);
    let expected = ["opened", "take began", "take ended", "stopped"];
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(
        told.iter().zip(expected).all(|(told, what)| told.starts_with(&format!("INFO {what}"))),
        "{told:?}"
    );
    let first = log.lock().unwrap()[0].clone();
    assert!(
        first.1.contains("host=\"synthetic\"") && first.1.contains("format=48000 Hz, 2 ch, f32"),
        "{first:?}"
    );
    assert!(log.lock().unwrap().iter().all(|(thread, _)| thread == "hearken-worker"));
    #[cfg(target_os = "linux")]
    a_file_that_fails_is_told(&log);
}

/// Somebody deletes it.
#[cfg(target_os = "linux")]
fn a_file_that_fails_is_told(log: &Log) {
    use hearken::{FileFormat, FileTap};
    log.lock().unwrap().clear();
    let input = Input::Synthetic(Synthetic::Tone);
    let capture = Capture::new(Config { input, ..Config::default() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.wav");
    let file = capture.file(FileTap::new(&path, Tap::default(), FileFormat::I16)).unwrap();
    capture.start().unwrap();
    thread::sleep(Duration::from_millis(300));
    std::fs::remove_file(&path).unwrap();
    capture.stop().unwrap();
    assert!(file.finish().is_err());
    let told = messages(log);
    assert!(told.iter().any(|line| line.starts_with("ERROR file failed")), "{told:?}");
}
