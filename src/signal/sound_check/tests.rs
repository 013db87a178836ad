use super::*;

const RATE: u64 = 16_000;

/// A take under construction: mono or stereo, fed in odd pieces.
struct Take {
    check: SoundCheck,
    channels: usize,
    noise: u32,
}

impl Take {
    fn new(channels: usize) -> Self {
        Self { check: SoundCheck::new(RATE as u32, channels), channels, noise: 1 }
    }

    fn feed(&mut self, ms: u64, mut frame: impl FnMut(u64, f32) -> [f32; 2]) -> &mut Self {
        let frames = RATE * ms / 1000;
        let mut samples = Vec::new();
        for i in 0..frames {
            self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (self.noise >> 8) as f32 / (1 << 23) as f32 - 1.0;
            samples.extend_from_slice(&frame(i, noise)[..self.channels]);
        }
        samples.chunks(self.channels * 977).for_each(|piece| self.check.audio(piece));
        self
    }

    /// White noise that peaks at `peak`.
    fn noise(&mut self, ms: u64, peak: f32) -> &mut Self {
        self.feed(ms, |_, noise| [peak * noise; 2])
    }

    fn zeros(&mut self, ms: u64) -> &mut Self {
        self.feed(ms, |_, _| [0.0; 2])
    }

    fn live(&self) -> &'static str {
        self.check.live().name()
    }

    fn names(&mut self) -> Vec<&'static str> {
        self.check.verdicts().iter().map(SoundVerdict::name).collect()
    }
}

#[test]
fn silence_from_the_start_is_told_at_300_ms_and_given_up_at_3_s_or_the_end() {
    let mut take = Take::new(1);
    assert_eq!(take.zeros(290).live(), "ok");
    assert_eq!(take.zeros(10).live(), "no_signal_yet");
    assert_eq!(take.names(), ["never_had_signal"]);
    assert_eq!(take.zeros(2_690).live(), "no_signal_yet");
    assert_eq!(take.zeros(10).live(), "never_had_signal");
    assert_eq!(take.check.live(), SoundVerdict::NeverHadSignal { frames: 3 * RATE });
    // A headset that wakes up, and nothing that was said is held against it.
    let mut take = Take::new(1);
    assert_eq!(take.zeros(700).noise(1_000, 0.1).live(), "ok");
    assert_eq!(take.names(), ["ok"]);
    // A converter that hangs at an offset is as silent, and a take without a frame is not.
    assert_eq!(Take::new(2).feed(3_000, |_, _| [0.25, -0.5]).names(), ["never_had_signal"]);
    assert_eq!(Take::new(1).names(), [""; 0]);
}

#[test]
fn exact_silence_after_a_signal_is_told_after_3_s_and_not_of_what_is_only_quiet() {
    let mut take = Take::new(1);
    assert_eq!(take.noise(1_000, 0.1).zeros(2_900).live(), "ok");
    assert_eq!(take.zeros(100).live(), "went_silent");
    assert_eq!(take.zeros(1_000).live(), "went_silent");
    let gone = |frames, returned| SoundVerdict::WentSilent { position: RATE, frames, returned };
    assert_eq!(take.check.verdicts(), [gone(4 * RATE, false)]);
    assert_eq!(take.noise(1_000, 0.1).live(), "ok");
    assert_eq!(take.check.verdicts(), [gone(4 * RATE, true)]);
    // Pauses that are short, and a gap within one, which does not hide it.
    assert_eq!(Take::new(1).noise(500, 0.1).zeros(2_900).noise(500, 0.1).names(), ["ok"]);
    let mut take = Take::new(1);
    take.noise(1_000, 0.1).zeros(1_500).check.missing(16);
    assert_eq!(take.zeros(1_600).check.live(), gone(31 * RATE / 10, false));
    assert_eq!(Take::new(1).noise(1_000, 0.1).noise(9_000, 0.004).live(), "ok");
}

