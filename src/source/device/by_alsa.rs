//! Devices of ALSA, by its own library: bare cards, and whatever stands behind a plugin of its.

use super::alsa_reader::{AlsaReader, Over, Ring};
use super::{DeviceInfo, DeviceKind, Told, by_pulse, period_frames, there_is_no};
use crate::epoch::{Epoch, Inlet, epoch};
use crate::error::{Error, ErrorKind};
use crate::faults::{Fault, Faults};
use crate::format::{SampleFormat, StreamFormat};
use crate::intake::DataCallback;
use crate::source::permission::{explain, permission};
use crate::source::{FormatWish, InputInfo, Running, Session, Stop, Wish, no_thread};
use crate::time::Closing;
use crate::timeline::Anchor;
use alsa::card;
use alsa::ctl::{Ctl, DeviceIter};
use alsa::device_name::HintIter;
use alsa::pcm::{Access, Format, Frames, HwParams, PCM, TstampType};
use alsa::poll::{Flags, poll, pollfd};
use alsa::{Direction, Output, ValueOr};
pub(super) use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::time::{ClockId, clock_gettime};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The name of this host.
pub(super) const NAME: &str = "alsa";
const DEFAULT: &str = "default";
const DEFAULT_NAME: &str = "Default Audio Device";

/// How much a PCM's ring is asked to hold: what comes while we are kept from running waits there.
const RING: Duration = Duration::from_secs(10);

/// How long after the first news of a device the others have come.
const SETTLES: Duration = Duration::from_millis(50);

/// Sample formats that we read, the one that is preferred first.
const SAMPLES: [(SampleFormat, Format); 10] = [
    (SampleFormat::F32, Format::float()),
    (SampleFormat::F64, Format::float64()),
    (SampleFormat::I32, Format::s32()),
    (SampleFormat::U32, Format::u32()),
    (SampleFormat::I24, Format::s24()),
    (SampleFormat::U24, if cfg!(target_endian = "little") { Format::U24LE } else { Format::U24BE }),
    (SampleFormat::I16, Format::s16()),
    (SampleFormat::U16, Format::u16()),
    (SampleFormat::I8, Format::S8),
    (SampleFormat::U8, Format::U8),
];

/// Rates, the one that is preferred first.
const RATES: [u32; 2] = [48_000, 44_100];

/// Whether a PCM's stamps are those of a sound card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Card {
    /// They are: nobody stands between.
    Bare,
    /// A server, or another plugin, makes them up.
    Behind,
}

/// Now, in nanoseconds of the system's monotonic clock, which is that of a card's stamps as well.
pub(super) fn now_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| Duration::from(now).as_nanos() as u64)
}

/// The input devices, the default one first. Opens that and bare cards, for their formats, and no plugin.
pub(super) fn list() -> Result<Vec<DeviceInfo>, Error> {
    let mut found = entries();
    for device in found.iter_mut().filter(|device| device.is_default || device.id.starts_with("hw:")) {
        let pcm = PCM::new(&device.id, Direction::Capture, true).ok();
        device.format = pcm.and_then(|pcm| choose(&pcm, &FormatWish::default(), &device.name).ok());
    }
    Ok(found)
}

/// The ids of the input devices, the default one first; opens none.
pub(super) fn ids() -> Option<Vec<String>> {
    Some(entries().into_iter().map(|device| device.id).collect())
}

