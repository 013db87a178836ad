//! A list of devices that changes.

use crate::scene::{MONO, Scene, check_books, told};
use hearken::{Capture, Config, Replay, TraceContent};
use std::thread;
use std::time::{Duration, Instant};

/// Threads that look at lists, where the system tells.
fn lookers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let name =
        |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.map(name).filter(|name| name.trim() == "hearken-list").count()
}

#[test]
fn a_microphone_that_comes_or_goes_is_told_once_to_whoever_asked_for_it() {
    for watch_devices in [true, false] {
        let scene = Scene::new();
        let capture = Capture::new(Config { watch_devices, ..scene.config() }).unwrap();
        let mut events = capture.events();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.trace");
        let trace = capture.trace(&path, TraceContent::WithoutAudio).unwrap();
        assert_eq!(lookers(), 0, "not before the start");
        scene.stage.start(&capture).unwrap();
        let mut changes = |seconds: u64| {
            scene.run(1000 * seconds);
            std::iter::from_fn(|| events.try_recv())
                .filter(|event| event.kind.name() == "devices changed")
                .count()
        };
        assert_eq!(changes(60), 0, "nothing comes nor goes");
        assert_eq!(lookers(), usize::from(watch_devices) * usize::from(cfg!(target_os = "linux")));
        let third = scene.stage.mic("third", MONO);
        let once = usize::from(watch_devices);
        assert_eq!((changes(4), changes(60)), (once, 0), "one comes");
        scene.spare.unplug();
        third.unplug();
        assert_eq!((changes(4), changes(60)), (once, 0), "two go");
        third.plug_in();
        third.unplug();
        assert_eq!(changes(10), 0, "it is as it was");
        scene.stage.make_default(&third);
        third.plug_in();
        assert_eq!(changes(4), once, "another default");
        let report = capture.stop().unwrap();
        let since = Instant::now();
        while lookers() > 0 && since.elapsed() < Duration::from_secs(2) {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(lookers(), 0, "not even for the rest of its 3 s, which stand still");
        check_books(&report);
        assert_eq!(told(&report).iter().filter(|name| **name == "devices changed").count(), 3 * once);
        trace.finish().unwrap();
        assert_eq!(Replay::open(&path).unwrap().run().unwrap().events, report.events);
    }
}
