//! What is known to fail, and is not a test's failure therefore. Empty is the aim.

/// Of a path, the scenes in which it does not keep its promise yet, or only while the machine is idle.
pub const FAILS: &[(&str, &[&str])] = &[
    // Under four busy loops the clock now and then sees a second missing that is not.
    ("d1", &["load-4"]),
    // The hole is told up to half a second too long.
    ("d2", &["restart"]),
    // What is missing is told 150 ms too long, within a bound that is smaller.
    ("e1", &["stopped"]),
];

/// Whether this scene is known to fail on this path.
pub fn fails(route: &str, scene: &str) -> bool {
    FAILS.iter().any(|(name, scenes)| *name == route && scenes.contains(&scene))
}
