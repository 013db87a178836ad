//! `hearken record`.
//!
//! [`output`] is the file, [`armed`] a take that waits for somebody's word.

mod armed;
mod output;

pub use output::{Segment, detector};

use crate::args::RecordArgs;
use crate::failure::{Failure, print};
use crate::json::Take;
use crate::progress::Progress;
use crate::report;
use crate::sink::{Sink, Target};
use crate::summary::{of_the_take, summary};
use crate::trace::ClockTrace;
use crate::wave::Wave;
use hearken::wav::{WavFormat, WavReader};
use hearken::{
    Away, Capture, Channels, Config, EpochReport, Error, ErrorKind, Events, InputInfo, Receiver, Report,
    StopReason, TakeReport, Tap, Written,
};
use output::{Asked, Output, Said};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// From one look at the clock to the next, for the picture of it.
const TICK_MS: u32 = 250;

pub fn run(args: &RecordArgs) -> Result<(), Failure> {
    args.check()?;
    // Everything that can be wrong without a microphone is found before there is one.
    let sink = args.json.as_deref().map(Sink::open).transpose()?;
    let target = args.report.as_deref().map(Target::open).transpose()?;
    let capture = Arc::new(Capture::new(Config {
        input: args.input.clone(),
        host: args.host.as_deref().into(),
        format: args.device_format(),
        period: args.period,
        pace: args.pace(),
        length: args.seconds.filter(|_| !args.is_interval()),
        history: args.pre_roll.unwrap_or_default(),
        recovery: args.recovery(),
        // Part of what happened.
        watch_devices: true,
        ..Config::default()
    })?);
    let mut account = Account { sink, page: None };
    if let Some(target) = target {
        let tap = Tap::new().device_rate().channels(Channels::First).chunk_ms(TICK_MS);
        account.page = Some(PageTo { target, chunks: capture.receiver(tap)?, clock: ClockTrace::default() });
    }
    if args.is_interval() {
        return armed::run(args, &capture, account);
    }
    let output = Output::open(args, Asked::Capture(&capture))?;
    let events = capture.events();
    stop_on_signal(&capture)?;
    let input = match capture.start() {
        Ok(input) => input,
        Err(error) => {
            // Waits until the file that was created is gone again; the error to tell is the device's.
            let _ = output.finish();
            return Err(not_started(args.host.as_deref(), error));
        }
    };
    let progress = Progress::new(input.format, args.seconds);
    announce(args, &input, progress.is_shown());
    let ended = follow(&capture, &output, events, &mut account, progress);
    let said = output.finish();
    conclude(args, account, ended?, Recorded { said, take: None })
}

/// What there is when all has ended.
struct Recorded {
    said: Result<Said, Error>,
    take: Option<TakeReport>,
}

/// Where the take is told of, besides the summary.
struct Account {
    sink: Option<Sink>,
    page: Option<PageTo>,
}

impl Account {
    /// Takes note of how it goes.
    fn follow(&mut self) {
        if let Some(page) = &mut self.page {
            page.clock.follow(&mut page.chunks);
        }
    }
}

/// The page of `--report`, and what is gathered for it on the way.
struct PageTo {
    target: Target,
    chunks: Receiver,
    clock: ClockTrace,
}

impl PageTo {
    fn write(mut self, report: &Report, path: &Path, written: &Written) -> Result<(), Failure> {
        self.clock.follow(&mut self.chunks);
        let wave = Wave::of(path)?;
        self.target.write(&report::take(report, path, written, &wave, &self.clock))
    }
}

/// Ctrl-C, a terminal that closes, and a polite kill are exact ends.
pub fn stop_on_signal(capture: &Arc<Capture>) -> Result<(), Failure> {
    let capture = capture.clone();
    ctrlc::set_handler(move || {
        // What is wrong with the end, whoever waits for it is told.
        let _ = capture.stop();
    })
    .map_err(|error| Failure::run(format!("cannot listen for Ctrl-C: {error}; nothing was opened")))
}

/// An unknown host is a word typed wrong; a device or a file that is not there is not.
pub fn not_started(host: Option<&str>, error: Error) -> Failure {
    let is_known = |name: &str| hearken::hosts().iter().any(|known| known.eq_ignore_ascii_case(name));
    match (error.kind(), host) {
        (ErrorKind::NotFound, Some(name)) if !is_known(name) => Failure::usage(error.to_string()),
        _ => error.into(),
    }
}

