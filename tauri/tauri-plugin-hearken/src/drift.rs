//! Files that are made of the sources, for the page's side: a test fails where they have drifted, and makes them anew
//! with `HEARKEN_REGENERATE=1`.

use crate::error::{Error, ErrorKind};
use crate::models::*;
use std::fs;
use std::path::Path;
use ts_rs::{Config, TS};

pub(crate) fn check(file: &str, ought: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("HEARKEN_REGENERATE").is_some() {
        fs::write(&path, ought).expect("the file can be written");
    }
    let is = fs::read_to_string(&path).unwrap_or_default();
    assert!(is == ought, "{file} is not what the sources say; make it anew with HEARKEN_REGENERATE=1");
}

#[test]
fn the_types_of_the_page_are_those_of_the_commands() {
    let config = Config::default();
    let mut text = String::from("// Made of src/models.rs and src/error.rs by a test; do not edit.\n");
    macro_rules! declare {
        ($($type:ty),*) => {$(
            let docs = <$type as TS>::docs().unwrap_or_default();
            text += &format!("\n{docs}export {}\n", <$type as TS>::decl(&config));
        )*};
    }
    declare!(
        Device,
        OpenDevice,
        State,
        Frames,
        ClockFigures,
        RunningTake,
        Status,
        TakeRequest,
        Hole,
        Verdict,
        TakeInfo,
        Notice,
        ErrorKind,
        Error
    );
    let text: String = text.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    check("guest-js/types.ts", &text);
}
