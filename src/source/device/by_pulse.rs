//! Devices of a PulseAudio server, or of PipeWire by its PulseAudio door, which nearly every Linux desktop has: spoken to
//! in their own protocol, by the thread that holds the device. No library of the system's is needed.
//!
//! Why not by cpal, nor by ALSA's plugin: only here a microphone can be told from an output's monitor, a pinned stream
//! be kept from being moved, and a move be seen before the audio that follows it. The server keeps what we are late for,
//! some ten seconds of it (its own limit, 4 MiB).

mod connection;

use super::{DeviceInfo, DeviceKind, Told, by_alsa, period_frames, there_is_no};
use crate::epoch::{Inlet, epoch};
use crate::error::{Error, ErrorKind};
use crate::faults::{Fault, Faults};
use crate::format::{SampleFormat, StreamFormat};
use crate::intake::{DataCallback, Stamp};
use crate::source::permission::{explain, permission};
use crate::source::{InputInfo, Running, Session, Stop, Wish};
use crate::time::{Closed, Closing};
use crate::timeline::Anchor;
use connection::{Connection, Message, failed, unreachable};
use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    self, ChannelMap, ChannelPosition, ClientInfo, ClientInfoList, Command, CreateRecordStreamReply, Prop,
    Props, ProtocolError, RecordStreamParams, SampleSpec, ServerInfo, SourceFlags, SourceInfo,
    SourceInfoList, SourceOutputInfoList, SubscriptionEventFacility, SubscriptionEventType, SubscriptionMask,
};
use std::ffi::{CStr, CString};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// The name of this host.
pub(super) const NAME: &str = "pulseaudio";
/// Another, where the server is PipeWire.
pub(super) const PIPEWIRE: &str = "pipewire";

/// Whether a server listens. Says nothing to it.
pub(super) fn is_reachable() -> bool {
    connection::is_reachable()
}

/// Whether the server is PipeWire.
pub(super) fn is_pipewire() -> bool {
    let state = Connection::open().and_then(|mut connection| state(&mut connection));
    state.is_ok_and(|state| state.server == PIPEWIRE)
}

/// The sources of the server, the default one first.
pub(super) fn list() -> Result<Vec<DeviceInfo>, Error> {
    let mut connection = Connection::open()?;
    let State { default, sources, .. } = state(&mut connection)?;
    let default = choose_default(default.as_deref(), &sources).map(|source| source.index);
    let mut devices: Vec<_> =
        sources.iter().map(|source| info(source, Some(source.index) == default)).collect();
    // Stable: the server's order otherwise.
    devices.sort_by_key(|device| !device.is_default);
    Ok(devices)
}

/// What a server has.
#[derive(Debug)]
struct State {
    /// Which kind of server it is.
    server: &'static str,
    /// The name of its default source.
    default: Option<CString>,
    sources: Vec<SourceInfo>,
}

fn state(connection: &mut Connection) -> Result<State, Error> {
    let ask = |error| failed("list the devices", &error);
    let info: ServerInfo = connection.ask(&Command::GetServerInfo).map_err(ask)?;
    let sources: SourceInfoList = connection.ask(&Command::GetSourceInfoList).map_err(ask)?;
    let is_pipewire = info.server_name.is_some_and(|name| text(&name).contains("PipeWire"));
    let server = if is_pipewire { PIPEWIRE } else { "pulse" };
    Ok(State { server, default: info.default_source_name, sources })
}

fn info(source: &SourceInfo, is_default: bool) -> DeviceInfo {
    DeviceInfo {
        host: NAME.to_owned(),
        id: text(&source.name),
        name: source.description.as_deref().map_or_else(|| text(&source.name), text),
        kind: kind(source),
        is_default,
        format: own_format(&source.sample_spec).ok(),
    }
}

fn text(name: &CStr) -> String {
    name.to_string_lossy().into_owned()
}

fn kind(source: &SourceInfo) -> DeviceKind {
    if source.monitor_of_sink_index.is_some() || is_monitor(&source.name) {
        DeviceKind::Monitor
    } else if source.flags.contains(SourceFlags::HARDWARE) {
        DeviceKind::Microphone
    } else {
        DeviceKind::Virtual
    }
}

/// By its name, which every server makes alike.
fn is_monitor(name: &CStr) -> bool {
    name.to_bytes().ends_with(b".monitor")
}

