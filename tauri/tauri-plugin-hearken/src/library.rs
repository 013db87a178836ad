//! The folder of takes: a WAV file and a small JSON file for each, named by an id that is made here.

use crate::error::{Error, ErrorKind, Result};
use crate::models::TakeInfo;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use time::macros::format_description;
use time::{OffsetDateTime, UtcDateTime};

/// `20261123-012032-482`
const ID: &str = "dddddddd-dddddd-ddd";

/// Where takes are kept.
#[derive(Debug)]
pub(crate) struct Library {
    folder: PathBuf,
}

impl Library {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// An id that no take has yet, and its moment in milliseconds since 1970. Creates the folder.
    pub fn new_id(&self) -> Result<(String, u64)> {
        fs::create_dir_all(&self.folder)
            .map_err(|error| Error::io("cannot create the folder of takes", &error))?;
        loop {
            let now = UtcDateTime::now();
            let form = format_description!("[year][month][day]-[hour][minute][second]-[subsecond digits:3]");
            let id = now.format(form).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
            if !self.audio_path(&id)?.exists() {
                let since_1970 = OffsetDateTime::from(now) - OffsetDateTime::UNIX_EPOCH;
                return Ok((id, u64::try_from(since_1970.whole_milliseconds()).unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Where the audio of a take is, whether or not there is any.
    ///
    /// # Errors
    /// `UnknownTake` for what is no id: nothing else becomes part of a path.
    pub fn audio_path(&self, id: &str) -> Result<PathBuf> {
        Ok(self.folder.join(format!("{}.wav", checked(id)?)))
    }

    fn account_path(&self, id: &str) -> Result<PathBuf> {
        Ok(self.folder.join(format!("{}.json", checked(id)?)))
    }

    /// Writes the account of a take, whole or not at all.
    pub fn save(&self, take: &TakeInfo) -> Result<()> {
        let path = self.account_path(&take.id)?;
        let text = serde_json::to_vec_pretty(take)
            .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
        let partial = path.with_extension("json.part");
        fs::write(&partial, text)
            .and_then(|()| fs::rename(&partial, &path))
            .map_err(|error| Error::io("cannot write the account of the take; its audio is complete", &error))
    }

    /// Every take, the newest first. What is no take, or not complete, is passed over.
    pub fn takes(&self) -> Result<Vec<TakeInfo>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("cannot read the folder of takes", &error)),
        };
        let mut takes: Vec<TakeInfo> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let id = path.file_name()?.to_str()?.strip_suffix(".json")?.to_owned();
                checked(&id).ok()?;
                let take: TakeInfo = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
                (take.id == id && path.with_extension("wav").is_file()).then_some(take)
            })
            .collect();
        takes.sort_by(|one, other| other.id.cmp(&one.id));
        Ok(takes)
    }

    /// The whole WAV file of a take.
    pub fn audio(&self, id: &str) -> Result<Vec<u8>> {
        fs::read(self.audio_path(id)?).map_err(|error| missing(id, &error))
    }

    /// Removes a take.
    pub fn delete(&self, id: &str) -> Result<()> {
        let (audio, account) = (self.audio_path(id)?, self.account_path(id)?);
        fs::remove_file(audio).map_err(|error| missing(id, &error))?;
        // A take whose recording was cut off has none.
        let _ = fs::remove_file(account);
        Ok(())
    }
}

fn missing(id: &str, error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => unknown(id),
        _ => Error::io("cannot get at the take", error),
    }
}

fn unknown(id: &str) -> Error {
    // What a page made up need not fill a log.
    let short: String = id.chars().take(40).collect();
    Error::new(ErrorKind::UnknownTake, format!("there is no take {short:?}"))
}

/// Digits and dashes in their places, and nothing else.
fn checked(id: &str) -> Result<&str> {
    let fits = |(is, form): (u8, u8)| if form == b'd' { is.is_ascii_digit() } else { is == form };
    if id.len() == ID.len() && id.bytes().zip(ID.bytes()).all(fits) { Ok(id) } else { Err(unknown(id)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_an_id_becomes_part_of_a_path() {
        let library = Library::new("/takes".into());
        let hostile = [
            "",
            "..",
            "../../etc/passwd",
            "/etc/passwd",
            "20261123-012032-48",
            "20261123-012032-4820",
            "20261123-012032-48/",
            "2026112..012032-482",
            "20261123-012032-48\u{0}",
            "٢٠٢٦١١٢-012032-482",
        ];
        for id in hostile {
            assert_eq!(
                library.audio_path(id).map_err(|error| error.kind),
                Err(ErrorKind::UnknownTake),
                "{id:?}"
            );
            assert!(library.delete(id).is_err() && library.audio(id).is_err(), "{id:?}");
        }
        let path = library.audio_path("20261123-012032-482");
        assert_eq!(path, Ok(PathBuf::from("/takes/20261123-012032-482.wav")));
    }

    #[test]
    fn ids_are_made_of_the_moment_and_differ() {
        let folder = tempfile::tempdir().expect("a folder");
        let library = Library::new(folder.path().join("takes"));
        let (first, moment) = library.new_id().expect("an id");
        assert!(checked(&first).is_ok() && moment > 1_700_000_000_000, "{first} {moment}");
        fs::write(library.audio_path(&first).expect("a path"), []).expect("a file");
        assert_ne!(library.new_id().expect("an id").0, first);
    }
}