/// The input devices without their formats.
fn entries() -> Vec<DeviceInfo> {
    let entry = |id: String, name: String, kind, is_default| DeviceInfo {
        host: NAME.into(),
        id,
        name,
        kind,
        is_default,
        format: None,
    };
    let mut found = vec![entry(DEFAULT.into(), DEFAULT_NAME.into(), DeviceKind::Microphone, true)];
    found.extend(cards().into_iter().map(|(id, name)| entry(id, name, DeviceKind::Microphone, false)));
    for hint in HintIter::new(None, c"pcm").into_iter().flatten() {
        let Some(id) = hint.name.filter(|_| hint.direction != Some(Direction::Playback)) else { continue };
        if !found.iter().any(|known| known.id == id) {
            let name = hint.desc.as_deref().map_or_else(|| id.clone(), first_line);
            found.push(entry(id, name, DeviceKind::Other, false));
        }
    }
    found
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Ids and names of what the sound cards record from.
fn cards() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for card in card::Iter::new().filter_map(Result::ok) {
        let Ok(control) = Ctl::from_card(&card, true) else { continue };
        let Ok(info) = control.card_info() else { continue };
        let (Ok(short), Ok(name)) = (info.get_id(), info.get_name()) else { continue };
        for device in DeviceIter::new(&control) {
            if let Ok(pcm) = control.pcm_info(device as u32, 0, Direction::Capture) {
                let id = format!("hw:CARD={short},DEV={device}");
                let part = pcm.get_name().unwrap_or_default();
                let is_all = part.is_empty() || part == name;
                found.push((id, if is_all { name.to_owned() } else { format!("{name}, {part}") }));
            }
        }
    }
    found
}

/// Whether the device is there.
pub(super) fn is_there(id: Option<&str>) -> bool {
    let pcm = PCM::new(id.unwrap_or(DEFAULT), Direction::Capture, true);
    // One that is there and held by another is there.
    pcm.map_or_else(|error| is_busy(&error), |pcm| HwParams::any(&pcm).is_ok())
}

fn is_busy(error: &alsa::Error) -> bool {
    matches!(number(error), Errno::EBUSY | Errno::EAGAIN)
}

/// A PCM that is set up.
struct Opened {
    pcm: PCM,
    info: InputInfo,
    epoch: Epoch,
    data: DataCallback,
    faults: Arc<Faults>,
    card: Card,
    ring: Ring,
}

/// Opens a device and reads from it, on the calling thread, until it is told to stop. Opening and letting go may hang
/// where a server does.
pub(super) fn run(wish: &Wish, id: Option<&str>, told: Told) {
    let closing = Closing::default();
    // Which microphone these lead to is the server's choice.
    let is_open_choice = id.is_none_or(|id| [DEFAULT, "pulse", "pipewire"].contains(&id));
    let opened = open(wish, id).and_then(|opened| {
        match wish.led_to.get() {
            _ if opened.info.server.is_none() => {}
            _ if is_open_choice => refuse_a_monitor()?,
            Some(source) => refuse_another(source)?,
            None => {}
        }
        let (ours, theirs) = UnixStream::pair().map_err(|error| no_thread(&error))?;
        opened.pcm.start().map_err(|error| not_open(&error, &opened.info.name))?;
        Ok((opened, ours, theirs))
    });
    let (opened, end, stop) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            told.tell(Err(explain(error, permission())));
            return;
        }
    };
    let Opened { pcm, info, epoch, data, faults, card, ring } = opened;
    let is_behind_a_server = info.server.is_some();
    let started = wish.clock.now();
    let stream_ns = now_ns();
    let error = wish.clock.now().saturating_duration_since(started);
    let anchor = Anchor { at: started, stream_ns, error, is_own: false };
    let running = Running { stop: Some(Stop::Socket(stop)), closed: closing.closed() };
    let session = Session { info, epoch, running, started, anchor, ends_itself: false, paced: true };
    // Nobody waits any more when the time limit has passed: then the device is let go of at once.
    if !told.tell(Ok(session)) {
        return;
    }
    let guard = is_behind_a_server.then(|| guard(!is_open_choice, faults.clone(), wish)).flatten();
    #[cfg(feature = "realtime")]
    super::hurry(&faults, ring.period as u32, ring.rate_hz);
    let over = AlsaReader::new(&pcm, card, ring, data, faults.clone(), end.as_fd()).run();
    drop((pcm, guard));
    if over == Over::Gone {
        faults.report(Fault::Lost);
        wish.worker.wake();
        // Until it is heard.
        wait(&end, None, None);
    }
    drop(closing);
}

