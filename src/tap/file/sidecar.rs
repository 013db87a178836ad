//! What is missing from a file, beside it: `NAME.wav.json`, whole at every moment.

use crate::error::{Error, ErrorKind};
use crate::timeline::{CapturedAt, Cause, Verdict};
use crate::wav::WavFormat;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How each account begins.
const SCHEMA: &str = r#"{"schema":"hearken.file/1","#;
/// Records that are kept of either kind; the others are counted.
const MOST_RECORDS: usize = 4096;
/// News wait so long for each other: a broken device must not make the file's writer its own enemy.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often the last word tries to take its name, and how long it waits in between: 1 s in all. Whoever looks at a
/// file in passing, a virus scanner for one, is done by then.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// A hole, on the file's axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    /// The frame of the file at which it begins.
    pub position: u64,
    /// Frames missing.
    pub frames: u64,
    /// How far off that may be, either way.
    pub error_frames: u64,
    /// Silent frames that stand for them in the file: all of them, or none.
    pub filled: u64,
    pub cause: Cause,
}

/// How the writing goes.
#[derive(Debug)]
pub(super) enum State<'a> {
    Writing,
    Complete,
    Failed(&'a Error),
}

/// The account of a file and where it is kept. The schema is `hearken.file/1`.
#[derive(Debug)]
pub(super) struct Sidecar {
    path: PathBuf,
    /// The name of the audio file, without its directory.
    file: String,
    format: WavFormat,
    first_open: Option<SystemTime>,
    first_frame: CapturedAt,
    holes: Vec<Hole>,
    more_holes: u64,
    losses: Vec<Verdict>,
    more_losses: u64,
    /// There is something to tell since `written`.
    news: bool,
    written: Instant,
    /// Something else has its name.
    is_foreign: bool,
    /// Why it is not up to date; the audio went on.
    error: Option<Error>,
}

impl Sidecar {
    /// The account of `audio`, whose first frame was captured at `first_frame` after `first_open`. Writes it at once.
    pub fn new(
        audio: &Path,
        format: WavFormat,
        first_open: Option<SystemTime>,
        first_frame: CapturedAt,
    ) -> Self {
        forget(audio);
        let path = beside(audio, ".json");
        let mut sidecar = Self {
            // An account that would not go, because somebody has it open, is ours to replace.
            is_foreign: fs::symlink_metadata(&path).is_ok() && !is_account(&path),
            path,
            file: audio.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            format,
            first_open,
            first_frame,
            holes: Vec::new(),
            more_holes: 0,
            losses: Vec::new(),
            more_losses: 0,
            news: true,
            written: Instant::now(),
            error: None,
        };
        // An older one that is open elsewhere would be taken for this one's until the end.
        sidecar.write(0, 0, &State::Writing, 1);
        sidecar
    }

    pub fn hole(&mut self, hole: Hole) {
        self.news = true;
        if self.holes.len() < MOST_RECORDS {
            self.holes.push(hole);
        } else {
            self.more_holes += 1;
        }
    }

    /// What is known about a loss now, instead of what was known before; `position` in frames of the file.
    pub fn loss(&mut self, loss: Verdict) {
        self.news = true;
        if let Some(known) = self.losses.iter_mut().find(|known| known.id == loss.id) {
            *known = loss;
        } else if self.losses.len() < MOST_RECORDS {
            self.losses.push(loss);
        } else {
            self.more_losses += 1;
        }
    }

    /// Writes what is new, unless something was written just now.
    pub fn look(&mut self, frames: u64, behind: u64) {
        if self.news && self.written.elapsed() >= INTERVAL {
            self.write(frames, behind, &State::Writing, 0);
        }
    }

    /// The last word; an error if it could not be kept.
    pub fn finish(mut self, frames: u64, behind: u64, state: &State<'_>) -> Result<(), Error> {
        self.write(frames, behind, state, TRIES);
        self.error.map_or(Ok(()), Err)
    }

    fn write(&mut self, frames: u64, behind: u64, state: &State<'_>, tries: u32) {
        (self.news, self.written) = (false, Instant::now());
        if self.is_foreign {
            let message = format!("{} is no account of a recording and stays as it is", self.path.display());
            self.error = Some(Error::new(ErrorKind::Io, message));
            return;
        }
        let json = self.json(frames, behind, state);
        let written = replace(&self.path, json.as_bytes(), tries, |from, to| fs::rename(from, to));
        // One that fails in between is made good by the next, which says everything anew.
        self.news |= written.is_err();
        self.error = written.err().map(|error| Error::io("cannot write", &self.path, &error));
    }

