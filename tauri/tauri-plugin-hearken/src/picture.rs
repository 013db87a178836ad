//! The newest picture as bytes, for a page that asks 30 times a second: JSON would cost it several times as much.

use crate::models::State;
use hearken::Picture;

/// What stands in front of the engine's own bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub state: State,
    pub muted: bool,
    /// The device is needed, and there is none.
    pub away: bool,
    /// A device is open.
    pub open: bool,
    pub elapsed_ms: u64,
    /// Frames that are missing, whoever lost them.
    pub missing: u64,
}

/// The layout, little-endian; `decodePicture` of `guest-js/picture.ts` is its other end.
///
/// | at | type | what |
/// |---|---|---|
/// | 0 | u8 | version, 1 |
/// | 1 | u8 | state: 0 closed, 1 open, 2 recording, 3 paused |
/// | 2 | u8 | bits: 1 muted, 2 the device is away, 4 a device is open |
/// | 3 | u8 | 0 |
/// | 4 | u32 | elapsed time of the take, ms |
/// | 8 | f64 | frames missing since the capture was made |
/// | 16 | 896 bytes | the engine's own, [`Picture::to_bytes`] |
pub(crate) fn pack(figures: &Figures, picture: &Picture) -> Vec<u8> {
    let state = match figures.state {
        State::Closed => 0,
        State::Open => 1,
        State::Recording => 2,
        State::Paused => 3,
    };
    let bits = u8::from(figures.muted) | u8::from(figures.away) << 1 | u8::from(figures.open) << 2;
    let mut bytes = Vec::with_capacity(16 + Picture::BYTES);
    bytes.extend([1, state, bits, 0]);
    bytes.extend(u32::try_from(figures.elapsed_ms).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend((figures.missing as f64).to_le_bytes());
    bytes.extend(picture.to_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearken::{Level, SoundVerdict};

    #[test]
    fn the_page_decodes_what_is_packed_here() {
        let mut picture = Picture::default();
        (picture.sequence, picture.channels, picture.column) = (70_000, 2, 1);
        picture.verdict = SoundVerdict::TooQuiet { peak: 0.001 };
        (picture.columns[127].min, picture.columns[127].max, picture.columns[127].flags) =
            (-32_767, 32_767, 9);
        (picture.held[0], picture.held[1]) = (0.5, 1.0);
        picture.levels[0] = Level { peak: 0.5, rms: 0.25 };
        picture.levels[1] = Level { peak: 1.0, rms: 0.125 };
        let figures = Figures {
            state: State::Recording,
            muted: true,
            away: false,
            open: true,
            elapsed_ms: 1234,
            missing: 5_000_000_000,
        };
        let bytes = pack(&figures, &picture);
        assert!(bytes.len() < 1024, "{} bytes", bytes.len());
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        // The bindings' own test reads the same file.
        crate::drift::check("guest-js/test/picture.hex", &(hex + "\n"));
    }
}
