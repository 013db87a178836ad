//! A device whose rate is not what it says.

use crate::timeline::clock::Clock;

/// Rates that devices have, in frames per second.
const STANDARD_HZ: [u32; 13] = [
    8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000, 384_000,
];
/// A crystal is never so far off, in parts per million.
const LIE_PPM: f64 = 10_000.0;
/// How near a standard rate must be to be meant, as a part of it.
const NEAR: f64 = 0.01;
const LIE_BASELINE: f64 = 0.2;
/// Later than this, what a capture time may be off by counts: as a part of the time that the stamps have been seen, or of
/// what the rate is off by.
const LIE_QUICK: f64 = 0.5;
const LIE_OPEN: f64 = 0.05;
const LIE_OPEN_OF_DRIFT: f64 = 0.2;
const LIE_LOOKS: u32 = 3;

/// Notices a device whose rate is not what it says.
#[derive(Debug)]
pub struct RateLie {
    labelled: f64,
    looks: u32,
}

impl RateLie {
    pub fn new(rate_hz: u32) -> Self {
        Self { labelled: f64::from(rate_hz), looks: 0 }
    }

    /// After each block, which ends at `end`: the standard rate that the device runs at if that is another one, by more
    /// than 1 %.
    pub fn look(&mut self, clock: &Clock, end: f64) -> Option<u32> {
        let seconds = clock.baseline_seconds();
        // A device that was silent at first looks slow for seconds, while its stamps leave much open.
        let drift = (1.0 / (1.0 + clock.ppm() * 1e-6) - 1.0).abs();
        let open = clock.time_of(end).bound_ns * 1e-9 / seconds;
        let is_known = seconds < LIE_QUICK || open < f64::max(LIE_OPEN, LIE_OPEN_OF_DRIFT * drift);
        let is_off = seconds >= LIE_BASELINE && is_known && clock.ppm().abs() > LIE_PPM;
        self.looks = if is_off { self.looks + 1 } else { 0 };
        let rate = self.labelled * (1.0 + clock.ppm() * 1e-6);
        let off = |standard: u32| (f64::from(standard) / rate - 1.0).abs();
        let nearest = STANDARD_HZ.into_iter().min_by(|a, b| off(*a).total_cmp(&off(*b)))?;
        let is_another = f64::from(nearest) != self.labelled;
        (self.looks >= LIE_LOOKS && off(nearest) < NEAR && is_another).then_some(nearest)
    }
}