    fn json(&self, frames: u64, behind: u64, state: &State<'_>) -> String {
        let mut json = String::new();
        // Writing to a string does not fail.
        let _ = self.tell(&mut json, frames, behind, state);
        json
    }

    fn tell(&self, json: &mut String, frames: u64, behind: u64, state: &State<'_>) -> std::fmt::Result {
        let (name, error) = match state {
            State::Writing => ("writing", None),
            State::Complete => ("complete", None),
            State::Failed(error) => ("failed", Some(error.to_string())),
        };
        let WavFormat { rate_hz, channels, encoding } = self.format;
        let ms = |time: Duration| time.as_nanos() as f64 / 1e6;
        write!(json, "{SCHEMA}\"file\":{},\"state\":\"{name}\",", text(&self.file))?;
        write!(json, "\"error\":{},", error.map_or("null".into(), |error| text(&error)))?;
        write!(json, "\"format\":{{\"rate_hz\":{rate_hz},\"channels\":{channels},")?;
        write!(json, "\"sample_format\":\"{encoding}\"}},\"frames\":{frames},\"behind\":{behind},")?;
        let since_1970 = self.first_open.and_then(|open| open.duration_since(UNIX_EPOCH).ok());
        let open = since_1970.map_or("null".into(), |time| time.as_millis().to_string());
        let CapturedAt { at, bound } = self.first_frame;
        write!(json, "\"start\":{{\"first_open_unix_ms\":{open},\"first_frame_ms\":{:.3},", ms(at))?;
        write!(json, "\"bound_ms\":{:.3}}},\"gaps\":[", ms(bound))?;
        for (n, hole) in self.holes.iter().enumerate() {
            let Hole { position, frames, error_frames, filled, cause } = hole;
            let comma = if n > 0 { "," } else { "" };
            write!(json, "{comma}{{\"position\":{position},\"frames\":{frames},")?;
            write!(json, "\"error_frames\":{error_frames},\"filled\":{filled},\"cause\":\"{cause}\"}}")?;
        }
        write!(json, "],\"more_gaps\":{},\"losses\":[", self.more_holes)?;
        for (n, loss) in self.losses.iter().enumerate() {
            let Verdict { position, frames, error_frames, state, .. } = loss;
            let comma = if n > 0 { "," } else { "" };
            write!(json, "{comma}{{\"position\":{position},\"frames\":{frames},")?;
            write!(json, "\"error_frames\":{error_frames},\"state\":\"{}\"}}", state.name())?;
        }
        writeln!(json, "],\"more_losses\":{}}}", self.more_losses)
    }
}

/// A text as JSON spells it.
fn text(text: &str) -> String {
    let mut json = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\0'..='\x1F' => {
                let _ = write!(json, "\\u{:04x}", u32::from(character));
            }
            _ => json.push(character),
        }
    }
    json + "\""
}

/// `take.wav` and `.json` are `take.wav.json`.
pub(super) fn beside(audio: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(audio);
    name.push(ending);
    name.into()
}

/// Removes the account of an earlier file, which would be taken for the new one's; nothing else of that name.
pub(super) fn forget(audio: &Path) {
    let path = beside(audio, ".json");
    if is_account(&path) {
        let _ = fs::remove_file(path);
    }
}

/// Whether there is a file, and it begins as an account does.
fn is_account(path: &Path) -> bool {
    let mut begin = [0; SCHEMA.len()];
    let is_file = fs::metadata(path).is_ok_and(|there| there.is_file());
    let is_read = is_file && File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok();
    is_read && begin == *SCHEMA.as_bytes()
}

