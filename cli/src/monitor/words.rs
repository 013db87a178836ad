//! What is said of verdicts and events.

use crate::record::one_line;
use crate::summary::dead_channels;
use hearken::{Cause, EventKind, InputInfo, LossState, SoundVerdict, StopReason};

/// What to do about a verdict.
pub fn advice(verdict: &SoundVerdict) -> &'static str {
    match verdict {
        SoundVerdict::Muted { .. } => "m lets it hear again",
        SoundVerdict::NoSignalYet { .. } => "a headset may need some seconds to wake up",
        SoundVerdict::TooQuiet { .. } => "come closer, or turn the input up in the system's settings",
        SoundVerdict::OneChannelOnly { .. } => "record that one with --channels",
        SoundVerdict::Clipped { .. } => "turn the input down, or move away",
        SoundVerdict::Lossy { .. } => "is the machine too busy, or the device on a bad cable?",
        SoundVerdict::RateMismatch { .. } => "open it at that rate with --device-rate",
        SoundVerdict::BelowNoiseFloor { .. } => {
            "look for a switch on the microphone, or choose another with s"
        }
        SoundVerdict::WentSilent { .. } => "has a call taken the microphone, or a lid closed?",
        SoundVerdict::DeviceLost { .. } => "plug it in again, or choose another with s",
        SoundVerdict::NeverHadSignal { .. } => {
            "allow the microphone in the system's settings, or choose another with s"
        }
        _ => "",
    }
}

/// What is open, in one line.
pub fn device(input: &InputInfo) -> String {
    format!("{} ({}, {})", one_line(&input.name), input.host, input.format)
}

/// An event in words, and whether it is bad news; `None` for what the screen shows anyway.
pub fn tell(event: &EventKind) -> Option<(String, bool)> {
    Some(match event {
        EventKind::Opened(input) => (format!("opened {}", device(input)), false),
        EventKind::FirstSignal => ("the first sound".into(), false),
        EventKind::Verdict(SoundVerdict::Ok) => ("the sound is ok".into(), false),
        // Whoever pressed the key knows.
        EventKind::Verdict(SoundVerdict::Muted { .. }) => return None,
        EventKind::Gap(gap) if gap.cause == Cause::Muted => return None,
        EventKind::Verdict(verdict) => (verdict.to_string(), true),
        EventKind::DeadChannels(channels) => match dead_channels(channels) {
            Some(said) => (said, true),
            None => ("every channel carries sound".into(), false),
        },
        EventKind::Stalled(time) => (format!("nothing comes since {:.1} s", time.as_secs_f64()), true),
        EventKind::Resumed => ("it delivers again".into(), false),
        EventKind::Gap(gap) => (format!("{} frames are missing: {}", gap.frames, gap.cause), true),
        EventKind::Lost(loss) => {
            let (frames, give_or_take) = (loss.frames, loss.error_frames);
            let sure = match loss.state {
                LossState::Settled => "the device lost",
                LossState::Revoked => "late, and not lost:",
                _ => "the device seems to have lost",
            };
            (format!("{sure} {frames} frames, give or take {give_or_take}"), true)
        }
        EventKind::Closed(why) => (format!("the device is gone: {}", Cause::Away(*why)), true),
        EventKind::CannotOpen(error) => (one_line(&error.to_string()), true),
        EventKind::Reopened(input) => (format!("open again: {}", device(input)), false),
        EventKind::Rerouted => ("the system moved the stream to another device".into(), false),
        EventKind::RealtimeDenied => ("the system refused real-time priority".into(), true),
        EventKind::ErrorStorm => ("the device reports errors by the thousand".into(), true),
        EventKind::Slept(time) => (format!("the machine slept for {:.0} s", time.as_secs_f64()), true),
        EventKind::Overloaded(age) => {
            (format!("overloaded: the newest frame is {} ms old", age.as_millis()), true)
        }
        EventKind::Stopped(StopReason::Finished) => ("the input has come to its end".into(), false),
        EventKind::Stopped(StopReason::Failed(error)) => (error.to_string(), true),
        _ => return None,
    })
}

/// `frames`, readable.
pub fn grouped(frames: u64) -> String {
    let digits = frames.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_by_three() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