/// Behind a plugin the server chooses, and where there is no microphone it chooses what an output plays.
fn refuse_a_monitor() -> Result<(), Error> {
    by_pulse::monitor_by_default().map_or(Ok(()), |monitor| {
        let message = format!(
            "the system's default input is '{monitor}', what an output plays; plug a microphone in, or choose one in the \
             system's settings. Nothing was opened"
        );
        Err(Error::new(ErrorKind::NoDevice, message))
    })
}

/// Where the microphone that a name led to is gone, the server would lead it to another.
fn refuse_another(source: &str) -> Result<(), Error> {
    let known = by_pulse::list().unwrap_or_default();
    if known.is_empty() || known.iter().any(|device| device.id == source) {
        return Ok(());
    }
    let message = format!("the microphone '{source}' is gone, to which this device led. Nothing was opened");
    Err(Error::new(ErrorKind::NoDevice, message))
}

/// Sees to it, on a thread of its own, that a server which moves the stream to what an output plays, or a pinned one
/// elsewhere, is told as a device that is gone; until what it returns is dropped.
fn guard(is_pinned: bool, faults: Arc<Faults>, wish: &Wish) -> Option<Stop> {
    let (worker, led_to) = (wish.worker.clone(), wish.led_to.clone());
    let (ours, theirs) = UnixStream::pair().ok()?;
    let watch = move || {
        let remember = |source| drop(led_to.set(source));
        if by_pulse::is_moved(&theirs, is_pinned, remember) {
            faults.report(Fault::Lost);
            worker.wake();
        }
    };
    thread::Builder::new().name("hearken-guard".into()).spawn(watch).ok().map(|_| Stop::Socket(ours))
}

/// Waits until somebody asks for the end, or there are events, but for no longer than `patience`; whether it is the end.
pub(super) fn wait(end: &UnixStream, events: Option<BorrowedFd<'_>>, patience: Option<Duration>) -> bool {
    let readable = |fd: i32| pollfd { fd, events: Flags::IN.bits(), revents: 0 };
    // A negative one is passed over.
    let mut all = [readable(end.as_raw_fd()), readable(events.map_or(-1, |events| events.as_raw_fd()))];
    let ms = patience.map_or(-1, |patience| patience.as_millis() as i32);
    // A signal that comes between is waited out.
    while poll(&mut all, ms).is_err() {}
    all[0].revents != 0
}

/// Calls `look` whenever cards or the library's configuration may have changed, until the end; whether the system tells.
pub(super) fn watch(end: &UnixStream, look: &mut dyn FnMut()) -> bool {
    let Ok(events) = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK) else { return false };
    let nodes = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE;
    let written = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_DELETE;
    let files = configurations();
    // A node is of use only when its rights have been set.
    let cards = (Path::new("/dev/snd"), nodes | AddWatchFlags::IN_ATTRIB, None);
    let configurations = files.iter().filter_map(|file| Some((file.parent()?, written, file.file_name())));
    let places: Vec<_> =
        [cards, (Path::new("/dev"), nodes, Some("snd".as_ref()))].into_iter().chain(configurations).collect();
    loop {
        // Anew each time: the folder of the cards comes with the first and goes with the last.
        let watched: Vec<_> =
            places.iter().map(|(place, what, _)| events.add_watch(*place, *what).ok()).collect();
        if wait(end, Some(events.as_fd()), None) {
            return true;
        }
        let mut is_news = false;
        for event in events.read_events().unwrap_or_default() {
            let of = watched.iter().zip(&places).filter(|(watch, _)| **watch == Some(event.wd));
            is_news |= of
                .into_iter()
                .any(|(_, (_, _, name))| name.is_none_or(|name| event.name.as_deref() == Some(name)));
        }
        // Nodes come by the handful.
        if is_news {
            if wait(end, None, Some(SETTLES)) {
                return true;
            }
            look();
        }
    }
}

/// The files that say what PCMs there are, where they may change.
fn configurations() -> Vec<PathBuf> {
    let named = std::env::var_os("ALSA_CONFIG_PATH");
    let own = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".asoundrc"));
    match named {
        Some(named) => std::env::split_paths(&named).collect(),
        None => own().into_iter().chain(["/etc/asound.conf".into()]).collect(),
    }
}