/// The published extremes, in shapes that microphones have: none is taken for the other.
#[test]
fn a_muted_analogue_input_is_told_from_a_quiet_live_room() {
    let (mut muted, mut rooms) = (0, 0);
    for seed in 0..10_u32 {
        for shape in 0..4 {
            let sound = |take: &mut Take, peak: f32| {
                take.noise = 1 + seed * 7_919;
                take.feed(4_000, |i, noise| {
                    let turn =
                        |hz: f32| (std::f32::consts::TAU * hz * i as f32 / RATE as f32 + seed as f32).sin();
                    let x = match shape {
                        0 => noise,
                        // Hum; rumble of 1 Hz, slower than a window; and noise on an offset.
                        1 => 0.9 * turn(50.0) + 0.1 * noise,
                        2 => 0.9 * turn(1.0) + 0.1 * noise,
                        _ => return [peak * noise + 0.01; 2],
                    };
                    [peak * x; 2]
                });
            };
            for peak in [0.000_1, 0.000_5, 0.001] {
                let mut take = Take::new(1);
                sound(&mut take, peak);
                assert_eq!(
                    (take.live(), &take.names()[..]),
                    ("below_noise_floor", &["below_noise_floor"][..])
                );
                muted += 1;
            }
            for peak in [0.004_2, 0.017, 0.093] {
                let mut take = Take::new(1);
                sound(&mut take, peak);
                let names = take.names();
                assert_eq!(take.live(), "ok", "shape {shape}, {peak}");
                // A slow rumble swings less within a window than it peaks.
                let quiet = peak < TOO_QUIET || shape == 2;
                assert!(names == ["ok"] || quiet && names == ["too_quiet"], "{names:?} at {peak}");
                rooms += 1;
            }
        }
    }
    println!("{muted} muted inputs and {rooms} live rooms, no error");
}

#[test]
fn a_switch_on_the_microphone_is_seen_within_3_s_and_so_is_its_release() {
    let mut take = Take::new(1);
    assert_eq!(take.noise(5_000, 0.1).noise(2_900, 0.000_8).live(), "ok");
    assert_eq!(take.noise(200, 0.000_8).live(), "below_noise_floor");
    assert!(matches!(take.check.live(), SoundVerdict::BelowNoiseFloor { peak } if peak < 0.001));
    assert_eq!(take.noise(100, 0.1).live(), "ok");
}

#[test]
fn too_quiet_is_a_take_that_never_reaches_minus_40_dbfs() {
    assert_eq!(Take::new(1).noise(2_000, 0.009).names(), ["too_quiet"]);
    assert_eq!(Take::new(1).noise(2_000, 0.009).noise(100, 0.012).names(), ["ok"]);
    // Before anybody had a chance to speak, nothing is said.
    assert_eq!(Take::new(1).noise(200, 0.009).names(), ["ok"]);
    let mut take = Take::new(1);
    assert_eq!(take.noise(9_900, 0.009).live(), "ok");
    assert_eq!(take.noise(100, 0.009).live(), "too_quiet");
    assert_eq!(take.noise(100, 0.1).live(), "ok");
}

#[test]
fn clipping_counts_runs_and_forgives_single_samples_at_full_scale() {
    // Every hundredth sample touches full scale, alone: a normalised recording.
    let touching = |i: u64, noise: f32| [if i.is_multiple_of(100) { 1.0 } else { 0.5 * noise }; 2];
    assert_eq!(Take::new(1).feed(2_000, touching).names(), ["ok"]);
    // Three samples in 2 s are below 0.01 %, six are not; live both are told, for 3 s.
    let burst = |count| move |i: u64, noise: f32| [0.5 * noise, if i < count { -1.0 } else { 0.5 * noise }];
    let mut take = Take::new(2);
    assert_eq!(take.feed(2_000, burst(3)).live(), "clipped");
    assert_eq!(take.names(), ["ok"]);
    assert_eq!(take.noise(1_100, 0.5).live(), "ok");
    let mut take = Take::new(2);
    let ought = SoundVerdict::Clipped { channel: 1, events: 1, samples: 6 };
    assert_eq!(take.feed(2_000, burst(6)).check.verdicts(), [ought]);
    // In a long take the share is small, and eleven are too many all the same.
    let mut take = Take::new(2);
    for _ in 0..11 {
        take.feed(4_000, burst(3));
    }
    assert_eq!(take.check.verdicts(), [SoundVerdict::Clipped { channel: 1, events: 11, samples: 33 }]);
}

