//! One connection to a PulseAudio server, or to PipeWire's stand-in for one: questions and their answers, then a stream
//! of audio with news in between.

use crate::error::{Error, ErrorKind};
use crate::source::device::by_alsa;
use pulseaudio::protocol::{
    AuthParams, AuthReply, Command, CommandReply, DESCRIPTOR_SIZE, Descriptor, MAX_MEMBLOCKQ_LENGTH,
    MAX_VERSION, Prop, Props, ProtocolError, PulseError, SetClientNameReply, TagStructReader,
    encode_command_message, read_descriptor,
};
use std::ffi::CString;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs, mem};

/// How long a server may take to answer while something is opened, listed or looked for.
const ANSWER: Duration = Duration::from_secs(5);
/// Bytes that are read at once: a fragment and whatever came behind it, such as what a source had kept when the stream
/// began.
const READ: usize = 1 << 18;
/// No answer is so long; a list of a hundred devices takes 200 KiB.
const LONGEST_ANSWER: u32 = MAX_MEMBLOCKQ_LENGTH as u32;

/// What comes from the server.
#[derive(Debug)]
pub(super) enum Message {
    /// News, or the answer to the question of that number, which [`Connection::answer`] reads.
    Command(u32, Box<Command>),
    /// So many bytes of a stream's audio, which [`Connection::audio`] reads.
    Audio(usize),
}

/// A connection. Reads into memory of its own, which does not grow for audio.
#[derive(Debug)]
pub(super) struct Connection {
    socket: UnixStream,
    version: u16,
    questions: u32,
    buffer: Box<[u8]>,
    /// What was read and not used yet.
    read: std::ops::Range<usize>,
    /// When something was read last.
    read_at: Instant,
    /// What followed a command's own name and number.
    answer: Vec<u8>,
    /// Whether news came while an answer was waited for.
    has_missed: bool,
}

impl Connection {
    /// Connects to the server that the environment names, as libpulse does: `PULSE_SERVER`, or the socket in the runtime
    /// directory. Only sockets of this machine are spoken to.
    pub fn open() -> Result<Self, Error> {
        let socket = sockets().iter().find_map(|path| UnixStream::connect(path).ok());
        let socket = socket.ok_or_else(|| unreachable("there is no server at its socket"))?;
        let prepared = socket.set_read_timeout(Some(ANSWER)).and(socket.set_write_timeout(Some(ANSWER)));
        prepared.map_err(|error| unreachable(&error.to_string()))?;
        let mut connection = Self::over(socket);
        let auth =
            AuthParams { version: MAX_VERSION, supports_shm: false, supports_memfd: false, cookie: cookie() };
        let reply: AuthReply =
            connection.ask(&Command::Auth(auth)).map_err(|error| failed("be let in", &error))?;
        connection.version = reply.version.min(MAX_VERSION);
        let program = env::current_exe().ok().and_then(|path| Some(path.file_stem()?.to_owned()));
        let program =
            program.map_or_else(|| "hearken".to_owned(), |name| name.to_string_lossy().into_owned());
        let mut props = Props::new();
        for (prop, value) in [
            (Prop::ApplicationName, program.clone()),
            (Prop::ApplicationProcessBinary, program),
            (Prop::ApplicationProcessId, std::process::id().to_string()),
        ] {
            props.set(prop, CString::new(value).unwrap_or_default());
        }
        let _: SetClientNameReply =
            connection.ask(&Command::SetClientName(props)).map_err(|error| failed("be known", &error))?;
        Ok(connection)
    }

    /// One that nothing was said on yet.
    fn over(socket: UnixStream) -> Self {
        Self {
            socket,
            version: MAX_VERSION,
            questions: 0,
            buffer: vec![0; READ].into_boxed_slice(),
            read: 0..0,
            read_at: Instant::now(),
            answer: Vec::new(),
            has_missed: false,
        }
    }

    /// Another handle of the socket: to shut it down, which ends whoever reads.
    pub fn socket(&self) -> io::Result<UnixStream> {
        self.socket.try_clone()
    }

    /// From now on messages may be long in coming.
    pub fn wait_for_ever(&self) -> io::Result<()> {
        self.socket.set_read_timeout(None)
    }

    /// Asks, waits and reads the answer. Of news that come in between only that there were any is kept. Not for when audio
    /// flows.
    pub fn ask<R: CommandReply>(&mut self, question: &Command) -> Result<R, ProtocolError> {
        let number = self.send(question)?;
        loop {
            match self.next()? {
                Message::Command(of, command) if of == number => return self.answer(&command),
                Message::Command(..) => self.has_missed = true,
                Message::Audio(bytes) => self.skip(bytes)?,
            }
        }
    }