fn open(wish: &Wish, wanted: Option<&str>) -> Result<Opened, Error> {
    let id = wanted.unwrap_or(DEFAULT);
    let pcm = PCM::new(id, Direction::Capture, true).map_err(|error| not_there(&error, wanted))?;
    let (server, card) = behind(&pcm);
    let name = name(&pcm, id, card);
    let labelled = choose(&pcm, &wish.format, &name)?;
    let ring = set_up(&pcm, labelled, period_frames(wish, labelled.rate_hz))
        .map_err(|error| not_open(&error, &name))?;
    let actual = wish.corrected.as_ref().filter(|(of, _)| of == id).map(|(_, rate_hz)| *rate_hz);
    let format = StreamFormat { rate_hz: actual.unwrap_or(labelled.rate_hz), ..labelled };
    let (Inlet { data, faults, .. }, epoch) = epoch(format, wish.pool, wish.muted.clone());
    let period_frames = u32::try_from(ring.period).ok();
    let info = InputInfo { host: NAME.into(), id: id.to_owned(), name, format, server, period_frames };
    Ok(Opened { pcm, info, epoch, data, faults, card, ring })
}

/// Who stands behind a PCM, by what the library says of it.
fn behind(pcm: &PCM) -> (Option<String>, Card) {
    let said = Output::buffer_open().and_then(|mut said| pcm.dump(&mut said).map(|()| said.to_string()));
    let said = said.unwrap_or_default();
    let server = server(&said);
    // The others share a card, in turns that are their own.
    let is_bare = server.is_none() && said.contains("Hardware PCM card") && !said.contains("Direct ");
    (server, if is_bare { Card::Bare } else { Card::Behind })
}

/// The server's name in `ALSA <-> PulseAudio PCM I/O Plugin`.
fn server(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("ALSA <-> ")?;
    let (name, _) = rest.split_once(" PCM I/O Plugin")?;
    let name = name.to_lowercase();
    Some(if name == "pulseaudio" { "pulse".into() } else { name })
}

/// For people.
fn name(pcm: &PCM, id: &str, card: Card) -> String {
    if id == DEFAULT {
        return DEFAULT_NAME.into();
    }
    let known = |(of, name): (String, String)| (of == id).then_some(name);
    if card == Card::Bare
        && let Some(name) = cards().into_iter().find_map(known)
    {
        return name;
    }
    let hinted =
        HintIter::new(None, c"pcm").into_iter().flatten().find(|hint| hint.name.as_deref() == Some(id));
    let hinted = hinted.and_then(|hint| hint.desc).map(|text| first_line(&text));
    let own = || pcm.info().ok().and_then(|info| info.get_name().map(str::to_owned).ok());
    hinted.or_else(own).filter(|name| !name.is_empty()).unwrap_or_else(|| id.to_owned())
}

/// What a PCM is opened in: what is wished for, and of the rest what is preferred.
fn choose(pcm: &PCM, wish: &FormatWish, name: &str) -> Result<StreamFormat, Error> {
    let refused = |error: alsa::Error| not_open(&error, name);
    let space = space(pcm).map_err(refused)?;
    let least = space.get_channels_min().map_err(refused)?;
    let most = space.get_channels_max().map_err(refused)?.min(StreamFormat::MAX_CHANNELS.into());
    let channels = wish.channels.map_or_else(|| vec![2, 1, most, least], |count| vec![count.into()]);
    let samples = || SAMPLES.iter().filter(|(sample, _)| wish.sample.is_none_or(|wanted| wanted == *sample));
    let all = channels.iter().flat_map(|count| samples().map(move |sample| (*count, *sample)));
    let fit = |(count, (sample, format)): (u32, (SampleFormat, Format))| {
        let space = self::space(pcm).ok()?;
        space.set_channels(count).and_then(|()| space.set_format(format)).ok()?;
        let rate = match wish.rate_hz {
            Some(rate) => space.test_rate(rate).ok().map(|()| rate)?,
            None => {
                let usual = RATES.into_iter().find(|rate| space.test_rate(*rate).is_ok());
                usual.or_else(|| space.get_rate_max().ok().filter(|rate| space.test_rate(*rate).is_ok()))?
            }
        };
        let format = StreamFormat { rate_hz: rate, channels: count as u16, sample };
        (count > 0 && rate <= StreamFormat::MAX_RATE_HZ).then_some(format)
    };
    all.into_iter().find_map(fit).ok_or_else(|| {
        let (low, high) = (space.get_rate_min().unwrap_or(0), space.get_rate_max().unwrap_or(0));
        let of = |sample: &SampleFormat| {
            let some = (least..=most).filter(|count| space.test_channels(*count).is_ok());
            some.map(|count| format!("{count} ch {} {low}-{high} Hz", sample.name())).collect::<Vec<_>>()
        };
        let known = SAMPLES.iter().filter(|(_, format)| space.test_format(*format).is_ok());
        let mut offers: Vec<String> = known.flat_map(|(sample, _)| of(sample)).collect();
        offers.truncate(12);
        if offers.is_empty() {
            offers.push("none that can be read here; its plug, as in plughw:CARD=0, converts".into());
        }
        let message = format!(
            "'{name}' does not offer the format asked for; it offers {}. Nothing was opened",
            offers.join("; ")
        );
        Error::new(ErrorKind::UnsupportedFormat, message)
    })
}

