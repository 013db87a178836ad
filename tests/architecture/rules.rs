//! Which module may name which, and which word stands in which file.

/// Every module, from top to bottom, and those that it names. Arrows point down only.
pub const ARROWS: &[(&str, &[&str])] = &[
    ("testkit", &["capture", "source", "time", "format", "error"]),
    (
        "replay",
        &[
            "engine", "trace", "report", "event", "tap", "timeline", "intake", "record", "format", "signal",
            "error", "handoff",
        ],
    ),
    (
        "capture",
        &[
            "worker",
            "desk",
            "supervisor",
            "engine",
            "config",
            "event",
            "report",
            "take",
            "tap",
            "source",
            "stats",
            "task",
            "time",
            "trace",
            "signal",
            "error",
            "handoff",
        ],
    ),
    ("stream", &["event", "tap"]),
    (
        "worker",
        &[
            "desk",
            "supervisor",
            "engine",
            "watchdog",
            "event",
            "report",
            "source",
            "stats",
            "time",
            "timeline",
            "faults",
            "record",
            "rhythm",
            "error",
        ],
    ),
    ("desk", &["event", "take", "tap", "source"]),
    ("config", &["supervisor", "source", "time", "error"]),
    ("supervisor", &["source", "time", "timeline", "faults", "error"]),
    (
        "engine",
        &[
            "trace", "report", "event", "history", "take", "tap", "source", "stats", "timeline", "intake",
            "record", "format", "signal", "error", "handoff",
        ],
    ),
    ("trace", &["event", "source", "timeline", "intake", "record", "format", "signal", "error"]),
    ("report", &["event", "source", "stats", "timeline"]),
    ("watchdog", &["event"]),
    ("event", &["source", "mailbox", "timeline", "signal", "error"]),
    ("history", &["tap", "timeline", "format"]),
    ("take", &["tap", "task", "time", "timeline", "format", "signal", "error"]),
    ("tap", &["time", "mailbox", "timeline", "wav", "signal", "format", "error"]),
    ("source", &["time", "timeline", "epoch", "intake", "faults", "wav", "format", "error"]),
    ("stats", &["timeline", "handoff"]),
    ("serial", &[]),
    ("task", &["mailbox", "error"]),
    ("time", &[]),
    ("mailbox", &[]),
    ("timeline", &["intake", "record", "error"]),
    ("epoch", &["intake", "faults", "record", "format", "handoff"]),
    ("intake", &["faults", "record", "format", "handoff"]),
    ("record", &["handoff"]),
    ("wav", &["format", "error"]),
    ("signal", &["format", "error"]),
    ("rhythm", &[]),
    ("faults", &[]),
    ("format", &[]),
    ("error", &[]),
    ("handoff", &[]),
];

/// Words that stand only in files whose paths begin so.
pub const ONLY: &[(&str, &[&str])] = &[
    ("cpal", &["src/source/device", "src/testkit/"]),
    ("rubato", &["src/signal/resample"]),
    ("audioadapter_buffers", &["src/signal/resample"]),
    ("earshot", &["src/signal/voice"]),
    ("rustvani_vad", &["src/signal/voice"]),
    ("realfft", &["src/signal/spectrum.rs"]),
    ("triple_buffer", &["src/handoff/newest.rs"]),
    ("atomic_waker", &["src/mailbox.rs"]),
    ("futures_core", &["src/stream.rs"]),
    ("tracing", &["src/event.rs", "src/take/pipe.rs", "src/tap/file/mod.rs"]),
    ("crossbeam_queue", &["src/tap/chunk.rs", "src/mailbox.rs"]),
    (
        "unsafe",
        &[
            "src/handoff/gate.rs",
            "src/handoff/index_queue.rs",
            "src/handoff/pool.rs",
            "src/testkit/stream.rs",
        ],
    ),
];

/// Words that do not stand in files whose paths begin so.
pub const NEVER: &[(&str, &[&str])] = &[
    ("parking_lot", &["src/intake", "src/epoch", "src/handoff/"]),
    ("Mutex", &["src/intake", "src/epoch", "src/handoff/"]),
];
