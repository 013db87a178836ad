//! `hearken monitor`: a screen in the terminal.
//!
//! - [`view`]: what there is to show, as plain data.
//! - [`screen`]: draws it, with [`meters`], [`scope`] and [`spectrum`]; [`words`] is what it says.
//! - [`recorder`]: takes into files.

mod meters;
mod recorder;
mod scope;
mod screen;
mod spectrum;
mod view;
mod words;

use crate::args::MonitorArgs;
use crate::failure::{Failure, print};
use crate::record::{not_started, one_line};
use hearken::{Capture, Config, DeviceInfo, Error, Event, EventKind, Events, Input, StopReason};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{Clear, ClearType};
use recorder::Recorder;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;
use view::{Choice, Menu, View};

/// As often as there is a new picture.
const LOOK: Duration = Duration::from_millis(33);

pub fn run(args: &MonitorArgs) -> Result<(), Failure> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::usage("the monitor needs a terminal; `hearken record` does not"));
    }
    let capture = Capture::new(Config {
        input: args.input.clone(),
        host: args.host.as_deref().into(),
        period: args.period,
        history: args.pre_roll,
        ..Config::default()
    })?;
    let is_over = Arc::new(AtomicBool::new(false));
    let over = is_over.clone();
    ctrlc::set_handler(move || over.store(true, Ordering::Relaxed))
        .map_err(|error| Failure::run(format!("cannot listen for Ctrl-C: {error}; nothing was opened")))?;
    let events = capture.events();
    let input = capture.start().map_err(|error| not_started(args.host.as_deref(), error))?;
    let mut monitor = Monitor {
        recorder: Recorder::new(args.out.clone(), args.native, args.pre_roll),
        host: args.host.clone(),
        is_device: !matches!(args.input, Input::File(_) | Input::Synthetic(_)),
        capture,
        events,
        view: View { device: words::device(&input), ..View::default() },
        listing: None,
        is_spoilt: false,
        wrote: Vec::new(),
    };
    let mut terminal =
        ratatui::try_init().map_err(|error| Failure::run(format!("the terminal does not draw: {error}")))?;
    let shown = monitor.show(&mut terminal, &is_over);
    ratatui::restore();
    monitor.conclude(shown)
}

struct Monitor {
    capture: Capture,
    events: Events,
    recorder: Recorder,
    host: Option<String>,
    is_device: bool,
    view: View,
    /// The devices, once the system has told.
    listing: Option<Receiver<Result<Vec<DeviceInfo>, Error>>>,
    /// A system's libraries may have written across the screen.
    is_spoilt: bool,
    /// What is said when the screen is gone.
    wrote: Vec<String>,
}

