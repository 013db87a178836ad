//! What the engine's own picture and report will tell, in the same layout, until they do.

use hearken::{Cause, Picture, TakeReport};

/// The length of the engine's part of a picture.
pub(crate) const BYTES: usize = 896;
const COLUMNS: usize = 128;
/// The bits of a column.
const HEARD: u8 = 1;
const MISSING: u8 = 2;
const MUTED: u8 = 4;

/// A waveform of the pictures that were asked for.
#[derive(Debug)]
pub(crate) struct Interim {
    sequence: u64,
    column: u64,
    /// Oldest first: least and greatest sample, and the bits.
    columns: [(i16, i16, u8); COLUMNS],
    missing: u64,
}

impl Default for Interim {
    fn default() -> Self {
        Self { sequence: 0, column: 0, columns: [(0, 0, 0); COLUMNS], missing: 0 }
    }
}

impl Interim {
    /// The table of `Picture::to_bytes`; what the picture does not know is 0.
    pub fn bytes(&mut self, picture: &Picture, missing: u64, muted: bool) -> Vec<u8> {
        if picture.sequence != self.sequence {
            self.sequence = picture.sequence;
            self.column += 1;
            let sample = (picture.loudest().peak * f32::from(i16::MAX)).round() as i16;
            let lost = if missing > self.missing { MISSING } else { 0 };
            self.missing = missing;
            self.columns.rotate_left(1);
            self.columns[COLUMNS - 1] = (-sample, sample, if muted { MUTED } else { HEARD } | lost);
        }
        let levels = picture.levels();
        let mut bytes = vec![1, levels.len() as u8, 0, 0];
        bytes.extend(0_u32.to_le_bytes());
        for word in [picture.sequence, picture.position, self.column, missing, 0] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend((-1.0_f32).to_le_bytes());
        bytes.extend(0_f32.to_le_bytes());
        bytes.extend((picture.frames as u32).to_le_bytes());
        bytes.resize(64, 0);
        for level in levels {
            for value in [level.peak, level.rms, level.peak] {
                bytes.extend(value.to_le_bytes());
            }
            bytes.extend(0_u32.to_le_bytes());
        }
        bytes.resize(256, 0);
        bytes.extend(self.columns.map(|(_, _, bits)| bits));
        for (min, max, _) in self.columns {
            bytes.extend(min.to_le_bytes());
            bytes.extend(max.to_le_bytes());
        }
        debug_assert_eq!(bytes.len(), BYTES);
        bytes
    }
}

/// The worst finding about a take: the name that the engine will give it, and a sentence.
pub(crate) fn verdict(report: &TakeReport) -> (&'static str, String) {
    let lost: u64 = report
        .gaps
        .iter()
        .filter(|gap| !matches!(gap.cause, Cause::Paused | Cause::Muted))
        .map(|gap| gap.frames)
        .sum();
    let peak = report.levels.iter().map(|level| level.peak).fold(0.0, f32::max);
    let dbfs = 20.0 * peak.log10();
    if peak == 0.0 {
        ("never_had_signal", "never had a signal: permission, a switch, or a virtual device?".into())
    } else if report.gaps.iter().any(|gap| matches!(gap.cause, Cause::Away(_))) {
        ("device_lost", "the device was lost and recovered".into())
    } else if lost > 0 {
        let share = 100.0 * lost as f64 / report.frames.max(1) as f64;
        ("lossy", format!("{share:.2} % of the audio is missing"))
    } else if peak >= 0.999 {
        ("clipped", "it clipped".into())
    } else if dbfs < -40.0 {
        ("too_quiet", format!("too quiet: never above {dbfs:.0} dBFS"))
    } else {
        ("ok", "ok".into())
    }
}