/// The server's default, unless that is the monitor of an output: then the first microphone, a real one if there is one.
fn choose_default<'a>(default: Option<&CStr>, sources: &'a [SourceInfo]) -> Option<&'a SourceInfo> {
    let of_kind = |wanted| sources.iter().find(move |source| kind(source) == wanted);
    let named = sources.iter().find(|source| Some(source.name.as_c_str()) == default);
    named
        .filter(|source| kind(source).is_microphone())
        .or_else(|| of_kind(DeviceKind::Microphone))
        .or_else(|| of_kind(DeviceKind::Virtual))
}

/// The source that is wished for, by its name, or the default.
fn find<'a>(
    id: Option<&str>,
    default: Option<&CStr>,
    sources: &'a [SourceInfo],
) -> Result<&'a SourceInfo, Error> {
    let Some(id) = id else {
        return choose_default(default, sources).ok_or_else(|| {
            let message = match default {
                Some(monitor) => format!(
                    "there is no microphone: the system's default input is '{}', what an output plays. Plug a \
                     microphone in, or name that input to record it. Nothing was opened",
                    text(monitor)
                ),
                None => "there is no microphone; plug one in. Nothing was opened".to_owned(),
            };
            Error::new(ErrorKind::NoDevice, message)
        });
    };
    let found = sources.iter().find(|source| source.name.to_bytes() == id.as_bytes());
    found.ok_or_else(|| {
        let there: Vec<_> = sources.iter().map(|source| info(source, false)).collect();
        there_is_no(id, &there)
    })
}

/// Whether the device is there: for the default, whether any microphone is.
pub(super) fn is_there(id: Option<&str>) -> bool {
    let found = Connection::open().and_then(|mut connection| {
        let State { default, sources, .. } = state(&mut connection)?;
        find(id, default.as_deref(), &sources).map(drop)
    });
    found.is_ok()
}

/// Calls `look` whenever a source has come or gone or another is the default, until the end, which is `true`; `false` once
/// there is no server to tell.
pub(super) fn watch(end: &UnixStream, look: &mut dyn FnMut()) -> bool {
    let subscribed = Connection::open().and_then(|mut connection| {
        let mask = SubscriptionMask::SOURCE | SubscriptionMask::SERVER;
        connection.tell(&Command::Subscribe(mask)).map_err(|error| failed("hear of devices", &error))?;
        let socket = connection.socket().map_err(|error| unreachable(&error.to_string()))?;
        Ok((connection, socket))
    });
    let Ok((mut connection, socket)) = subscribed else { return false };
    // What changed before we were told of changes.
    look();
    loop {
        if !connection.has_more() && by_alsa::wait(end, Some(socket.as_fd()), None) {
            return true;
        }
        match connection.next() {
            Ok(Message::Command(_, command)) => {
                if let Command::SubscribeEvent(event) = *command
                    && (event.event_facility == SubscriptionEventFacility::Server
                        || event.event_type != SubscriptionEventType::Changed)
                {
                    look();
                }
            }
            Ok(Message::Audio(_)) => {}
            Err(_) => return false,
        }
    }
}

/// The name of what an output plays, where that is the server's default source: whoever leaves the choice to the server,
/// as ALSA's plugins do, would record it as a microphone.
pub(super) fn monitor_by_default() -> Option<String> {
    let State { default, sources, .. } = state(&mut Connection::open().ok()?).ok()?;
    let default = sources.iter().find(|source| Some(&source.name) == default.as_ref())?;
    (kind(default) == DeviceKind::Monitor).then(|| info(default, true).name)
}

