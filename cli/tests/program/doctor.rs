//! Check-ups and pages, of inputs that every machine has.

use crate::run::{Place, figure};

fn text(place: &Place, name: &str) -> String {
    String::from_utf8(place.read(name)).expect("text")
}

#[test]
fn a_synthetic_microphone_is_healthy_for_people_and_for_programs() {
    let place = Place::new();
    let said = place.hearken("doctor --input synthetic:tone --seconds 1");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stdout.contains("\nhealthy\n") && said.stdout.contains("480 / 480 / 480 frames"),
        "{}",
        said.stdout
    );
    let said = place.hearken("doctor --input synthetic:tone --seconds 1 --json");
    let told = said.json();
    assert_eq!((&told["schema"], &told["healthy"]), (&"hearken.doctor/1".into(), &true.into()), "{told}");
    assert_eq!(
        (figure(&told, "/callback/count"), figure(&told, "/ledger/captured")),
        (100, 48_000),
        "{told}"
    );
    assert_eq!((figure(&told, "/callback/min_frames"), figure(&told, "/callback/max_frames")), (480, 480));
    let interval = told["callback"]["interval_p50_ms"].as_f64().expect("an interval");
    assert!((9.96..=10.0).contains(&interval), "{told}");
    assert_eq!((&told["clock"]["class"], &told["findings"]), (&"device".into(), &serde_json::json!([])));
}

#[test]
fn silence_is_not_healthy_and_the_page_says_why() {
    let place = Place::new();
    place.write("silence.wav", &crate::run::wav(1, 16, 1, 16_000, &[0; 32_000]));
    let said = place.hearken("doctor --input file:silence.wav --seconds 1 --report page.html");
    assert_eq!(said.code, Some(1), "{}", said.stdout);
    assert!(said.stderr.ends_with("is not healthy: no signal: is it muted?\n"), "{}", said.stderr);
    assert!(text(&place, "page.html").contains("<h1>no signal: is it muted?</h1>"));
}

#[test]
fn a_device_that_is_not_there_is_a_failure_and_leaves_no_page() {
    let place = Place::new();
    let said = place.hearken("doctor --input nowhere --report page.html");
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("nowhere") && !place.path("page.html").exists(), "{}", said.stderr);
    assert_eq!(place.hearken("doctor --seconds 0").code, Some(2));
}

#[test]
fn a_take_is_one_page_without_script_that_loads_nothing() {
    let place = Place::new();
    place.write("page.html", &[b'x'; 200_000]);
    let args = "record --input synthetic:speech --seconds 3 --fast --json take.json --report page.html";
    let said = place.hearken(args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let page = text(&place, "page.html");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
    assert_eq!(page.matches("<svg").count(), 3, "{page}");
    for word in ["<script", "http", "<link", "<img", "url("] {
        assert!(!page.contains(word), "it says {word}");
    }
    assert!(page.contains("prefers-color-scheme:dark") && page.contains("every frame is accounted for"));
    assert!(page.contains("<td>captured</td><td class=\"figure\">144000</td>"), "{page}");
    // Each of the columns has its stroke, and the clock its line.
    assert_eq!(
        page.split("class=\"wave\" d=\"").nth(1).map(|d| d[..d.find('"').unwrap_or(0)].matches('M').count()),
        Some(960)
    );
}