/// All that a PCM can be set to.
fn space(pcm: &PCM) -> alsa::Result<HwParams<'_>> {
    let space = HwParams::any(pcm)?;
    space.set_access(Access::RWInterleaved)?;
    Ok(space)
}

/// Sets a PCM to a format and a period, with the largest ring there is, and makes it ready.
fn set_up(pcm: &PCM, format: StreamFormat, period: u32) -> alsa::Result<Ring> {
    let samples = SAMPLES.iter().find(|(sample, _)| *sample == format.sample);
    let (_, samples) = samples.ok_or_else(|| alsa::Error::unsupported("snd_pcm_hw_params"))?;
    let hardware = space(pcm)?;
    hardware.set_format(*samples)?;
    hardware.set_channels(format.channels.into())?;
    hardware.set_rate(format.rate_hz, ValueOr::Nearest)?;
    hardware.set_period_size_near(period as Frames, ValueOr::Nearest)?;
    hardware.set_buffer_size_near(RING.as_secs() as Frames * format.rate_hz as Frames)?;
    pcm.hw_params(&hardware)?;
    let (frames, period) = pcm.get_params()?;
    let software = pcm.sw_params_current()?;
    software.set_avail_min(period as Frames)?;
    software.set_tstamp_mode(true)?;
    software.set_tstamp_type(TstampType::Monotonic)?;
    pcm.sw_params(&software)?;
    Ok(Ring {
        frames: frames as usize,
        period: period as usize,
        frame_bytes: format.frame_bytes(),
        rate_hz: format.rate_hz,
    })
}

/// A PCM that cannot be opened by its name.
fn not_there(error: &alsa::Error, wanted: Option<&str>) -> Error {
    let is_gone = matches!(number(error), Errno::ENOENT | Errno::ENODEV | Errno::ENXIO);
    match wanted {
        Some(id) if is_gone => there_is_no(id, &entries()),
        None if is_gone => {
            let message = "there is no input device; plug a microphone in or start the audio service";
            Error::new(ErrorKind::NoDevice, message)
        }
        _ => not_open(error, wanted.unwrap_or("the default device")),
    }
}

/// What went wrong while `what` was being opened.
fn not_open(error: &alsa::Error, what: &str) -> Error {
    use Errno::{EACCES, EAGAIN, EBUSY, EINVAL, ENODEV, ENOENT, ENOSYS, ENXIO, EOPNOTSUPP, EPERM};
    let (kind, advice) = match number(error) {
        ENOENT | ENODEV | ENXIO => (ErrorKind::NoDevice, "Is it plugged in, and does the audio service run?"),
        EAGAIN | EBUSY => (ErrorKind::DeviceBusy, "Another program may hold it."),
        EPERM | EACCES => (ErrorKind::PermissionDenied, "Allow microphone access in the system's settings."),
        EINVAL | ENOSYS | EOPNOTSUPP => (ErrorKind::UnsupportedFormat, "Try another format or device."),
        _ => (ErrorKind::NoDevice, "The audio service failed; is it running?"),
    };
    let why = number(error).desc();
    Error::new(kind, format!("cannot open {what}, so nothing is open: {why}. {advice}"))
}