    /// As [`ask`](Self::ask), where the answer is only that it was done.
    pub fn tell(&mut self, order: &Command) -> Result<(), ProtocolError> {
        let number = self.send(order)?;
        loop {
            match self.next()? {
                Message::Command(of, command) if of == number => {
                    return match *command {
                        Command::Error(error) => Err(ProtocolError::ServerError(error)),
                        _ => Ok(()),
                    };
                }
                Message::Command(..) => self.has_missed = true,
                Message::Audio(bytes) => self.skip(bytes)?,
            }
        }
    }

    /// Asks, and leaves the answer to whoever reads on: the number that it will have.
    pub fn send(&mut self, command: &Command) -> Result<u32, ProtocolError> {
        self.questions += 1;
        let mut bytes = Vec::new();
        encode_command_message(&mut bytes, self.questions, command, self.version)?;
        self.socket.write_all(&bytes)?;
        Ok(self.questions)
    }

    /// Whether news came while an answer was waited for, since this was asked last.
    pub fn has_missed(&mut self) -> bool {
        mem::take(&mut self.has_missed)
    }

    /// Whether something was read that is not used yet, so that the socket need not have more for another message.
    pub fn has_more(&self) -> bool {
        !self.read.is_empty()
    }

    /// Waits for the next message. Takes memory for commands only.
    pub fn next(&mut self) -> Result<Message, ProtocolError> {
        loop {
            while self.read.len() < DESCRIPTOR_SIZE {
                self.fill()?;
            }
            let mut header = &self.buffer[self.read.clone()];
            let Descriptor { length, channel, .. } = read_descriptor(&mut header)?;
            self.read.start += DESCRIPTOR_SIZE;
            if length > LONGEST_ANSWER {
                return Err(ProtocolError::Invalid(format!("a message of {length} bytes")));
            }
            if channel != u32::MAX {
                return Ok(Message::Audio(length as usize));
            }
            let mut body = mem::take(&mut self.answer);
            body.clear();
            while body.len() < length as usize {
                let piece = self.piece(length as usize - body.len())?;
                body.extend_from_slice(&self.buffer[piece]);
            }
            let mut rest = body.as_slice();
            let command = Command::read_tag_prefixed(&mut rest, self.version);
            self.answer = rest.to_vec();
            match command {
                Ok((number, command)) => return Ok(Message::Command(number, Box::new(command))),
                // News of a kind that is not known, or about what is not known.
                Err(ProtocolError::Io(error)) => return Err(error.into()),
                Err(_) => {}
            }
        }
    }

    /// The answer that the last message, `command`, brought.
    pub fn answer<R: CommandReply>(&mut self, command: &Command) -> Result<R, ProtocolError> {
        match command {
            Command::Reply => TagStructReader::new(&mut self.answer.as_slice(), self.version).read(),
            Command::Error(error) => Err(ProtocolError::ServerError(*error)),
            other => Err(ProtocolError::UnexpectedCommand(other.tag())),
        }
    }

    /// The next piece, of at most `bytes` bytes and whole frames of `frame_bytes`, of the audio that is being read.
    /// Waits for it; takes no memory.
    pub fn audio(&mut self, bytes: usize, frame_bytes: usize) -> Result<&[u8], ProtocolError> {
        while self.read.len() < frame_bytes.min(bytes) {
            self.fill()?;
        }
        let there = self.read.len().min(bytes);
        let whole = if there < bytes { there - there % frame_bytes } else { there };
        let piece = self.read.start..self.read.start + whole;
        self.read.start += whole;
        Ok(&self.buffer[piece])
    }

    /// When what was read came, and how many bytes of audio came behind the `bytes` that are being read.
    pub fn behind(&self, bytes: usize) -> (Instant, usize) {
        let mut rest = self.buffer[self.read.clone()].get(bytes..).unwrap_or_default();
        let mut audio = 0;
        while rest.len() >= DESCRIPTOR_SIZE
            && let Ok(Descriptor { length, channel, .. }) = read_descriptor(&mut rest)
        {
            let there = rest.len().min(length as usize);
            audio += if channel == u32::MAX { 0 } else { there };
            rest = &rest[there..];
        }
        (self.read_at, audio)
    }

