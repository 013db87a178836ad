//! The choice of microphone, while microphones come and go.

use e2e::{Driver, Microphone, PulseServer, Recorder, sound};
use serde_json::{Value, json};
use std::time::Duration;

/// Has the list looked at again, as coming back to the window does.
fn look(page: &Driver) {
    // The plugin keeps a list for a second.
    std::thread::sleep(Duration::from_millis(1100));
    page.run("window.dispatchEvent(new Event('focus'))");
}

/// Waits until the chosen microphone is called so.
fn wait_for_choice(page: &Driver, label: &str) {
    let script =
        format!("return document.querySelector('#device').selectedOptions[0]?.textContent === {label:?}");
    page.wait(label, Duration::from_secs(5), &script);
}

/// The id of the device that is open.
fn open_device(page: &Driver) -> Value {
    let status = page.invoke("plugin:hearken|status", &json!({})).expect("a status");
    status["device"]["id"].clone()
}

/// A take of a moment; the device that it was recorded with.
fn record(recorder: &Recorder, takes: usize) -> Value {
    recorder.page.click("#record");
    recorder.wait_for_state("recording");
    let script = "return document.querySelector('#elapsed').textContent !== '0:00'";
    recorder.page.wait("a second", Duration::from_secs(5), script);
    let device = open_device(&recorder.page);
    recorder.page.click("#record");
    recorder.wait_for_takes(takes);
    device
}

#[test]
fn a_chosen_microphone_that_is_gone_is_remembered_shown_as_gone_and_returned_to() {
    let server = PulseServer::start();
    let _microphone = Microphone::speak(&server, sound::speech(5));
    server.plug_headset(true);
    let recorder = Recorder::start(&server, false, None);
    let page = &recorder.page;
    let chosen = page.run(
        "const select = document.querySelector('#device'); \
         const headset = [...select.options].find((option) => option.textContent.includes('Headset')); \
         select.value = headset.value; select.dispatchEvent(new Event('change')); return headset.value",
    );
    let label = page.run("return document.querySelector('#device').selectedOptions[0].textContent");
    let label = label.as_str().expect("a name");
    assert_eq!(record(&recorder, 1), chosen);

    server.plug_headset(false);
    look(page);
    let gone = format!("{label} (not connected)");
    wait_for_choice(page, &gone);
    // It is the page that remembers, so a new one does.
    page.run("delete document.body.dataset.ready; location.reload()");
    page.wait("the page", Duration::from_secs(10), "return document.body?.dataset.ready");
    wait_for_choice(page, &gone);
    // The device is still warm, and would be recorded with.
    recorder.wait_for_closed_device();
    let instead = record(&recorder, 2);
    assert_ne!(instead, chosen, "a device that is gone was recorded with");
    assert_eq!(page.text("#banner-title"), format!("{label} is not connected"));
    wait_for_choice(page, &gone);

    server.plug_headset(true);
    look(page);
    wait_for_choice(page, label);
    assert_eq!(record(&recorder, 3), chosen, "it is not returned to");
}

#[test]
fn a_path_is_no_microphone() {
    let server = PulseServer::start();
    let _microphone = Microphone::speak(&server, sound::speech(5));
    let recorder = Recorder::start(&server, false, None);
    for device in ["/etc/passwd", "file:/etc/passwd", "../../mic.fifo", "synthetic:speech", ""] {
        for (command, arguments) in [
            ("open", json!({ "device": device })),
            ("start_take", json!({ "request": { "device": device } })),
        ] {
            let refused = recorder.page.invoke(&format!("plugin:hearken|{command}"), &arguments);
            assert_eq!(refused.expect_err("it was opened")["kind"], "notFound", "{command} {device:?}");
        }
    }
    assert_eq!(recorder.files(), 0, "a take was left");
    let instead = recorder.page.invoke("plugin:hearken|start_take", &json!({ "request": {} }));
    instead.expect("the default one still records");
    recorder.page.invoke("plugin:hearken|cancel_take", &json!({})).expect("it is thrown away");
}