fn announce(args: &RecordArgs, input: &InputInfo, is_terminal: bool) {
    let InputInfo { host, name, format, .. } = input;
    let name = one_line(name);
    let hint = match (is_terminal && args.seconds.is_none(), args.is_interval()) {
        (true, true) => "; Enter or Ctrl-C ends it",
        (true, false) => "; Ctrl-C ends it",
        (false, _) => "",
    };
    // A take does not fail because nobody listens to how it goes.
    let _ =
        writeln!(io::stderr(), "recording from {name} ({host}, {format}) to {}{hint}", args.out.display());
}

/// ALSA's names come in two lines.
pub fn one_line(name: &str) -> String {
    name.replace('\n', ", ")
}

/// Shows how it goes until it has ended.
fn follow(
    capture: &Capture,
    file: &Output,
    mut events: Events,
    account: &mut Account,
    mut progress: Progress,
) -> Result<Report, Error> {
    let ended = loop {
        if let Some(ended) = capture.wait_timeout(progress.interval()) {
            break ended;
        }
        while let Some(event) = events.try_recv() {
            progress.hear(&event);
        }
        account.follow();
        if file.is_finished() {
            // Without a file there is nothing to record for: the disk is full, say.
            break capture.stop();
        }
        if progress.is_shown() {
            progress.look(&capture.picture(), &capture.stats());
        }
    };
    progress.clear();
    ended
}

/// Tells what there is now, also when something went wrong on the way: whatever was recorded is in the file.
fn conclude(args: &RecordArgs, account: Account, report: Report, recorded: Recorded) -> Result<(), Failure> {
    let (mut segments, take) = (None, recorded.take.as_ref());
    let (in_file, failure) = match recorded.said {
        Ok(said) => {
            segments = said.segments;
            (Some(said.written), None)
        }
        Err(error) => (look_into(&args.out), Some(Failure::from(error))),
    };
    let mut told = Ok(());
    if let Some(in_file) = in_file {
        let told_of = Take::new(&report, &args.out, in_file.format, in_file.frames);
        let told_of = told_of.with_take(take).with_segments(segments.as_deref());
        let to_stdout = matches!(account.sink, Some(Sink::Stdout));
        told = account.sink.map_or(Ok(()), |sink| sink.write(&told_of.text()?));
        if !to_stdout {
            told = told.and(print(&summary(&report, &args.out, &in_file)));
            told = told.and(print(&of_the_take(take, segments.as_deref(), in_file.format.rate_hz)));
        }
        if let Some(page) = account.page {
            told = told.and(page.write(&report, &args.out, &in_file));
        }
    }
    // Of several failures the first cause is the one to tell.
    if let Some(failure) = failure {
        return Err(failure);
    }
    let recorded = in_file.map_or(0, |in_file| in_file.frames);
    let complete = format!("the {recorded} frames until then are complete in {}", args.out.display());
    match report.reason {
        StopReason::Requested | StopReason::Finished if is_away(&report) => {
            let why = report.epochs.iter().rev().find_map(|epoch| epoch.ended?.error());
            let why = why.map_or_else(|| "it fell silent".to_owned(), |kind| kind.name().to_owned());
            Err(Failure::run(format!("the device was away at the end ({why}); {complete}")))
        }
        StopReason::Failed(error) => Err(Failure::run(format!("{error}; {complete}"))),
        StopReason::CallbackStuck => {
            Err(Failure::run(format!("the device's last callback hangs; {complete}")))
        }
        _ => told,
    }
}

/// Whether the device failed and was not back when the take ended.
fn is_away(report: &Report) -> bool {
    let gone = |epoch: &EpochReport| matches!(epoch.ended, Some(Away::Failed(_) | Away::Stalled));
    let brought_nothing = |epoch: &EpochReport| epoch.ledger.captured == 0;
    let mut newest =
        report.epochs.iter().rev().skip_while(|epoch| epoch.ended.is_none() && brought_nothing(epoch));
    newest.next().is_some_and(gone)
}

/// What a file that could not be written to its end holds.
fn look_into(path: &Path) -> Option<Written> {
    let reader = WavReader::open(path).ok()?;
    let format = reader.format();
    let format =
        WavFormat { rate_hz: format.rate_hz, channels: format.channels, encoding: reader.encoding() };
    Some(Written { format, frames: reader.frames(), behind: 0, cut: 0 })
}
