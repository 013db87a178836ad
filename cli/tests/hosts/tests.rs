//! The short form, as tests: `PATH::SCENE`, several at a time, and behind them those that need the machine for themselves.

use super::expected;
use super::rig::{ROUTES, Route};
use super::scenes::{Length, SCENES, Scene};
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

/// How many run at a time: they sleep most of the time.
const AT_A_TIME: usize = 4;

pub fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    if arguments.list {
        return libtest_mimic::run(&arguments, trials(|_| true)).exit_code();
    }
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let together = libtest_mimic::run(&arguments, trials(|scene| !scene.alone));
    arguments.test_threads = Some(1);
    let alone = libtest_mimic::run(&arguments, trials(|scene| scene.alone));
    if together.has_failed() { together.exit_code() } else { alone.exit_code() }
}

fn trials(wanted: fn(&Scene) -> bool) -> Vec<Trial> {
    let scenes = || SCENES.iter().filter(move |scene| wanted(scene));
    let pairs = scenes().flat_map(|scene| ROUTES.iter().map(move |route| (scene, *route)));
    pairs
        .filter(|(scene, route)| (scene.is_possible)(*route))
        .map(|(scene, route)| trial(scene, route))
        .collect()
}

fn trial(scene: &'static Scene, route: Route) -> Trial {
    let name = format!("{}::{}", route.name(), scene.name);
    Trial::test(name.clone(), move || match scene.play(route, Length::Short) {
        Ok(seen) => {
            let known =
                if expected::fails(route.name(), scene.name) { ", though it is known to fail" } else { "" };
            println!("{name}{known}: {seen}");
            Ok(())
        }
        Err(wrong) if expected::fails(route.name(), scene.name) => {
            println!("{name} fails, as is known: {wrong}");
            Ok(())
        }
        Err(wrong) => Err(Failed::from(wrong)),
    })
}
