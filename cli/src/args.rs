//! What may be typed.

use crate::failure::Failure;
use crate::record::detector;
use crate::replay::ReplayArgs;
use crate::tracing::TraceArgs;
use clap::{Parser, Subcommand, ValueEnum};
use hearken::{
    Channels, Detector, FileFormat, FormatWish, Input, Pace, Quality, Recovery, SampleFormat, StreamFormat,
    Synthetic,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest time that may be typed: 31 years, well within what the clocks can count.
const MOST_SECONDS: f64 = 1e9;

/// Record from a microphone, exactly: every frame is in the file or accounted for.
#[derive(Debug, Parser)]
#[command(name = "hearken", version, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the input devices
    Devices(DevicesArgs),
    /// Record a WAV file, until Ctrl-C or for --seconds
    Record(Box<RecordArgs>),
    /// Listen to a device for a few seconds and say how it does
    Doctor(DoctorArgs),
    /// Watch a device in the terminal: levels, waveform, spectrum, losses; take what is worth it
    #[cfg(feature = "monitor")]
    Monitor(MonitorArgs),
    /// Repair a WAV file whose recorder was killed, this one or another
    Recover(RecoverArgs),
    /// Write down all that happens in a capture but the audio, to be replayed
    Trace(TraceArgs),
    /// Run a trace once more and give its account
    Replay(ReplayArgs),
}

#[cfg(feature = "monitor")]
#[derive(Debug, Parser)]
pub struct MonitorArgs {
    /// What to listen to: default, a device's ID (see `hearken devices`), file:PATH, or synthetic[:tone|noise|speech]
    #[arg(long, default_value = "default", value_parser = input)]
    pub input: Input,
    /// Audio system, e.g. alsa; default: the system's own
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// The first take's file, 16 kHz mono; what is there already is never replaced: take-2.wav, take-3.wav ...
    #[arg(long, value_name = "OUT.wav", default_value = "take.wav")]
    pub out: PathBuf,
    /// How often the device is to wake us, 1 to 1000 ms; default: chosen for the audio system
    #[arg(long, value_name = "MS", value_parser = period)]
    pub period: Option<Duration>,
    /// A take begins so long before the space bar, 0 to 30
    #[arg(long, value_name = "S", default_value = "1", value_parser = roll)]
    pub pre_roll: Duration,
    /// Takes of the device's own rate, channels and samples, bit for bit
    #[arg(long)]
    pub native: bool,
}

#[derive(Debug, Parser)]
pub struct RecoverArgs {
    /// The file to repair, in place
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Repair a copy instead; it must not be there yet
    #[arg(long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Parser)]
pub struct DevicesArgs {
    /// Audio system, e.g. alsa; default: the system's own
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// Also what is no microphone: what outputs play, other programs' streams, ALSA's plugins
    #[arg(long)]
    pub all: bool,
    /// Print a JSON array instead of a table: of all, each with its kind
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Parser)]
pub struct DoctorArgs {
    /// What to listen to: default, a device's ID (see `hearken devices`), file:PATH, or synthetic[:tone|noise|speech]
    #[arg(long, default_value = "default", value_parser = input)]
    pub input: Input,
    /// Audio system, e.g. alsa; default: the system's own
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// How long
    #[arg(long, value_name = "S", default_value = "5", value_parser = seconds)]
    pub seconds: Duration,
    /// How often the device is to wake us, 1 to 1000 ms; default: chosen for the audio system
    #[arg(long, value_name = "MS", value_parser = period)]
    pub period: Option<Duration>,
    /// Print JSON (hearken.doctor/1) instead of text
    #[arg(long)]
    pub json: bool,
    /// Write a page with pictures as well
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
}