/// What went wrong, by the system's number; the library gives it with either sign.
pub(super) fn number(error: &alsa::Error) -> Errno {
    Errno::from_raw(error.errno().abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Capture, Config, Host, Input, Tap};
    use std::time::Instant;

    /// Every installation of the library has it: silence as fast as it is read.
    fn null() -> PCM {
        PCM::new("null", Direction::Capture, true).expect("the library's own")
    }

    #[test]
    fn the_server_is_known_by_what_the_library_says_of_its_plugin() {
        let said = |server: &str| format!("Plug PCM: ALSA <-> {server} PCM I/O Plugin\nIts setup is:\n");
        assert_eq!(server(&said("PulseAudio")).as_deref(), Some("pulse"));
        assert_eq!(server(&said("PipeWire")).as_deref(), Some("pipewire"));
        assert_eq!(server(&said("JACK")).as_deref(), Some("jack"));
        assert_eq!(server("Hardware PCM card 0 'HDA Intel PCH' device 0 subdevice 0\n"), None);
        assert_eq!(behind(&null()), (None, Card::Behind));
    }

    #[test]
    fn the_format_is_the_wished_one_and_else_what_is_preferred() {
        let chosen = |wish: FormatWish| choose(&null(), &wish, "null").map(|format| format.to_string());
        assert_eq!(chosen(FormatWish::default()).as_deref(), Ok("48000 Hz, 2 ch, f32"));
        let one = FormatWish { channels: Some(1), ..FormatWish::default() };
        assert_eq!(chosen(one).as_deref(), Ok("48000 Hz, 1 ch, f32"));
        let cd = FormatWish { rate_hz: Some(44_100), sample: Some(SampleFormat::I16), ..one };
        assert_eq!(chosen(cd).as_deref(), Ok("44100 Hz, 1 ch, i16"));
        let none = FormatWish { sample: Some(SampleFormat::U64), ..one };
        let error = chosen(none).expect_err("nothing offers it");
        assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
        let words = "'null' does not offer the format asked for; it offers 1 ch f32 ";
        assert!(error.to_string().starts_with(words), "{error}");
    }

    #[test]
    fn the_ring_is_much_longer_than_a_period() {
        let pcm = null();
        let format = choose(&pcm, &FormatWish::default(), "null").expect("a format");
        let ring = set_up(&pcm, format, 1024).expect("it takes anything");
        assert_eq!((ring.frames, ring.period, ring.frame_bytes), (480_000, 1024, 8));
    }

    #[test]
    fn what_is_made_up_faster_than_it_can_be_is_not_read_all_the_time_and_the_end_comes_at_once() {
        let capture = Capture::new(Config {
            host: Host::from("alsa"),
            input: Input::Device("null".into()),
            ..Config::default()
        })
        .expect("a capture");
        capture.each(Tap::new(), drop).expect("a tap");
        capture.start().expect("it opens");
        std::thread::sleep(Duration::from_millis(400));
        let since = Instant::now();
        let report = capture.stop().expect("it ends");
        // Two rings, in pieces that the pool has room for; then a rest as long as half a ring.
        let frames = report.stats.ledger.captured;
        assert!((1..=2 * 480_000).contains(&frames) && report.stats.callbacks < 40, "{:?}", report.stats);
        assert!(report.released && since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    }

    #[test]
    fn a_device_that_is_not_there_is_named_with_those_that_are() {
        super::super::hush();
        let wish = Config::default().wish(Arc::default(), Config::default().clock, sleeper().waker());
        let error = open(&wish, Some("nowhere")).err().expect("it is not there");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("no input device 'nowhere'; there are: default"), "{error}");
    }

    fn sleeper() -> crate::time::Sleeper {
        Config::default().clock.sleeper()
    }
}