    /// Waits for something, and reads what comes at once with it: until nothing has for half of `length`, there is no room,
    /// or `length` is over, since what comes at the pace of time never ends.
    pub fn gather(&mut self, length: Duration) -> Result<(), ProtocolError> {
        self.fill()?;
        let until = self.read_at + length;
        while self.read.len() < self.buffer.len() {
            let left = until.saturating_duration_since(Instant::now()).min(length / 2);
            if left.is_zero() || !by_alsa::wait(&self.socket, None, Some(left)) {
                break;
            }
            self.fill()?;
        }
        Ok(())
    }

    fn skip(&mut self, mut bytes: usize) -> Result<(), ProtocolError> {
        while bytes > 0 {
            bytes -= self.piece(bytes)?.len();
        }
        Ok(())
    }

    /// Uses what is there, at least a byte and at most `bytes`.
    fn piece(&mut self, bytes: usize) -> Result<std::ops::Range<usize>, ProtocolError> {
        if self.read.is_empty() {
            self.fill()?;
        }
        let end = self.read.end.min(self.read.start + bytes);
        let piece = self.read.start..end;
        self.read.start = end;
        Ok(piece)
    }

    /// Reads more behind what is there.
    fn fill(&mut self) -> Result<(), ProtocolError> {
        self.buffer.copy_within(self.read.clone(), 0);
        self.read = 0..self.read.len();
        let read = loop {
            match self.socket.read(&mut self.buffer[self.read.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if read == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        self.read.end += read;
        self.read_at = Instant::now();
        Ok(())
    }
}

/// Whether a server listens. Says nothing to it.
pub(super) fn is_reachable() -> bool {
    sockets().iter().any(|path| UnixStream::connect(path).is_ok())
}

/// Where a server may listen, by preference.
fn sockets() -> Vec<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match env::var("PULSE_SERVER") {
        Ok(named) if !named.trim().is_empty() => local(&named),
        _ => {
            let runtime = folder("PULSE_RUNTIME_PATH").map(|path| path.join("native"));
            let user = folder("XDG_RUNTIME_DIR").map(|path| path.join("pulse/native"));
            runtime.into_iter().chain(user).collect()
        }
    }
}

/// The sockets of this machine in a list of servers as `PULSE_SERVER` has them: separated by spaces, each perhaps with
/// a machine's name in braces before it.
fn local(servers: &str) -> Vec<PathBuf> {
    let bare = servers.split_whitespace().map(|server| match server.strip_prefix('{') {
        Some(named) => named.split_once('}').map_or("", |(_, rest)| rest),
        None => server,
    });
    let paths =
        bare.filter_map(|server| server.strip_prefix("unix:").or(server.starts_with('/').then_some(server)));
    paths.map(PathBuf::from).collect()
}

/// What shows that we are this user's.
fn cookie() -> Vec<u8> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| Some(home.as_ref()?.join(".config")));
    let places = [
        env::var_os("PULSE_COOKIE").map(PathBuf::from),
        config.map(|path| path.join("pulse/cookie")),
        home.map(|path| path.join(".pulse-cookie")),
    ];
    // Without a cookie of its own size a server asks nobody for it.
    places.into_iter().flatten().find_map(|path| fs::read(path).ok()).unwrap_or_else(|| vec![0; 256])
}

/// There is no server to speak to.
pub(super) fn unreachable(why: &str) -> Error {
    let message =
        format!("the audio host 'pulseaudio' cannot be reached ({why}); is the audio service running?");
    Error::new(ErrorKind::NoDevice, message)
}