#[derive(Debug, Parser)]
pub struct RecordArgs {
    /// The file to write, replaced if it is there
    #[arg(value_name = "OUT.wav", default_value = "take.wav")]
    pub out: PathBuf,
    /// What to record from: default, a device's ID (see `hearken devices`), file:PATH, or
    /// synthetic[:tone|noise|speech]
    #[arg(long, default_value = "default", value_parser = input)]
    pub input: Input,
    /// Audio system, e.g. alsa; default: the system's own
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// Length of the take, not counting --pre-roll and --post-roll; default: until Ctrl-C, or the end of the input
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub seconds: Option<Duration>,
    /// Sample rate of the file, 1 to 768000
    #[arg(
        long,
        value_name = "HZ",
        default_value = "16000",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(StreamFormat::MAX_RATE_HZ))
    )]
    pub rate: u32,
    /// Channels of the file: mono (the average of those that carry anything), average (of all), first, all, or a list like 0,2
    /// that counts from 0
    #[arg(long, default_value = "mono", value_parser = channels)]
    pub channels: Channels,
    /// Sample format of the file
    #[arg(long, default_value = "i16")]
    pub format: Format,
    /// The resampler: low-latency, balanced or best
    #[arg(long, default_value = "balanced")]
    pub quality: Quality,

    /// Gain in decibels, -120 to 60
    #[arg(long, value_name = "DB", allow_negative_numbers = true, default_value = "0", value_parser = gain)]
    pub gain: f32,
    /// Take away what lies below this frequency, e.g. rumble
    #[arg(
        long,
        value_name = "HZ",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "80",
        conflicts_with = "native",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(StreamFormat::MAX_RATE_HZ / 2))
    )]
    pub high_pass: Option<u32>,
    /// Write only where somebody speaks, one stretch behind the other; 16 kHz, one channel
    #[arg(
        long,
        value_name = "DETECTOR",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "energy",
        conflicts_with_all = ["native", "dither", "sidecar", "durable"],
        value_parser = detector
    )]
    pub voice: Option<Detector>,
    /// Open the device and wait for Enter (or a USR1 signal), which begins the take, with the S before; it ends likewise
    #[arg(long, value_name = "S", conflicts_with = "fast", value_parser = roll)]
    pub pre_roll: Option<Duration>,
    /// Go on for so long when the end is asked for, 0 to 30; Ctrl-C twice ends at once
    #[arg(long, value_name = "S", conflicts_with = "fast", default_value = "0", value_parser = roll)]
    pub post_roll: Duration,
    /// Open the device at this rate instead of its default
    #[arg(long, value_name = "HZ")]
    pub device_rate: Option<u32>,
    /// Open the device with so many channels, 1 to 32
    #[arg(long, value_name = "N")]
    pub device_channels: Option<u16>,
    /// Open the device in this sample format, e.g. i16
    #[arg(long, value_name = "FMT")]
    pub device_format: Option<SampleFormat>,
    /// How often the device is to wake us, 1 to 1000 ms; default: chosen for the audio system
    #[arg(long, value_name = "MS", value_parser = period)]
    pub period: Option<Duration>,
    /// Write the device's own rate, channels and samples, bit for bit
    #[arg(long, conflicts_with_all = ["rate", "channels", "format", "quality", "gain"])]
    pub native: bool,
    /// Dither a 16-bit file: worth its noise for what is quieter than a 16-bit step
    #[arg(long, conflicts_with = "native")]
    pub dither: bool,
    /// Keep an account beside the file, OUT.wav.json, while it grows: format, start, every hole. Without it there is one
    /// file, and the account of an earlier one of that name is removed
    #[arg(long)]
    pub sidecar: bool,
    /// Put the file on the disk itself once a second, against a power failure
    #[arg(long)]
    pub durable: bool,
    /// Open a device anew that delivers nothing for so long, at least 0.3; default: by the audio system
    #[arg(long, value_name = "SECONDS", value_parser = patience)]
    pub stall_patience: Option<Duration>,
    /// How long a device that is lost is tried to be opened again before the take ends; 0: not at all [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = give_up)]
    pub give_up: Option<Duration>,
    /// Wait for the device that is lost, instead of going on with the system's default
    #[arg(long)]
    pub no_fall_back: bool,
    /// Run a file or synthetic input as fast as possible
    #[arg(long)]
    pub fast: bool,
    /// Write an account of the take as JSON; - is stdout, in place of the summary
    #[arg(long, value_name = "FILE|-")]
    pub json: Option<PathBuf>,
    /// Write the take as a page with pictures
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
}

/// [`FileFormat`] as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// Signed 16-bit
    I16,
    /// Signed 24-bit
    I24,
    /// 32-bit float, unrounded
    F32,
}

impl From<Format> for FileFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::I16 => Self::I16,
            Format::I24 => Self::I24,
            Format::F32 => Self::F32,
        }
    }
}

impl RecordArgs {
    /// Refuses what does not go together.
    pub fn check(&self) -> Result<(), Failure> {
        let is_device = !matches!(self.input, Input::File(_) | Input::Synthetic(_));
        if self.fast && is_device {
            return Err(Failure::usage(
                "--fast is for file: and synthetic inputs; a device keeps its own time",
            ));
        }
        if self.host.is_some() && !is_device {
            return Err(Failure::usage("--host is for devices; this input has none"));
        }
        if !is_device && self.period.is_some() {
            return Err(Failure::usage("--period is for devices; this input has none"));
        }
        if !is_device && (self.stall_patience.is_some() || self.give_up.is_some() || self.no_fall_back) {
            return Err(Failure::usage(
                "--stall-patience, --give-up and --no-fall-back are for devices; this input has none",
            ));
        }
        if matches!(self.input, Input::File(_)) && self.device_format() != FormatWish::default() {
            return Err(Failure::usage(
                "--device-* is for devices and synthetic inputs; a file is what it is",
            ));
        }
        if self.out == Path::new("-") {
            return Err(Failure::usage("a WAV cannot go to stdout; name a file"));
        }
        if self.dither && !matches!(self.format, Format::I16) {
            return Err(Failure::usage("--dither is for --format i16; the steps of the others need none"));
        }
        let json = self.json_file();
        if let Input::File(input) = &self.input {
            if is_same_file(input, &self.out) {
                return Err(Failure::usage(format!("{} is the input; name another output", input.display())));
            }
            if json.is_some_and(|json| is_same_file(input, json)) {
                return Err(Failure::usage(format!("{} is the input; name another --json", input.display())));
            }
        }
        if json.is_some_and(|json| is_same_file(&self.out, json)) {
            return Err(Failure::usage("the take and --json are one file; name two"));
        }
        let mut sidecar = self.out.clone().into_os_string();
        sidecar.push(".json");
        if self.sidecar && json.is_some_and(|json| is_same_file(sidecar.as_ref(), json)) {
            return Err(Failure::usage("the --sidecar and --json are one file; name another --json"));
        }
        if let Some(page) = &self.report {
            let is_input = matches!(&self.input, Input::File(input) if is_same_file(input, page));
            if is_input || is_same_file(&self.out, page) || json.is_some_and(|json| is_same_file(json, page))
            {
                return Err(Failure::usage(
                    "--report is a file that is something else already; name another",
                ));
            }
        }
        Ok(())
    }

