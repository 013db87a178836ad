//! What the commands and the application share: the capture, the take that goes on, the folder of takes.

use crate::error::{Error, ErrorKind, Result};
use crate::library::Library;
use crate::models::{Device, Notice, RunningTake, State, Status, TakeInfo, TakeRequest};
use crate::picture::{self, Figures};
use crate::recording::{Recording, Stopwatch};
use crate::watchers::{self, Watchers};
use hearken::{Capture, Config, Input, Picture, Take, TakePlan};
use parking_lot::{Mutex, MutexGuard};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a command waits for another to return.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long a list of devices is good for: asking the system takes tens of milliseconds.
const LIST_AGE: Duration = Duration::from_secs(1);

/// The recorder of an application, from [`HearkenExt::hearken`](crate::HearkenExt::hearken). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hearken(Arc<Studio>);

#[derive(Debug)]
pub(crate) struct Studio {
    config: Config,
    library: Library,
    pub watchers: Watchers,
    /// What anybody may look at, never held for long.
    seen: Mutex<Seen>,
    /// What the commands change, held by one of them at a time.
    control: Mutex<Control>,
    listed: Mutex<Option<(Instant, Vec<Device>)>>,
}

#[derive(Debug, Default)]
struct Seen {
    capture: Option<Arc<Capture>>,
    /// The device that was asked for.
    wanted: Option<String>,
    muted: bool,
    is_held: bool,
    take: Option<(String, Stopwatch)>,
    /// The name of the device that was open last.
    device: String,
}

#[derive(Debug, Default)]
struct Control {
    /// Keeps the device open: a take that nobody hears.
    held: Option<Take>,
    recording: Option<Recording>,
}

impl Hearken {
    pub(crate) fn new(config: Config, takes: PathBuf) -> Self {
        Self(Arc::new(Studio {
            config,
            library: Library::new(takes),
            watchers: Watchers::default(),
            seen: Mutex::default(),
            control: Mutex::default(),
            listed: Mutex::default(),
        }))
    }

    /// The capture that the page's takes are of: add taps of your own, to feed a recogniser without passing through the
    /// page. It is not [started](Capture::start): its device is open while there is a take, and for as long after it as
    /// the configuration says. One that has ended is replaced by the next call.
    ///
    /// # Errors
    /// `BadArgument` where the plugin's configuration is out of range.
    pub fn capture(&self) -> Result<Arc<Capture>> {
        let mut seen = self.0.seen.lock();
        if let Some(capture) = &seen.capture {
            return Ok(capture.clone());
        }
        let mut config = self.0.config.clone();
        if let Some(id) = seen.wanted.clone().filter(|_| chooses(&config.input)) {
            config.input = Input::Device(id);
        }
        let capture = Arc::new(Capture::new(config)?);
        capture.mute(seen.muted);
        watchers::follow(&self.0, capture.events())?;
        seen.capture = Some(capture.clone());
        Ok(capture)
    }

    /// Where takes are kept.
    pub fn folder(&self) -> &Path {
        self.0.library.folder()
    }

    /// Where the audio of a take is.
    ///
    /// # Errors
    /// `UnknownTake` for what is not the id of a take.
    pub fn take_path(&self, id: &str) -> Result<PathBuf> {
        let path = self.0.library.audio_path(id)?;
        if path.is_file() {
            Ok(path)
        } else {
            Err(Error::new(ErrorKind::UnknownTake, "there is no such take"))
        }
    }

    pub(crate) fn studio(&self) -> &Studio {
        &self.0
    }

    pub(crate) fn devices(&self) -> Result<Vec<Device>> {
        let mut listed = self.0.listed.lock();
        match &*listed {
            Some((at, devices)) if at.elapsed() < LIST_AGE => Ok(devices.clone()),
            _ => {
                let found = hearken::devices(&self.0.config.host)?;
                let found = found.into_iter().filter(|device| device.kind.is_microphone());
                let devices: Vec<Device> = found.map(Device::from).collect();
                *listed = Some((Instant::now(), devices.clone()));
                Ok(devices)
            }
        }
    }

    pub(crate) fn status(&self) -> Status {
        self.0.status()
    }

    pub(crate) fn picture(&self) -> Vec<u8> {
        let seen = self.0.seen.lock();
        let Some(capture) = &seen.capture else {
            let figures = Figures { muted: seen.muted, ..Figures::default() };
            return picture::pack(&figures, &Picture::default());
        };
        let ledger = capture.stats().ledger;
        let (state, open) = (seen.state(), capture.input().is_some());
        let figures = Figures {
            state,
            muted: seen.muted,
            away: !open && state != State::Closed,
            open,
            elapsed_ms: seen.take.as_ref().map_or(0, |(_, watch)| watch.elapsed_ms()),
            missing: ledger.dropped + ledger.lost,
        };
        picture::pack(&figures, &capture.picture())
    }

    /// Holds the device open until [`close`](Self::close).
    pub(crate) fn open(&self, device: Option<String>) -> Result<Status> {
        let mut control = self.control()?;
        let capture = self.aim(device)?;
        if control.held.is_none() {
            control.held = Some(capture.take(TakePlan::default())?);
            self.0.seen.lock().is_held = true;
        }
        Ok(self.0.tell_state())
    }

    pub(crate) fn close(&self) -> Result<Status> {
        drop(self.control()?.held.take());
        self.0.seen.lock().is_held = false;
        Ok(self.0.tell_state())
    }

