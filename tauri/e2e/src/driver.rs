//! WebDriver, as much of it as is needed: HTTP and JSON to WebKit's own driver.

use crate::wait_for;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long an answer may take.
const BOUND: Duration = Duration::from_secs(20);
/// The name of an element's reference, by the standard.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session: one run of the application.
#[derive(Debug)]
pub struct Driver {
    process: Child,
    port: u16,
    session: String,
}

impl Driver {
    /// Starts the driver and the application under it.
    ///
    /// # Panics
    /// If WebKitWebDriver is missing, or no session can be had.
    pub fn start(application: &Path, environment: &HashMap<String, OsString>) -> Self {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let process = Command::new("WebKitWebDriver")
            .arg(format!("--port={port}"))
            .arg("--host=127.0.0.1")
            .envs(environment)
            // Without it the session never comes, and nobody says why.
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // The application and its web processes end with it.
            .process_group(0)
            .spawn()
            .expect("WebKitWebDriver must be installed: `cargo xtask app-test` installs it");
        let mut driver = Self { process, port, session: String::new() };
        let up = wait_for(BOUND, || TcpStream::connect(("127.0.0.1", port)).ok());
        assert!(up.is_some(), "WebKitWebDriver does not answer");
        let options = json!({ "binary": application, "args": [] });
        let wish = json!({ "capabilities": { "alwaysMatch": { "webkitgtk:browserOptions": options } } });
        let session = driver.request("POST", "/session", &wish).expect("a session");
        driver.session = session["sessionId"].as_str().expect("its id").to_owned();
        driver
    }

    /// The process of the driver, whose child is the application.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Clicks on what the selector finds.
    ///
    /// # Panics
    /// If there is no such element, or it cannot be clicked.
    pub fn click(&self, selector: &str) {
        let find = json!({ "using": "css selector", "value": selector });
        let found = wait_for(Duration::from_secs(5), || self.ask("POST", "/element", &find).ok());
        let element = found.unwrap_or_else(|| panic!("the page has no {selector}"))[ELEMENT].clone();
        let path = format!("/element/{}/click", element.as_str().expect("a reference"));
        self.ask("POST", &path, &json!({}))
            .unwrap_or_else(|error| panic!("cannot click {selector}: {error}"));
    }

    /// Presses or lets go of keys, wherever the focus is.
    ///
    /// # Panics
    /// If the driver refuses.
    pub fn keys(&self, kind: &str, key: &str) {
        let action = json!({ "type": kind, "value": key });
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": [action] });
        self.ask("POST", "/actions", &json!({ "actions": [keyboard] })).expect("a key");
    }

    /// Runs a script in the page and gives what it returns.
    ///
    /// # Panics
    /// If it throws.
    pub fn run(&self, script: &str) -> Value {
        let call = json!({ "script": script, "args": [] });
        self.ask("POST", "/execute/sync", &call).unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Calls a command as the page could: what it gave, or what it was rejected with.
    ///
    /// # Panics
    /// If neither comes.
    pub fn invoke(&self, command: &str, arguments: &Value) -> Result<Value, Value> {
        let script = "const [command, args, done] = arguments; \
                      window.__TAURI__.core.invoke(command, args).then((ok) => done({ ok }), (err) => done({ err }))";
        let call = json!({ "script": script, "args": [command, arguments] });
        let answer = self.ask("POST", "/execute/async", &call).expect("an answer");
        match answer.get("err") {
            Some(reason) => Err(reason.clone()),
            None => Ok(answer["ok"].clone()),
        }
    }

    /// The text of what the selector finds, as it is in the page.
    pub fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({selector:?})?.textContent ?? ''");
        self.run(&script).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the script returns something that is true, and gives it.
    ///
    /// # Panics
    /// If it does not in time, with what the page says.
    pub fn wait(&self, what: &str, bound: Duration, script: &str) -> Value {
        let is_true = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
        wait_for(bound, || Some(self.run(script)).filter(is_true))
            .unwrap_or_else(|| panic!("in vain: {what}; the page says {:?}", self.text("main")))
    }

    /// The page as a PNG file.
    ///
    /// # Panics
    /// If there is none.
    pub fn screenshot(&self, path: &Path) {
        let picture = self.ask("GET", "/screenshot", &Value::Null).expect("a screenshot");
        std::fs::write(path, base64(picture.as_str().expect("text"))).expect("the file can be written");
    }

    /// Makes the window another size.
    ///
    /// # Panics
    /// If the driver refuses.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({ "x": 0, "y": 0, "width": width, "height": height });
        self.ask("POST", "/window/rect", &size).expect("another size");
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.request(method, &format!("/session/{}{path}", self.session), body)
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(BOUND)).map_err(|error| error.to_string())?;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n", self.port);
        let head = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).map_err(|error| error.to_string())?;
        let answer = read(&mut stream).map_err(|error| format!("{method} {path}: {error}"))?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        let value = answer["value"].clone();
        if value.get("error").is_some_and(Value::is_string) { Err(value.to_string()) } else { Ok(value) }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.ask("DELETE", "", &Value::Null);
        // The group is ours, and its first process not yet waited for.
        if let Ok(group) = self.process.id().try_into() {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.process.wait();
    }
}

/// The body of an answer.
fn read(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut answer = Vec::new();
    let mut piece = [0; 1 << 14];
    loop {
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if length.is_some_and(|length| body.len() >= length) {
                return Ok(body.to_owned());
            }
        }
        match stream.read(&mut piece)? {
            0 => return Ok(String::from_utf8_lossy(&answer).split("\r\n\r\n").skip(1).collect()),
            read => answer.extend_from_slice(&piece[..read]),
        }
    }
}

/// RFC 4648.
fn base64(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let sixes: Vec<u8> = text.bytes().filter_map(value).collect();
    let four = |sixes: &[u8]| {
        let bits =
            sixes.iter().fold(0_u32, |bits, six| bits << 6 | u32::from(*six)) << (6 * (4 - sixes.len()));
        bits.to_be_bytes()[1..sixes.len()].to_vec()
    };
    sixes.chunks(4).flat_map(four).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_of_the_standards_own_examples() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE=", "fooba")]
        {
            assert_eq!(super::base64(text), bytes.as_bytes());
        }
    }
}