    /// Whether the take is an interval of the capture, with a begin and an end of its own.
    pub fn is_interval(&self) -> bool {
        self.pre_roll.is_some() || !self.post_roll.is_zero()
    }

    pub fn device_format(&self) -> FormatWish {
        FormatWish { rate_hz: self.device_rate, channels: self.device_channels, sample: self.device_format }
    }

    pub fn recovery(&self) -> Recovery {
        let default = Recovery::default();
        Recovery {
            give_up: self.give_up.unwrap_or(default.give_up),
            stall_patience: self.stall_patience,
            fall_back: !self.no_fall_back,
            ..default
        }
    }

    pub fn pace(&self) -> Pace {
        if self.fast { Pace::Fast } else { Pace::RealTime }
    }

    /// Where `--json` goes, unless to stdout or nowhere.
    pub fn json_file(&self) -> Option<&Path> {
        self.json.as_deref().filter(|path| *path != Path::new("-"))
    }
}

pub fn input(text: &str) -> Result<Input, String> {
    Ok(match text.split_once(':') {
        _ if text == "default" => Input::Default,
        _ if text == "synthetic" => Input::Synthetic(Synthetic::default()),
        Some(("synthetic", kind)) => Input::Synthetic(kind.parse()?),
        Some(("file", "")) => return Err("file: needs a path".into()),
        Some(("file", path)) => Input::File(path.into()),
        _ if text.is_empty() => return Err("an empty name; `hearken devices` lists the ids".into()),
        _ => Input::Device(text.into()),
    })
}

pub fn seconds(text: &str) -> Result<Duration, String> {
    duration(text, f64::MIN_POSITIVE, "a take is longer than 0 s")
}

fn patience(text: &str) -> Result<Duration, String> {
    duration(text, 0.3, "a stall is waited out for 0.3 s at least")
}

fn give_up(text: &str) -> Result<Duration, String> {
    duration(text, 0.0, "it is 0 or longer")
}

/// In milliseconds.
pub fn period(text: &str) -> Result<Duration, String> {
    let ms: f64 = text.parse().map_err(|_| "not a number of milliseconds".to_owned())?;
    if !(1.0..=1000.0).contains(&ms) {
        return Err("a period is 1 to 1000 ms".into());
    }
    Duration::try_from_secs_f64(ms / 1e3).map_err(|error| error.to_string())
}

/// Of at least `least` seconds; `otherwise` says so.
fn duration(text: &str, least: f64, otherwise: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if !(least..=MOST_SECONDS).contains(&seconds) {
        return Err(format!("{otherwise}, and at most {MOST_SECONDS} s"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// A pre-roll or a post-roll.
fn roll(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if (0.0..=30.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("0 to 30 s are kept".to_owned())
    }
}

fn channels(text: &str) -> Result<Channels, String> {
    let channels = text.parse()?;
    match &channels {
        Channels::List(list) if list.len() > usize::from(StreamFormat::MAX_CHANNELS) => {
            Err(format!("{} channels; a file has at most {}", list.len(), StreamFormat::MAX_CHANNELS))
        }
        _ => Ok(channels),
    }
}

/// Whether writing the one would destroy the other, whatever they are called.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    if let (Ok(one), Ok(other)) = (std::fs::metadata(one), std::fs::metadata(other)) {
        use std::os::unix::fs::MetadataExt;
        return one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino());
    }
    place(one).is_some_and(|one| Some(one) == place(other))
}

/// The one name of a file, also of one that is not there yet.
fn place(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok().or_else(|| {
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        Some(directory.unwrap_or(Path::new(".")).canonicalize().ok()?.join(path.file_name()?))
    })
}

fn gain(text: &str) -> Result<f32, String> {
    let db = text.parse::<f32>().map_err(|error| error.to_string())?;
    if (-120.0..=60.0).contains(&db) { Ok(db) } else { Err("a gain is -120 to 60 dB".into()) }
}
