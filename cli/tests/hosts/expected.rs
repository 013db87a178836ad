//! What is known to fail, and is not a test's failure therefore. Empty is the aim.

/// Of a path, the scenes in which it does not keep its promise yet, or only while the machine is idle.
///
/// `stopped` behind PipeWire: every third run or so, where the server makes up for the pause. The microphone of these tests
/// follows it to a quarter of a second only, and the scene asks for a twentieth.
/// `pinned` on PulseAudio's plugin: a busy machine hears of the move later than a tenth of a second behind it.
pub const FAILS: &[(&str, &[&str])] =
    &[("a", &["stopped"]), ("b", &["stopped"]), ("e2", &["stopped"]), ("r", &["pinned"])];

/// Whether this scene is known to fail on this path.
pub fn fails(route: &str, scene: &str) -> bool {
    FAILS.iter().any(|(name, scenes)| *name == route && scenes.contains(&scene))
}
