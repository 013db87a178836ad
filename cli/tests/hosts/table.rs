//! `cargo xtask hosts`: every scene on every path, as a table, and the figures as another.

use super::figures::{self, Figure, PARTS};
use super::rig::{ROUTES, Route};
use super::scenes::{Length, SCENES, Scene, Verdict};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

/// The first argument that asks for it.
pub const FLAG: &str = "--table";

/// Scenes at a time that do not need the machine for themselves.
const AT_A_TIME: usize = 4;

/// `PATH… --scene NAME --long`; the scene `figures` is the second table alone, `--part NAME` a part of that.
pub fn main(arguments: &[String]) -> ExitCode {
    let asked = match Asked::read(arguments) {
        Ok(asked) => asked,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let begun = Instant::now();
    let played = play(&asked);
    let failed = tell(&asked, &played);
    let red = if asked.scene.as_deref().is_none_or(|scene| scene == "figures") { measure(&asked) } else { 0 };
    println!("\n{:.0} s in all; {failed} scenes and {red} figures are red", begun.elapsed().as_secs_f64());
    if failed + red == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Asked {
    routes: Vec<Route>,
    scene: Option<String>,
    part: Option<String>,
    length: Length,
}

impl Asked {
    fn read(arguments: &[String]) -> Result<Self, String> {
        let mut asked = Self { routes: Vec::new(), scene: None, part: None, length: Length::Short };
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "--long" => asked.length = Length::Long,
                "--part" => {
                    let name = words.next().unwrap_or_default();
                    if !PARTS.iter().any(|(part, _)| *part == name) {
                        let names: Vec<&str> = PARTS.iter().map(|(part, _)| *part).collect();
                        return Err(format!(
                            "there is no part `{name}` of the figures; {} are",
                            names.join(", ")
                        ));
                    }
                    (asked.scene, asked.part) = (Some("figures".to_owned()), Some(name.to_owned()));
                }
                "--scene" => {
                    let name = words.next().unwrap_or_default();
                    if name != "figures" && !SCENES.iter().any(|scene| scene.name == name) {
                        let names: Vec<&str> = SCENES.iter().map(|scene| scene.name).collect();
                        return Err(format!(
                            "there is no scene `{name}`; {} and figures are",
                            names.join(", ")
                        ));
                    }
                    asked.scene = Some(name.to_owned());
                }
                name => match ROUTES.iter().find(|route| route.name() == name) {
                    Some(route) => asked.routes.push(*route),
                    None => {
                        let paths = ROUTES.iter().map(|route| format!("{} ({})", route.name(), route.what()));
                        return Err(format!(
                            "there is no path `{name}`; {} are",
                            paths.collect::<Vec<_>>().join(", ")
                        ));
                    }
                },
            }
        }
        if asked.routes.is_empty() {
            asked.routes = ROUTES.to_vec();
        }
        Ok(asked)
    }

    fn scenes(&self) -> impl Iterator<Item = &'static Scene> + '_ {
        SCENES.iter().filter(|scene| self.scene.as_deref().is_none_or(|name| name == scene.name))
    }
}

struct Played {
    scene: &'static str,
    route: Route,
    verdict: Verdict,
}

fn play(asked: &Asked) -> Vec<Played> {
    let pairs = asked.scenes().flat_map(|scene| asked.routes.iter().map(move |route| (scene, *route)));
    let (alone, together): (VecDeque<_>, VecDeque<_>) =
        pairs.filter(|(scene, route)| (scene.is_possible)(*route)).partition(|(scene, _)| scene.alone);
    let count = alone.len() + together.len();
    let played = Mutex::new(Vec::new());
    for (queue, at_a_time) in [(together, AT_A_TIME), (alone, 1)] {
        let queue = Mutex::new(queue);
        thread::scope(|scope| {
            for _ in 0..at_a_time {
                scope.spawn(|| {
                    while let Some((scene, route)) = next(&queue) {
                        let begun = Instant::now();
                        let verdict = catch_unwind(AssertUnwindSafe(|| scene.play(route, asked.length)));
                        let verdict = verdict.unwrap_or_else(|panic| Err(words(panic.as_ref())));
                        let mut played = played.lock().expect("nobody panics there");
                        let how = if verdict.is_ok() { "ok" } else { "RED" };
                        played.push(Played { scene: scene.name, route, verdict });
                        let (name, seconds) = (route.name(), begun.elapsed().as_secs_f64());
                        eprintln!(
                            "[{:>2}/{count}] {name} {}: {how}, {seconds:.1} s",
                            played.len(),
                            scene.name
                        );
                    }
                });
            }
        });
    }
    played.into_inner().expect("nobody panics there")
}