/// Waits until the server takes the newest stream of ALSA's plugins in this process from its microphone: to what an output
/// plays or, where it `is_pinned`, to any other source. `false` where the end comes first, or there is no server. `led_to`
/// hears which source it was.
pub(super) fn is_moved(end: &UnixStream, is_pinned: bool, led_to: impl Fn(String)) -> bool {
    let Ok(mut connection) = Connection::open() else { return false };
    let Ok(socket) = connection.socket() else { return false };
    if connection.tell(&Command::Subscribe(SubscriptionMask::SOURCE_OUTPUT)).is_err() {
        return false;
    }
    let mut ours: Option<PluginStream> = None;
    loop {
        let Ok(streams) = plugin_streams(&mut connection) else { return false };
        match &ours {
            None => {
                ours = streams.into_iter().max_by_key(|stream| stream.index);
                if let Some(stream) = &ours {
                    led_to(stream.source.clone());
                }
            }
            Some(before) => {
                let now = streams.iter().find(|stream| stream.index == before.index);
                let is_other = now.is_some_and(|now| now.source != before.source);
                let is_monitor = now.is_some_and(|now| now.is_monitor) && !before.is_monitor;
                if is_monitor || (is_pinned && is_other) {
                    return true;
                }
            }
        }
        while !connection.has_missed() {
            if !connection.has_more() && by_alsa::wait(end, Some(socket.as_fd()), None) {
                return false;
            }
            match connection.next() {
                Ok(Message::Command(_, command)) if matches!(*command, Command::SubscribeEvent(_)) => break,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

/// A stream of ALSA's plugins in this process.
#[derive(Debug)]
struct PluginStream {
    index: u32,
    /// The source's id.
    source: String,
    /// Whether the source is what an output plays.
    is_monitor: bool,
}

fn plugin_streams(connection: &mut Connection) -> Result<Vec<PluginStream>, ProtocolError> {
    let streams: SourceOutputInfoList = connection.ask(&Command::GetSourceOutputInfoList)?;
    let sources: SourceInfoList = connection.ask(&Command::GetSourceInfoList)?;
    // A stream of PipeWire's plugin does not know its process; its client does.
    let clients: ClientInfoList = connection.ask(&Command::GetClientInfoList)?;
    let process = std::process::id().to_string();
    let says = |props: &Props, prop| {
        let value = props.get(prop).map(String::from_utf8_lossy).unwrap_or_default();
        value.trim_end_matches('\0').to_owned()
    };
    let is_ours = |client: &ClientInfo| {
        says(&client.props, Prop::ApplicationProcessId) == process
            && says(&client.props, Prop::ApplicationName).contains("ALSA")
    };
    let ours: Vec<_> =
        clients.iter().filter(|client| is_ours(client)).map(|client| Some(client.index)).collect();
    let streams = streams.iter().filter(|stream| ours.contains(&stream.client_index));
    let stream = |stream: &protocol::SourceOutputInfo| {
        let source = sources.iter().find(|source| source.index == stream.source_index)?;
        let is_monitor = kind(source) == DeviceKind::Monitor;
        Some(PluginStream { index: stream.index, source: text(&source.name), is_monitor })
    };
    Ok(streams.filter_map(stream).collect())
}

/// Opens a source and hands over what it delivers, on the calling thread, until it is told to stop.
pub(super) fn run(wish: &Wish, id: Option<&str>, told: Told) {
    let closing = Closing::default();
    let (mut stream, session) = match Stream::open(wish, id, closing.closed()) {
        Ok(opened) => opened,
        Err(error) => {
            told.tell(Err(explain(error, permission())));
            return;
        }
    };
    // Nobody waits any more when the time limit has passed: then the connection is dropped at once.
    #[cfg(feature = "realtime")]
    let (period, rate_hz) = (session.info.period_frames.unwrap_or(0), session.info.format.rate_hz);
    if told.tell(Ok(session)) {
        #[cfg(feature = "realtime")]
        super::hurry(&stream.faults, period, rate_hz);
        stream.run();
        wish.worker.wake();
    }
    drop(stream);
    drop(closing);
}

/// An open stream of one source.
#[derive(Debug)]
struct Stream {
    connection: Connection,
    data: DataCallback,
    faults: std::sync::Arc<Faults>,
    frame_bytes: usize,
    /// What stamps count from.
    start: Instant,
    /// How long a fragment is.
    period: Duration,
    /// The id of the source.
    source: String,
    /// The server's default when it was asked last, where the stream follows it.
    follows: Option<Option<CString>>,
    /// The number of the question for the default, where one is under way.
    asked: Option<u32>,
}

impl Stream {
    fn open(wish: &Wish, id: Option<&str>, closed: Closed) -> Result<(Self, Session), Error> {
        let mut connection = Connection::open()?;
        // Before anything is read, so that no change after it is missed.
        let mask = SubscriptionMask::SERVER;
        let subscribed = connection.tell(&Command::Subscribe(mask));
        subscribed.map_err(|error| failed("hear of devices", &error))?;
        let State { server, default, sources } = state(&mut connection)?;
        let source = find(id, default.as_deref(), &sources)?;
        let name = info(source, false).name;
        let labelled = choose_format(&source.sample_spec, wish, &name)?;
        let corrected = wish.corrected.as_ref().filter(|(of, _)| *of == text(&source.name));
        let format =
            corrected.map_or(labelled, |(_, rate_hz)| StreamFormat { rate_hz: *rate_hz, ..labelled });
        let period = period_frames(wish, labelled.rate_hz);
        let spec = SampleSpec {
            format: to_pulse(labelled.sample).ok_or_else(|| no_format(labelled.sample, &name))?,
            channels: labelled.channels as u8,
            sample_rate: labelled.rate_hz,
        };
        let params = RecordStreamParams {
            sample_spec: spec,
            channel_map: channel_map(labelled.channels, source),
            source_index: Some(source.index),
            buffer_attr: BufferAttr {
                fragment_size: period.saturating_mul(labelled.frame_bytes() as u32),
                ..BufferAttr::default()
            },
            // A device that was named is that one or none; the default may be moved by its owner, which is told.
            flags: StreamFlags { no_move: id.is_some(), adjust_latency: true, ..StreamFlags::default() },
            ..RecordStreamParams::default()
        };
        let (inlet, epoch) = epoch(format, wish.pool, wish.muted.clone());
        let created: Result<CreateRecordStreamReply, _> =
            connection.ask(&Command::CreateRecordStream(params));
        let reply = created.map_err(|error| failed(&format!("record from {name}"), &error))?;
        let granted = reply.buffer_attr.fragment_size / labelled.frame_bytes() as u32;
        let socket = connection.socket().and_then(|socket| connection.wait_for_ever().map(|()| socket));
        let socket = socket.map_err(|error| unreachable(&error.to_string()))?;
        let started = wish.clock.now();
        let info = InputInfo {
            host: NAME.to_owned(),
            id: text(&source.name),
            name,
            format,
            server: Some(server.to_owned()),
            period_frames: Some(granted),
        };
        let source = info.id.clone();
        let anchor = Anchor { at: started, stream_ns: 0, error: Duration::ZERO, is_own: false };
        let running = Running { stop: Some(Stop::Socket(socket)), closed };
        let session = Session { info, epoch, running, started, anchor, ends_itself: false, paced: true };
        let Inlet { data, faults, .. } = inlet;
        let frame_bytes = labelled.frame_bytes();
        let follows = id.is_none().then_some(default);
        let period = Duration::from_secs_f64(f64::from(granted) / f64::from(labelled.rate_hz));
        let stream = Self {
            connection,
            data,
            faults,
            frame_bytes,
            start: started,
            period,
            source,
            follows,
            asked: None,
        };
        Ok((stream, session))
    }

    /// Hands over what comes, until the connection is shut down, or the stream is of no more use.
    fn run(&mut self) {
        if self.connection.has_missed() && self.ask_for_the_default().is_err() {
            return self.faults.report(Fault::Lost);
        }
        // A source may have kept audio from before, as a pipe does, which comes at once: only with all of it there is known
        // how old its beginning is.
        if self.connection.gather(self.period).is_err() {
            return self.faults.report(Fault::Lost);
        }
        // Also where it was we who shut it down: then nobody listens any more.
        while let Ok(message) = self.connection.next() {
            let goes_on = match message {
                Message::Audio(bytes) => self.hand_over(bytes),
                Message::Command(number, command) => self.hear(number, &command),
            };
            match goes_on {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => break,
            }
        }
        self.faults.report(Fault::Lost);
    }

    /// One fragment: its first frame was captured by its whole length, and that of what came with it, before it came, or
    /// earlier. Late by what the server and we are late by, never early, so the least of them is the truth. Takes no lock
    /// and no memory.
    fn hand_over(&mut self, mut bytes: usize) -> Result<bool, ProtocolError> {
        let rate = u64::from(self.data.format().rate_hz);
        let ns = |bytes: usize| (bytes / self.frame_bytes) as u64 * 1_000_000_000 / rate;
        let (came, behind) = self.connection.behind(bytes);
        let called_ns = came.saturating_duration_since(self.start).as_nanos() as u64;
        let mut capture_ns = called_ns.saturating_sub(ns(bytes + behind));
        while bytes > 0 {
            let piece = self.connection.audio(bytes, self.frame_bytes)?;
            if !self.data.call(piece, Stamp { capture_ns, called_ns }) {
                return Ok(false);
            }
            bytes -= piece.len();
            capture_ns += ns(piece.len());
        }
        Ok(true)
    }

    /// Where the stream follows it. One question at a time: news that come before its answer are in it, or come with others.
    fn ask_for_the_default(&mut self) -> Result<(), ProtocolError> {
        if self.follows.is_some() && self.asked.is_none() {
            self.asked = Some(self.connection.send(&Command::GetServerInfo)?);
        }
        Ok(())
    }

    /// News from the server: whether the stream is of use still.
    fn hear(&mut self, number: u32, command: &Command) -> Result<bool, ProtocolError> {
        match command {
            Command::RecordStreamKilled(_) => {
                self.faults.report(Fault::Lost);
                return Ok(false);
            }
            Command::RecordStreamMoved(moved) => {
                // Whatever plays is nobody's microphone; the audio behind these news is not taken.
                if is_monitor(&moved.device_name) {
                    self.faults.report(Fault::Lost);
                    return Ok(false);
                }
                self.faults.report(Fault::DefaultMoved);
            }
            Command::SubscribeEvent(_) => self.ask_for_the_default()?,
            Command::Reply if self.asked == Some(number) => {
                self.asked = None;
                let server: ServerInfo = self.connection.answer(command)?;
                let default = server.default_source_name;
                if self.follows.as_ref().is_some_and(|before| *before != default) {
                    match &default {
                        // The default is back where the stream is.
                        Some(name) if name.to_string_lossy() == self.source => {}
                        Some(name) if !is_monitor(name) => self.faults.report(Fault::DefaultMoved),
                        // There is no microphone any more, as far as the server knows.
                        _ => self.faults.report(Fault::Lost),
                    }
                    self.follows = Some(default);
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

/// The source's own format with the wishes put in. The server converts to any.
fn choose_format(own: &SampleSpec, wish: &Wish, name: &str) -> Result<StreamFormat, Error> {
    let own = own_format(own)?;
    let sample = wish.format.sample.unwrap_or(own.sample);
    to_pulse(sample).ok_or_else(|| no_format(sample, name))?;
    let rate_hz = wish.format.rate_hz.unwrap_or(own.rate_hz);
    Ok(StreamFormat { rate_hz, channels: wish.format.channels.unwrap_or(own.channels), sample })
}

fn no_format(sample: SampleFormat, name: &str) -> Error {
    let offers: Vec<_> = SampleFormat::ALL.into_iter().filter(|format| to_pulse(*format).is_some()).collect();
    let offers = offers.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
    let message = format!("'{name}' does not offer {sample} samples; it offers {offers}. Nothing was opened");
    Error::new(ErrorKind::UnsupportedFormat, message)
}

/// What comes closest to the server's own samples without a loss.
fn own_format(spec: &SampleSpec) -> Result<StreamFormat, Error> {
    use protocol::SampleFormat as Pulse;
    let sample = match spec.format {
        Pulse::U8 => SampleFormat::U8,
        Pulse::S16Le | Pulse::S16Be | Pulse::Alaw | Pulse::Ulaw => SampleFormat::I16,
        Pulse::S24Le | Pulse::S24Be | Pulse::S24In32Le | Pulse::S24In32Be => SampleFormat::I24,
        Pulse::S32Le | Pulse::S32Be => SampleFormat::I32,
        Pulse::Float32Le | Pulse::Float32Be => SampleFormat::F32,
        Pulse::Invalid => {
            return Err(Error::new(ErrorKind::UnsupportedFormat, "the device's samples are not PCM"));
        }
    };
    Ok(StreamFormat { rate_hz: spec.sample_rate, channels: spec.channels.into(), sample })
}

/// In this machine's byte order.
fn to_pulse(sample: SampleFormat) -> Option<protocol::SampleFormat> {
    use protocol::SampleFormat as Pulse;
    let is_little = cfg!(target_endian = "little");
    let either = |little, big| Some(if is_little { little } else { big });
    match sample {
        SampleFormat::U8 => Some(Pulse::U8),
        SampleFormat::I16 => either(Pulse::S16Le, Pulse::S16Be),
        SampleFormat::I24 => either(Pulse::S24In32Le, Pulse::S24In32Be),
        SampleFormat::I32 => either(Pulse::S32Le, Pulse::S32Be),
        SampleFormat::F32 => either(Pulse::Float32Le, Pulse::Float32Be),
        _ => None,
    }
}

/// The source's own positions where the channels are its own, so that nothing is mixed; the usual ones otherwise.
fn channel_map(channels: u16, source: &SourceInfo) -> ChannelMap {
    use ChannelPosition as At;
    if u16::from(source.sample_spec.channels) == channels {
        return source.channel_map;
    }
    match channels {
        1 => ChannelMap::new([At::Mono]),
        2 => ChannelMap::new([At::FrontLeft, At::FrontRight]),
        // Channels without a position are not mixed into each other.
        _ => ChannelMap::new((0..channels).map(|channel| AUX[usize::from(channel).min(AUX.len() - 1)])),
    }
}

const AUX: [ChannelPosition; 32] = {
    use ChannelPosition::*;
    [
        Aux0, Aux1, Aux2, Aux3, Aux4, Aux5, Aux6, Aux7, Aux8, Aux9, Aux10, Aux11, Aux12, Aux13, Aux14, Aux15,
        Aux16, Aux17, Aux18, Aux19, Aux20, Aux21, Aux22, Aux23, Aux24, Aux25, Aux26, Aux27, Aux28, Aux29,
        Aux30, Aux31,
    ]
};
