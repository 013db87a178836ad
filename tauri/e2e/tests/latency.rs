//! How soon a click does what it is for.

use e2e::{Microphone, PulseServer, Recorder, sound};
use std::thread::sleep;
use std::time::Duration;

/// From the click to the first frame in the take, where the device is open.
const FIRST_FRAME_MOST_MS: f64 = 100.0;
/// From the click to both files being complete.
const STOP_MOST_MS: f64 = 150.0;
const TAKES: usize = 5;
/// Series of takes: a machine that is busy with something else answers late, an application that is slow always does.
const SERIES: usize = 3;

#[test]
fn a_click_is_in_the_take_within_100_ms_and_the_file_complete_within_150() {
    let server = PulseServer::start();
    let _microphone = Microphone::speak(&server, sound::speech(5));
    let recorder = Recorder::start(&server, false, None);
    // When the system says that it was clicked, on the clock of the take's own time.
    recorder.page.run(
        "document.addEventListener('click', (event) => { \
         window.clickedAtMs = performance.timeOrigin + event.timeStamp }, true)",
    );
    recorder.page.click(".switch");
    recorder.wait_for_state("open");
    recorder.page.click(".switch");
    recorder.wait_for_state("closed");
    let mut takes = 0;
    for _ in 0..SERIES {
        let (mut firsts, mut stops): (Vec<f64>, Vec<f64>) = (0..TAKES)
            .map(|_| {
                takes += 1;
                record(&recorder, takes)
            })
            .unzip();
        let (first, stop) = (median(&mut firsts), median(&mut stops));
        println!("click to first frame, warm: {first:.0} ms of {firsts:.0?}");
        println!("click to complete file: {stop:.0} ms of {stops:.0?}");
        if first <= FIRST_FRAME_MOST_MS && stop <= STOP_MOST_MS {
            return;
        }
    }
    panic!("later than {FIRST_FRAME_MOST_MS} or {STOP_MOST_MS} ms in each of {SERIES} series");
}

/// One take: the milliseconds from the click to its first frame, and from the click to its complete file.
fn record(recorder: &Recorder, takes: usize) -> (f64, f64) {
    let page = &recorder.page;
    page.click("#record");
    recorder.wait_for_state("recording");
    let clicked_at = page.run("return window.clickedAtMs").as_f64().expect("a click");
    sleep(Duration::from_millis(300));
    page.click("#record");
    recorder.wait_for_takes(takes);
    let (take, _) = recorder.newest();
    let called_at = take["recordedAtMs"].as_f64().expect("a time");
    let first = called_at - clicked_at + take["firstFrameMs"].as_f64().expect("frames came");
    let told = "return document.querySelector('#details').dataset.stopMs";
    let stop = page.wait("the time that it took", Duration::from_secs(2), told);
    (first, stop.as_str().and_then(|stop| stop.parse().ok()).expect("a number"))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