fn next<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    queue.lock().expect("nobody panics there").pop_front()
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Prints the first table, and what is wrong. Gives how many scenes are red.
fn tell(asked: &Asked, played: &[Played]) -> usize {
    let find = |scene: &Scene, route: Route| {
        played.iter().find(|played| played.scene == scene.name && played.route == route)
    };
    if played.is_empty() {
        return 0;
    }
    println!("\n{:10}{}", "", head(asked));
    for scene in asked.scenes() {
        let cell = |route: &Route| match find(scene, *route).map(|played| &played.verdict) {
            Some(Ok(_)) => format!("{:>9}", "ok"),
            Some(Err(_)) => format!("{:>9}", "RED"),
            None => format!("{:>9}", "-"),
        };
        println!("{:10}{}   {}", scene.name, asked.routes.iter().map(cell).collect::<String>(), scene.what);
    }
    println!();
    for route in &asked.routes {
        println!("{:3} {}", route.name(), route.what());
        for scene in asked.scenes() {
            match find(scene, *route).map(|played| &played.verdict) {
                Some(Ok(seen)) => println!("    {:10} ok   {seen}", scene.name),
                Some(Err(wrong)) => println!("    {:10} RED  {}", scene.name, first_lines(wrong)),
                None => {}
            }
        }
    }
    played.iter().filter(|played| played.verdict.is_err()).count()
}

/// Up to the sentence that ends with what was seen: logs are for tests.
fn first_lines(wrong: &str) -> String {
    let end = wrong.find("]\n").map_or(wrong.len(), |end| end + 1);
    wrong[..end].replace('\n', "\n         ")
}

fn head(asked: &Asked) -> String {
    asked.routes.iter().map(|route| format!("{:>9}", route.name())).collect()
}

/// Measures and prints the second table: ours, and the native recorder's in brackets. Gives how many figures are red.
fn measure(asked: &Asked) -> usize {
    let all: Vec<Vec<Figure>> = asked
        .routes
        .iter()
        .map(|route| figures::of(*route, asked.part.as_deref(), &mut |what| eprintln!("measuring {what}")))
        .collect();
    let mut names: Vec<(&str, &str)> = Vec::new();
    for figure in all.iter().flatten() {
        if !names.contains(&(figure.name, figure.unit)) {
            names.push((figure.name, figure.unit));
        }
    }
    let wide = |route: &Route| format!("{:>18}", route.name());
    println!("\n{:36}{}", "ours [native], ! is red", asked.routes.iter().map(wide).collect::<String>());
    for (name, unit) in names {
        let cell = |figures: &Vec<Figure>| {
            let figure = figures.iter().find(|figure| figure.name == name);
            format!("{:>18}", figure.map(Figure::text).unwrap_or_else(|| "-".into()))
        };
        println!("{:36}{}", format!("{name}, {unit}"), all.iter().map(cell).collect::<String>());
    }
    all.iter().flatten().filter(|figure| figure.is_red()).count()
}

impl Figure {
    fn text(&self) -> String {
        let number = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| format!("{value:.1}"));
        let theirs = self.theirs.map(|theirs| format!(" [{theirs:.1}]")).unwrap_or_default();
        format!("{}{}{theirs}", if self.is_red() { "!" } else { "" }, number(self.ours))
    }
}