impl Monitor {
    /// Until somebody quits or the capture ends.
    fn show(&mut self, terminal: &mut DefaultTerminal, is_over: &AtomicBool) -> io::Result<()> {
        while !is_over.load(Ordering::Relaxed) {
            self.look();
            if std::mem::take(&mut self.is_spoilt) {
                // `Terminal::clear` would ask the terminal for its cursor, and not every one answers.
                execute!(io::stdout(), Clear(ClearType::All))?;
                terminal.swap_buffers();
            }
            terminal.draw(|frame| screen::draw(&self.view, frame))?;
            let mut patience = LOOK;
            while event::poll(patience)? {
                patience = Duration::ZERO;
                if let event::Event::Key(key) = event::read()?
                    && key.kind != KeyEventKind::Release
                    && self.press(key)
                {
                    return Ok(());
                }
            }
            if self.capture.wait_timeout(Duration::ZERO).is_some() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn look(&mut self) {
        while let Some(Event { at, kind }) = self.events.try_recv() {
            self.view.hear(&kind);
            match &kind {
                EventKind::Opened(input) | EventKind::Reopened(input) => {
                    self.view.device = words::device(input);
                    self.is_spoilt = true;
                }
                EventKind::CannotOpen(_) | EventKind::Closed(_) => self.is_spoilt = true,
                _ => {}
            }
            if let Some((text, is_bad)) = words::tell(&kind) {
                self.view.log.say(at, text, is_bad);
            }
        }
        self.view.elapsed = self.capture.first_open().map_or(Duration::ZERO, |first| first.instant.elapsed());
        self.view.see(self.capture.picture(), self.capture.stats());
        if let Some(done) = self.recorder.look() {
            self.tell(done);
        }
        self.view.take = self.recorder.take();
        let told = self.listing.as_ref().and_then(|listing| listing.try_recv().ok());
        match told {
            None => {}
            Some(Ok(devices)) => {
                self.listing = None;
                let open = self.capture.input().map(|input| input.id);
                let is_choice =
                    |device: &&DeviceInfo| device.kind.is_microphone() || Some(&device.id) == open.as_ref();
                let devices: Vec<Choice> = devices.iter().filter(is_choice).map(choice).collect();
                let chosen = devices.iter().position(|device| Some(&device.id) == open.as_ref()).unwrap_or(0);
                self.is_spoilt = true;
                self.view.menu = Some(Menu::Devices { devices, chosen });
            }
            Some(Err(error)) => {
                (self.listing, self.view.menu) = (None, None);
                self.say(error.to_string(), true);
            }
        }
    }

    /// What a key does; whether it ends the monitor.
    fn press(&mut self, key: KeyEvent) -> bool {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            self.is_spoilt |= key.code == KeyCode::Char('l');
            return key.code == KeyCode::Char('c');
        }
        if let Some(menu) = &mut self.view.menu {
            match key.code {
                KeyCode::Up | KeyCode::Char('k') => menu.step(false),
                KeyCode::Down | KeyCode::Char('j') => menu.step(true),
                KeyCode::Enter => self.switch(),
                KeyCode::Esc | KeyCode::Char('q' | 's') => (self.listing, self.view.menu) = (None, None),
                _ => {}
            }
            return false;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return true,
            KeyCode::Char('m') => {
                self.view.is_muted = !self.view.is_muted;
                self.capture.mute(self.view.is_muted);
            }
            KeyCode::Char(' ') => match self.recorder.toggle(&self.capture) {
                Ok(Some(text)) => self.say(text, false),
                Ok(None) => {}
                Err(error) => self.say(error.to_string(), true),
            },
            KeyCode::Char('s') if self.is_device => self.list(),
            KeyCode::Char('s') => {
                self.say("a file or a synthetic input has no devices to choose from", false)
            }
            _ => {}
        }
        false
    }

    /// Asks the system for its devices, which may take it seconds.
    fn list(&mut self) {
        let (teller, listing) = mpsc::channel();
        let host = self.host.clone();
        let asked = std::thread::Builder::new().name("hearken-list".into()).spawn(move || {
            // Nobody may want to know any more.
            let _ = teller.send(hearken::devices(&host.as_deref().into()));
        });
        match asked {
            Ok(_) => (self.listing, self.view.menu) = (Some(listing), Some(Menu::Searching)),
            Err(error) => self.say(error.to_string(), true),
        }
    }

    fn switch(&mut self) {
        let menu = self.view.menu.take();
        let Some(device) = menu.as_ref().and_then(Menu::chosen) else { return };
        if let Err(error) = self.capture.switch_device(Input::Device(device.id.clone())) {
            self.say(error.to_string(), true);
        }
    }

    fn say(&mut self, text: impl Into<String>, is_bad: bool) {
        self.view.log.say(self.view.elapsed, text, is_bad);
    }

    /// Of a take that has ended.
    fn tell(&mut self, done: Result<String, Error>) {
        match done {
            Ok(text) => {
                self.wrote.push(text.clone());
                self.say(text, false);
            }
            Err(error) => self.say(error.to_string(), true),
        }
    }

    /// Ends everything and says what is there now.
    fn conclude(mut self, shown: io::Result<()>) -> Result<(), Failure> {
        let last = self.recorder.finish();
        let ended = self.capture.stop();
        // A file whose take had no end has one now.
        let last = last.or_else(|| self.recorder.finish());
        let failed = match last {
            Some(Ok(text)) => {
                self.wrote.push(text);
                None
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        for text in &self.wrote {
            print(&format!("{text}\n"))?;
        }
        shown.map_err(|error| Failure::run(format!("the terminal does not draw: {error}")))?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        match ended?.reason {
            StopReason::Failed(error) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

fn choice(device: &DeviceInfo) -> Choice {
    let mark = if device.is_default { "*" } else { " " };
    let text = format!("{mark} {}  {}", one_line(&device.id), one_line(&device.name));
    Choice { id: device.id.clone(), text }
}