#[test]
fn one_channel_alone_is_told_with_its_number() {
    let mut take = Take::new(2);
    assert_eq!(take.feed(3_000, |_, noise| [0.0, 0.2 * noise]).live(), "one_channel_only");
    let verdicts = take.check.verdicts();
    assert_eq!(verdicts, [SoundVerdict::OneChannelOnly { channel: 1, others: 0.0 }]);
    // 47 dB below counts as nothing, 34 does not; nor does a pause take it back.
    let mut take = Take::new(2);
    take.feed(3_000, |_, noise| [0.9 * noise, 0.004 * noise]).noise(3_000, 0.003);
    assert_eq!((take.live(), &take.names()[..]), ("one_channel_only", &["one_channel_only"][..]));
    assert_eq!(Take::new(2).feed(3_000, |_, noise| [0.2 * noise, 0.004 * noise]).names(), ["ok"]);
    assert_eq!(take.noise(100, 0.1).live(), "ok");
    assert_eq!(Take::new(1).noise(3_000, 0.1).names(), ["ok"]);
}

#[test]
fn what_is_missing_or_lost_or_at_another_rate_is_told_and_sorted() {
    let mut take = Take::new(1);
    take.noise(10_000, 0.1).check.missing(RATE / 100);
    assert_eq!((take.live(), take.names()), ("ok", vec!["ok"]), "10 ms in 10 s are 0.1 % and no more");
    take.check.missing(RATE / 10);
    assert_eq!(take.live(), "lossy");
    take.check.measured(16_150.0);
    assert_eq!(take.live(), "lossy");
    take.check.measured(14_700.0);
    take.check.device_lost();
    take.check.device_lost();
    assert_eq!(take.check.live(), SoundVerdict::DeviceLost { times: 1, recovered: false });
    take.check.device_recovered(RATE as u32, 1);
    assert_eq!(take.noise(1_000, 0.1).live(), "lossy", "the other device's rate is its own");
    take.check.measured(14_700.0);
    assert_eq!(take.live(), "rate_mismatch");
    take.check.muted(RATE);
    assert_eq!(take.names(), ["device_lost", "rate_mismatch", "lossy", "muted"]);
    let severities: Vec<u8> = take.check.verdicts().iter().map(SoundVerdict::severity).collect();
    assert!(severities.is_sorted_by(|a, b| a > b), "{severities:?}");
}

#[test]
fn what_was_muted_on_purpose_is_muted_and_not_silent() {
    let mut take = Take::new(1);
    take.noise(1_000, 0.1).check.muted(60 * RATE);
    assert_eq!(take.check.live(), SoundVerdict::Muted { frames: 60 * RATE });
    assert_eq!(take.noise(1_000, 0.1).live(), "ok");
    assert_eq!(take.check.verdicts(), [SoundVerdict::Muted { frames: 60 * RATE }]);
    let mut take = Take::new(1);
    take.check.muted(60 * RATE);
    assert_eq!(take.names(), ["muted"]);
    // A silence is not counted across it.
    let mut take = Take::new(1);
    take.noise(1_000, 0.1).zeros(2_000).check.muted(RATE);
    assert_eq!(take.zeros(2_000).live(), "ok");
}

#[test]
fn another_device_in_another_format_is_judged_by_its_own() {
    let mut take = Take::new(1);
    take.feed(2_000, |i, noise| [if i < 20 { 1.0 } else { 0.5 * noise }; 2]).check.device_lost();
    take.check.device_recovered(2 * RATE as u32, 2);
    take.channels = 2;
    // Twice the rate: what lasts 6 s by the old one lasts 3.
    assert_eq!(take.feed(5_800, |_, noise| [0.0, 0.2 * noise]).live(), "ok");
    assert_eq!(take.feed(200, |_, noise| [0.0, 0.2 * noise]).live(), "one_channel_only");
    let clipped = SoundVerdict::Clipped { channel: 0, events: 1, samples: 20 };
    assert!(take.check.verdicts().contains(&clipped), "what was found before is kept");
}