    /// Begins a take and gives its id.
    pub(crate) fn start_take(&self, request: TakeRequest) -> Result<String> {
        let mut control = self.control()?;
        if control.recording.is_some() {
            return Err(Error::new(ErrorKind::AlreadyRecording, "a take goes on already, and still does"));
        }
        let capture = self.aim(request.device)?;
        let pre_roll = Duration::from_millis(request.pre_roll_ms.into());
        let recording = Recording::start(&capture, &self.0.library, pre_roll)?;
        let id = recording.id().to_owned();
        self.0.seen.lock().take = Some((id.clone(), Stopwatch::start()));
        control.recording = Some(recording);
        self.0.tell_state();
        Ok(id)
    }

    pub(crate) fn finish_take(&self) -> Result<TakeInfo> {
        let mut control = self.control()?;
        self.0.finish(&mut control)
    }

    pub(crate) fn cancel_take(&self) -> Result<Status> {
        let mut control = self.control()?;
        let recording = control.recording.take().ok_or_else(not_recording)?;
        self.0.seen.lock().take = None;
        recording.cancel(&self.0.library);
        Ok(self.0.tell_state())
    }

    pub(crate) fn pause(&self, is_paused: bool) -> Result<Status> {
        let control = self.control()?;
        let recording = control.recording.as_ref().ok_or_else(not_recording)?;
        if let Some((_, watch)) = &mut self.0.seen.lock().take
            && watch.is_paused() != is_paused
        {
            recording.pause(is_paused);
            watch.pause(is_paused);
        }
        Ok(self.0.tell_state())
    }

    pub(crate) fn mute(&self, muted: bool) -> Result<Status> {
        let mut seen = self.0.seen.lock();
        seen.muted = muted;
        if let Some(capture) = &seen.capture {
            capture.mute(muted);
        }
        drop(seen);
        Ok(self.0.tell_state())
    }

    pub(crate) fn takes(&self) -> Result<Vec<TakeInfo>> {
        self.0.library.takes()
    }

    pub(crate) fn take_audio(&self, id: &str) -> Result<Vec<u8>> {
        self.0.library.audio(id)
    }

    pub(crate) fn delete_take(&self, id: &str) -> Result<()> {
        let control = self.control()?;
        if control.recording.as_ref().is_some_and(|recording| recording.id() == id) {
            return Err(Error::new(
                ErrorKind::Busy,
                "this take is being recorded; finish or cancel it first",
            ));
        }
        self.0.library.delete(id)
    }

    fn control(&self) -> Result<MutexGuard<'_, Control>> {
        // Not for ever: a device may take 10 s to open, and calls must not pile up behind it.
        self.0.control.try_lock_for(PATIENCE).ok_or_else(|| {
            Error::new(ErrorKind::Busy, "an earlier call has not returned yet; nothing was changed")
        })
    }

    /// The capture, of this device from now on.
    fn aim(&self, device: Option<String>) -> Result<Arc<Capture>> {
        let mut seen = self.0.seen.lock();
        let has_changed = seen.wanted != device;
        seen.wanted = device.clone();
        let running = seen.capture.clone();
        drop(seen);
        if let Some(capture) = running
            && has_changed
            && chooses(&self.0.config.input)
        {
            capture.switch_device(device.map_or_else(|| self.0.config.input.clone(), Input::Device))?;
        }
        self.capture()
    }
}

impl Studio {
    pub fn status(&self) -> Status {
        let seen = self.seen.lock();
        let stats = seen.capture.as_ref().map(|capture| capture.stats()).unwrap_or_default();
        let take = seen.take.as_ref();
        Status {
            state: seen.state(),
            device: seen.capture.as_ref().and_then(|capture| capture.input()).map(Into::into),
            wanted: seen.wanted.clone(),
            muted: seen.muted,
            take: take.map(|(id, watch)| RunningTake { id: id.clone(), elapsed_ms: watch.elapsed_ms() }),
            frames: stats.ledger.into(),
            clock: stats.clock.into(),
            callbacks: stats.callbacks,
            errors: stats.errors,
            history_ms: u64::try_from(self.config.history.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// A device was opened.
    pub fn opened(&self, name: &str) {
        name.clone_into(&mut self.seen.lock().device);
    }

    /// Tells every page.
    pub fn tell_state(&self) -> Status {
        let status = self.status();
        self.watchers.tell(&Notice::State { status: Box::new(status.clone()) });
        status
    }

    /// The capture has ended by itself; what was recorded is kept.
    pub fn ended(&self, message: String) {
        let mut control = self.control.lock();
        control.held = None;
        {
            let mut seen = self.seen.lock();
            (seen.capture, seen.is_held) = (None, false);
        }
        if control.recording.is_some()
            && let Err(error) = self.finish(&mut control)
        {
            self.watchers.tell(&Notice::Lost { message: error.to_string() });
        }
        self.watchers.tell(&Notice::Ended { message });
        self.tell_state();
    }

    fn finish(&self, control: &mut Control) -> Result<TakeInfo> {
        let recording = control.recording.take().ok_or_else(not_recording)?;
        let device = {
            let mut seen = self.seen.lock();
            seen.take = None;
            seen.device.clone()
        };
        let finished = recording.finish(device, &self.library);
        self.tell_state();
        let take = finished?;
        self.watchers.tell(&Notice::Verdict { take: Box::new(take.clone()) });
        Ok(take)
    }
}

impl Seen {
    fn state(&self) -> State {
        match &self.take {
            Some((_, watch)) if watch.is_paused() => State::Paused,
            Some(_) => State::Recording,
            None if self.is_held => State::Open,
            None => State::Closed,
        }
    }
}

/// Whether the page has a choice of device: not where the application captures from a file, say.
fn chooses(input: &Input) -> bool {
    matches!(input, Input::Default | Input::Device(_) | Input::Cpal(_))
}

fn not_recording() -> Error {
    Error::new(ErrorKind::NotRecording, "nothing is being recorded")
}