/// The server did not do what it was asked; `what` goes on from "could not".
pub(super) fn failed(what: &str, error: &ProtocolError) -> Error {
    let (kind, advice) = match error {
        ProtocolError::ServerError(PulseError::AccessDenied | PulseError::AuthKey) => {
            (ErrorKind::PermissionDenied, "Allow this program the microphone, or the sound server's socket.")
        }
        ProtocolError::ServerError(PulseError::NoEntity) => (ErrorKind::NoDevice, "Is it plugged in?"),
        ProtocolError::ServerError(PulseError::Invalid | PulseError::NotSupported) => {
            (ErrorKind::UnsupportedFormat, "Try another format or device.")
        }
        _ => (ErrorKind::NoDevice, "The audio service failed; is it running?"),
    };
    Error::new(kind, format!("could not {what}, so nothing is open: the sound server says {error}. {advice}"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn of_the_servers_that_are_named_those_of_this_machine_are_spoken_to() {
        let paths =
            |servers: &str| local(servers).iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        assert_eq!(paths("unix:/run/a"), ["/run/a"]);
        assert_eq!(paths("{0badcafe}unix:/run/a tcp:host:4713 /run/b host"), ["/run/a", "/run/b"]);
        assert!(paths("tcp:host").is_empty());
    }

    /// A connection whose server is the test, and that reads in pieces of the sizes that the test writes.
    pub(crate) fn connected() -> (Connection, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("two sockets");
        (Connection::over(ours), theirs)
    }

    #[test]
    fn audio_comes_in_whole_frames_however_the_bytes_arrive() {
        for piece in [1, 3, 7, 20, 21, 64, 1000, 70_000] {
            let (mut connection, mut server) = connected();
            let sent: Vec<u8> = (0..300_u32).flat_map(|n| (n * 7).to_ne_bytes()).collect();
            let mut bytes = Vec::new();
            for block in sent.chunks(400) {
                pulseaudio::protocol::write_memblock(&mut bytes, 0, block, 0).expect("memory");
                encode_command(&mut bytes, &Command::RecordStreamKilled(9));
            }
            let writer = std::thread::spawn(move || {
                bytes.chunks(piece).for_each(|piece| server.write_all(piece).expect("it is read"));
            });
            let (mut heard, mut news) = (Vec::new(), 0);
            while heard.len() < sent.len() || news < 3 {
                match connection.next().expect("a message") {
                    Message::Audio(mut left) => {
                        while left > 0 {
                            let piece = connection.audio(left, 8).expect("audio");
                            assert_eq!(piece.len() % 8, 0, "in pieces of {piece:?}");
                            left -= piece.len();
                            heard.extend_from_slice(piece);
                        }
                    }
                    Message::Command(_, command) if *command == Command::RecordStreamKilled(9) => news += 1,
                    other => panic!("{other:?}"),
                }
            }
            assert!(heard == sent, "in pieces of {piece}");
            writer.join().expect("no panic");
        }
    }

    fn encode_command(bytes: &mut Vec<u8>, command: &Command) {
        let mut one = Vec::new();
        encode_command_message(&mut one, 1, command, MAX_VERSION).expect("memory");
        bytes.extend(one);
    }

    #[test]
    fn audio_that_came_behind_is_known_and_news_among_it_are_none() {
        let (mut connection, mut server) = connected();
        let mut bytes = Vec::new();
        for _ in 0..3 {
            pulseaudio::protocol::write_memblock(&mut bytes, 0, &[0; 400], 0).expect("memory");
            encode_command(&mut bytes, &Command::RecordStreamKilled(9));
        }
        server.write_all(&bytes[..bytes.len() - 30]).expect("it is read");
        connection.gather(Duration::from_millis(2)).expect("it came");
        let Ok(Message::Audio(400)) = connection.next() else { panic!("audio") };
        assert_eq!(connection.behind(400).1, 800);
        assert_eq!(connection.audio(100, 4).expect("audio").len(), 100);
        assert_eq!(connection.behind(300).1, 800);
    }

    #[test]
    fn what_comes_at_the_pace_of_time_is_not_gathered_for_ever() {
        let (mut connection, mut server) = connected();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let writer = std::thread::spawn(move || {
            // Until the other end is gone; a minute at most.
            for _ in 0..60_000 {
                if stopped.try_recv() != Err(std::sync::mpsc::TryRecvError::Empty) {
                    return;
                }
                server.write_all(&[0; 16]).expect("it is read");
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        connection.gather(Duration::from_millis(20)).expect("it came");
        assert!(!connection.read.is_empty() && connection.read.len() < READ);
        drop(stop);
        writer.join().expect("no panic");
    }

    #[test]
    fn a_message_without_measure_is_refused_and_one_of_an_unknown_kind_passed_over() {
        let (mut connection, mut server) = connected();
        // A tag that no version knows, in a message of its own.
        let mut unknown = Vec::new();
        let body = [b'L', 0, 0, 0x7F, 0xFF, b'L', 0, 0, 0, 1];
        pulseaudio::protocol::write_memblock(&mut unknown, u32::MAX, &body, 0).expect("memory");
        encode_command(&mut unknown, &Command::Exit);
        server.write_all(&unknown).expect("it is read");
        assert!(matches!(connection.next(), Ok(Message::Command(1, command)) if *command == Command::Exit));
        let mut huge = [0; DESCRIPTOR_SIZE];
        huge[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        server.write_all(&huge).expect("it is read");
        assert!(matches!(connection.next(), Err(ProtocolError::Invalid(_))));
    }
}
