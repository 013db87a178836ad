//! Stamps whose noise goes both ways: a loop of second order follows them, fast at first and then slowly.
//!
//! Adriaensen, "Using a DLL to filter time" (2005), with a bandwidth that shrinks.

use super::hull::{Line, WANDER};
use std::f64::consts::{SQRT_2, TAU};

const FIRST_HZ: f64 = 1.0;
const LAST_HZ: f64 = 0.03;
/// How fast the bandwidth shrinks, in seconds.
const SHRINK: f64 = 2.2;
/// Noise farther out than so many sigmas is no noise.
pub const OUTLIER: f64 = 6.0;

/// A device's own noise is less, in nanoseconds.
const PATTERN_NS: f64 = 0.3e6;

/// The loop.
#[derive(Debug)]
pub struct Lock {
    pub line: Line,
    bandwidth_hz: f64,
    /// Spread of the noise, in nanoseconds.
    pub sigma: f64,
    /// Steps so far.
    steps: u32,
    /// What is left of the start, in nanoseconds.
    transient: f64,
    /// Gain of the last step.
    omega: f64,
}

impl Lock {
    pub fn new() -> Self {
        Self {
            line: Line::default(),
            bandwidth_hz: FIRST_HZ,
            sigma: 0.0,
            steps: 0,
            transient: 100e3,
            omega: 0.0,
        }
    }

    #[inline]
    pub fn push(&mut self, x: f64, d: f64) {
        if self.steps == 0 {
            self.line = Line { x, d, slope: self.line.slope };
            self.steps = 1;
            return;
        }
        let dt = x - self.line.x;
        if dt <= 0.0 {
            return;
        }
        let predicted = self.line.at(x);
        let error = d - predicted;
        self.steps = self.steps.saturating_add(1);
        // The first hundred steps are an average, which then forgets.
        let weight = (1.0 / f64::from(self.steps)).max(0.01);
        let most = if self.steps < 50 { f64::INFINITY } else { 1.5 * OUTLIER * self.sigma + 1e3 };
        // Mean deviation to standard deviation of a normal distribution.
        self.sigma += weight * (1.2533 * error.abs().min(most) - self.sigma);
        let shrink = (dt / SHRINK).min(1.0);
        self.bandwidth_hz += (LAST_HZ - self.bandwidth_hz) * shrink;
        let omega = (TAU * self.bandwidth_hz * dt).min(0.5);
        self.transient *= 1.0 - omega;
        self.omega = omega;
        if self.steps > 50 && error.abs() > OUTLIER * self.sigma + 1e3 {
            self.line = Line { x, d: predicted, slope: self.line.slope };
            return;
        }
        self.line = Line {
            x,
            d: predicted + SQRT_2 * omega * error,
            slope: self.line.slope + omega * omega / dt * error,
        };
    }

    /// How far the truth may be from the line at `x`, either way: five sigmas of the loop's own noise.
    pub fn bound(&self, x: f64) -> f64 {
        let rate = self.bandwidth_hz * TAU;
        let noise = 1.1 * self.sigma * self.omega.sqrt();
        let lag = WANDER / (rate * rate);
        // Noise that large is no noise but a pattern, and does not average out.
        let pattern = if self.sigma > PATTERN_NS { 3.0 * self.sigma } else { 0.0 };
        5.0 * noise * (1.0 + rate * (x - self.line.x).abs()) + lag + pattern + self.transient + 500.0
    }
}