/// The old content or the new one, never a part of either; readable by its owner only.
///
/// Windows lets nothing take the name of a file that somebody has open, unless that somebody agreed to it when opening.
/// After so many `tries` the new one goes over the old one where it lies, and is whole beside it until that is done;
/// with none, it is left to the next account.
fn replace(
    path: &Path,
    content: &[u8],
    tries: u32,
    rename: impl Fn(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let part = beside(path, ".part");
    let mut written = write_new(&part, content).and_then(|()| rename(&part, path));
    // Nothing keeps the name but an account that is open: otherwise no time helps.
    if written.is_err() && tries > 0 && part.exists() && is_account(path) {
        let again = |_| {
            std::thread::sleep(PAUSE);
            rename(&part, path).ok()
        };
        written = match (1..tries).find_map(again) {
            Some(()) => return Ok(()),
            None => overwrite(path, content),
        };
        if let Err(error) = written {
            // Whoever has it open lets nobody write either.
            return Err(io::Error::new(error.kind(), format!("{error}; it is in {}", part.display())));
        }
    }
    if part.exists() {
        let _ = fs::remove_file(&part);
    }
    written
}

/// Puts `content` over what the file holds, in one write. Blanks at its end stand for what the old one was longer, so
/// that there is no moment at which the file is too short or too long.
fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    let mut file = options.open(path)?;
    let old_len = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    let mut whole = content.to_vec();
    whole.resize(whole.len().max(old_len), b' ');
    file.write_all(&whole)?;
    file.sync_data()
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    // One that a killed program has left may belong to anybody.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path)?;
    file.write_all(content)?;
    // Otherwise the name may reach the disk before the content does.
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::LossState;
    use crate::wav::Encoding;

    const FORMAT: WavFormat = WavFormat { rate_hz: 16_000, channels: 1, encoding: Encoding::I16 };

    #[test]
    fn it_is_whole_whenever_it_is_read_and_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let audio = folder.path().join("a take.wav");
        let first_open = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        let first = CapturedAt { at: Duration::from_micros(12_345), bound: Duration::from_micros(67) };
        let mut sidecar = Sidecar::new(&audio, FORMAT, Some(first_open), first);
        let path = beside(&audio, ".json");
        let start = concat!(
            r#"{"schema":"hearken.file/1","file":"a take.wav","state":"writing","error":null,"#,
            r#""format":{"rate_hz":16000,"channels":1,"sample_format":"i16"},"frames":0,"behind":0,"#,
            r#""start":{"first_open_unix_ms":1700000000123,"first_frame_ms":12.345,"bound_ms":0.067},"#,
            r#""gaps":[],"more_gaps":0,"losses":[],"more_losses":0}"#,
            "\n"
        );
        assert_eq!(fs::read_to_string(&path).expect("a text"), start);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let loss = |frames, state| Verdict { id: 7, position: 5, frames, error_frames: 1, state };
        sidecar.loss(loss(20, LossState::Provisional));
        sidecar.loss(loss(30, LossState::Settled));
        sidecar.hole(Hole { position: 9, frames: 4, error_frames: 2, filled: 4, cause: Cause::Dropped });
        for position in 0..5_000 {
            sidecar.hole(Hole { position, frames: 1, error_frames: 0, filled: 1, cause: Cause::Muted });
        }
        sidecar.look(100, 3);
        assert_eq!(fs::read_to_string(&path).expect("a text"), start, "news wait for each other");
        let failed = Error::bad_argument("no\nroom");
        sidecar.finish(200, 3, &State::Failed(&failed)).expect("room");
        let end = fs::read_to_string(&path).expect("a text");
        for part in [
            r#""state":"failed","error":"no\u000aroom","#,
            r#""frames":200,"behind":3,"#,
            r#""gaps":[{"position":9,"frames":4,"error_frames":2,"filled":4,"cause":"dropped"},{"position":0,"#,
            r#""more_gaps":905,"#,
            r#""losses":[{"position":5,"frames":30,"error_frames":1,"state":"settled"}],"more_losses":0}"#,
        ] {
            assert!(end.contains(part), "{part}");
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left");
    }

    #[test]
    fn the_account_of_an_earlier_file_is_forgotten_and_nothing_else_of_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let audio = folder.path().join("take.wav");
        let path = beside(&audio, ".json");
        forget(&audio);
        drop(Sidecar::new(&audio, FORMAT, None, CapturedAt::default()));
        assert!(path.exists());
        forget(&audio);
        assert!(!path.exists());
        for other in ["", "{}", r#"{"schema":"hearken.take/1","file":"take.wav"}"#] {
            fs::write(&path, other).expect("room");
            forget(&audio);
            let sidecar = Sidecar::new(&audio, FORMAT, None, CapturedAt::default());
            assert!(sidecar.finish(1, 0, &State::Complete).is_err(), "it is told");
            assert_eq!(fs::read_to_string(&path).expect("it is there"), other);
        }
    }

    #[test]
    fn a_text_is_spelled_as_json_has_it() {
        assert_eq!(text("a \"take\" \\ é\n\u{1}.wav"), r#""a \"take\" \\ é\u000a\u0001.wav""#);
    }

    /// What somebody else's name for the file allows in a system's stead.
    fn refusing(times: u32) -> (impl Fn(&Path, &Path) -> io::Result<()>, std::rc::Rc<std::cell::Cell<u32>>) {
        let tried = std::rc::Rc::new(std::cell::Cell::new(0));
        let counted = std::rc::Rc::clone(&tried);
        let rename = move |from: &Path, to: &Path| {
            counted.set(counted.get() + 1);
            if counted.get() <= times {
                Err(io::ErrorKind::PermissionDenied.into())
            } else {
                fs::rename(from, to)
            }
        };
        (rename, tried)
    }

    #[test]
    fn one_that_is_open_elsewhere_is_replaced_as_soon_as_it_can_be_and_overwritten_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("take.wav.json");
        let account = |rest: &str| format!("{SCHEMA}{rest}}}\n");
        let there = || fs::read_to_string(&path).expect("a text");
        let files = || fs::read_dir(folder.path()).expect("a folder").count();
        fs::write(&path, account("\"old\":1,\"and\":\"longer\"")).expect("room");
        let old = there();

        let (rename, tried) = refusing(1);
        replace(&path, account("\"new\":1").as_bytes(), 0, rename).expect_err("the next one will do");
        assert_eq!((tried.get(), there(), files()), (1, old.clone(), 1), "nobody waited, nothing is left");

        let (rename, tried) = refusing(3);
        replace(&path, account("\"new\":2").as_bytes(), TRIES, rename).expect("at the fourth try");
        assert_eq!((tried.get(), there(), files()), (4, account("\"new\":2"), 1));

        // Shorter than what is there, and then longer.
        fs::write(&path, &old).expect("room");
        for (content, expected_len) in
            [(account("\"new\":3"), old.len()), (account(&"\"a\":4".repeat(20)), 0)]
        {
            let (rename, tried) = refusing(u32::MAX);
            replace(&path, content.as_bytes(), TRIES, rename).expect("in its place");
            assert_eq!((tried.get(), there().trim_end()), (TRIES, content.trim_end()));
            assert_eq!((there().len(), files()), (content.len().max(expected_len), 1));
        }

        // What is no account is not written over, whoever keeps its name.
        fs::write(&path, "a letter").expect("room");
        let (rename, _) = refusing(u32::MAX);
        replace(&path, account("").as_bytes(), TRIES, rename).expect_err("it is somebody's");
        assert_eq!((there().as_str(), files()), ("a letter", 1));
    }

    /// As a program does that knows nothing of the others: it lets them read and write, and not take the name.
    #[cfg(windows)]
    #[test]
    fn an_account_that_somebody_has_open_all_the_time_is_complete_at_the_end() {
        use std::os::windows::fs::OpenOptionsExt;
        const READ_AND_WRITE: u32 = 1 | 2;
        let folder = tempfile::tempdir().expect("a folder");
        let audio = folder.path().join("take.wav");
        let path = beside(&audio, ".json");
        let mut sidecar = Sidecar::new(&audio, FORMAT, None, CapturedAt::default());
        let open =
            || OpenOptions::new().read(true).share_mode(READ_AND_WRITE).open(&path).expect("it is there");
        let reader = open();
        let refused = beside(&path, ".try");
        fs::write(&refused, "").expect("room");
        fs::rename(&refused, &path).expect_err("the system refuses it, or this test shows nothing");
        fs::remove_file(&refused).expect("ours");
        sidecar.hole(Hole { position: 9, frames: 4, error_frames: 2, filled: 4, cause: Cause::Dropped });
        sidecar.written = Instant::now().checked_sub(INTERVAL).expect("a later time");
        sidecar.look(100, 0);
        assert!(
            fs::read_to_string(&path).expect("a text").contains(r#""frames":0,"behind":0"#),
            "the old one"
        );
        sidecar.finish(200, 0, &State::Complete).expect("it goes over the old one");
        let end = fs::read_to_string(&path).expect("a text");
        assert!(end.contains(r#""state":"complete""#) && end.contains(r#"{"position":9,"#), "{end}");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "it and nothing else");
        // The next take's, which cannot remove it.
        drop(Sidecar::new(&audio, FORMAT, None, CapturedAt::default()));
        assert!(
            fs::read_to_string(&path).expect("a text").contains(r#""state":"writing""#),
            "no old one stands"
        );
        drop(reader);
    }

    #[test]
    fn one_that_cannot_be_kept_says_why_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let audio = folder.path().join("gone").join("take.wav");
        let sidecar = Sidecar::new(&audio, FORMAT, None, CapturedAt::default());
        let error = sidecar.finish(1, 0, &State::Complete).expect_err("no folder");
        assert!(error.to_string().contains("take.wav.json"), "{error}");
    }
}
