//! Samples to the bytes of a file, and back. No function here allocates once `out` has the capacity.

use super::Encoding;
use crate::{Error, ErrorKind, SampleFormat};

/// Replaces `out` by `samples` (nominally `-1.0..=1.0`) in `encoding`.
///
/// Integers: times 2^(bits-1), rounded to the nearest (ties to even), saturated; NaN becomes silence.
/// Floats are kept as they are, NaN and what is above full scale included.
pub fn encode_f32(samples: &[f32], encoding: Encoding, out: &mut Vec<u8>) {
    match encoding {
        Encoding::U8 => map(samples, out, |x| [quantise(x, 8) as u8 ^ 0x80]),
        Encoding::I16 => map(samples, out, |x| (quantise(x, 16) as i16).to_le_bytes()),
        Encoding::I24 => map(samples, out, |x| low_3(quantise(x, 24) as u32)),
        Encoding::I32 => map(samples, out, |x| quantise(x, 32).to_le_bytes()),
        Encoding::F32 => map(samples, out, f32::to_le_bytes),
        Encoding::F64 => map(samples, out, |x| f64::from(x).to_le_bytes()),
    }
}

/// Dither of triangular density, 2 LSB wide (RPDF + RPDF): what rounding to 16 bits adds becomes noise that has
/// nothing to do with the sound, 4.8 dB stronger than the error of rounding alone, and what is weaker than a step
/// survives. The same from run to run. (Lipshitz, Wannamaker, Vanderkooy: Quantization and Dither, JAES 40/5, 1992.)
#[derive(Debug)]
pub(crate) struct Dither {
    /// A Weyl sequence, mixed by [`next`](Self::next) (splitmix64).
    state: u64,
}

impl Dither {
    pub fn new() -> Self {
        Self { state: 0 }
    }

    /// [`encode_f32`] to I16 with dither; zeros get it as well, as a noise floor that comes and goes is heard.
    pub fn encode_i16(&mut self, samples: &[f32], out: &mut Vec<u8>) {
        map(samples, out, |x| {
            let dithered = x * 32_768.0 + self.next();
            // The cast saturates, and makes 0 of NaN.
            (dithered.round_ties_even() as i16).to_le_bytes()
        });
    }

    /// In LSB: `-1.0..1.0`, variance 1/6.
    fn next(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let mixed = mixed ^ (mixed >> 31);
        let uniform = |bits: u64| (bits & 0xFF_FFFF) as f32 / (1 << 24) as f32;
        uniform(mixed) - uniform(mixed >> 40)
    }
}

/// The encoding that keeps every bit of `format`.
///
/// I8, U16, U24 and U32 have none of their own; their sign bit is flipped, which can be undone.
///
/// # Errors
/// `UnsupportedFormat` for I64 and U64, which no WAV file holds.
pub fn native_encoding(format: SampleFormat) -> Result<Encoding, Error> {
    match format {
        SampleFormat::I8 | SampleFormat::U8 => Ok(Encoding::U8),
        SampleFormat::I16 | SampleFormat::U16 => Ok(Encoding::I16),
        SampleFormat::I24 | SampleFormat::U24 => Ok(Encoding::I24),
        SampleFormat::I32 | SampleFormat::U32 => Ok(Encoding::I32),
        SampleFormat::F32 => Ok(Encoding::F32),
        SampleFormat::F64 => Ok(Encoding::F64),
        SampleFormat::I64 | SampleFormat::U64 => Err(Error::new(
            ErrorKind::UnsupportedFormat,
            format!(
                "a WAV file cannot hold {format} samples bit for bit; \
                 open the device in another format, or write f32 or i24 instead of native samples"
            ),
        )),
    }
}

/// Replaces `out` by the device's samples in [`native_encoding`], bit for bit.
///
/// `native`: samples of `format` in the machine's byte order; a rest shorter than a sample is left out.
///
/// # Panics
/// For I64 and U64, which [`native_encoding`] refuses.
pub fn encode_native(format: SampleFormat, native: &[u8], out: &mut Vec<u8>) {
    match format {
        SampleFormat::U8 => swap_to_le::<1>(native, out),
        SampleFormat::I8 => map(native, out, |x| [x ^ 0x80]),
        SampleFormat::I16 => swap_to_le::<2>(native, out),
        SampleFormat::I32 | SampleFormat::F32 => swap_to_le::<4>(native, out),
        SampleFormat::F64 => swap_to_le::<8>(native, out),
        SampleFormat::U16 => {
            map(native.as_chunks().0, out, |x| (u16::from_ne_bytes(x) ^ 1 << 15).to_le_bytes());
        }
        SampleFormat::U32 => {
            map(native.as_chunks().0, out, |x| (u32::from_ne_bytes(x) ^ 1 << 31).to_le_bytes());
        }
        SampleFormat::I24 => map(native.as_chunks().0, out, |x| low_3(u32::from_ne_bytes(x))),
        SampleFormat::U24 => map(native.as_chunks().0, out, |x| low_3(u32::from_ne_bytes(x) ^ 1 << 23)),
        SampleFormat::I64 | SampleFormat::U64 => panic!("no WAV encoding keeps {format}"),
    }
}

/// Replaces `out` by the file's samples in [`Encoding::native`], in the machine's byte order.
pub(super) fn decode_native(encoding: Encoding, file: &[u8], out: &mut Vec<u8>) {
    match encoding {
        // Swapping bytes undoes itself.
        Encoding::U8 => swap_to_le::<1>(file, out),
        Encoding::I16 => swap_to_le::<2>(file, out),
        Encoding::I32 | Encoding::F32 => swap_to_le::<4>(file, out),
        Encoding::F64 => swap_to_le::<8>(file, out),
        // The shift right brings the sign with it.
        Encoding::I24 => map(file.as_chunks().0, out, |[a, b, c]: [u8; 3]| {
            (i32::from_le_bytes([0, a, b, c]) >> 8).to_ne_bytes()
        }),
    }
}

/// `x * 2^(bits-1)` is exact in f32: only the one rounding happens.
fn quantise(x: f32, bits: u32) -> i32 {
    let scale = 1_u32 << (bits - 1);
    let most = (scale - 1) as i32;
    // The cast saturates, and makes 0 of NaN.
    ((x * scale as f32).round_ties_even() as i32).clamp(-most - 1, most)
}

fn low_3(value: u32) -> [u8; 3] {
    let [a, b, c, _] = value.to_le_bytes();
    [a, b, c]
}

fn swap_to_le<const N: usize>(bytes: &[u8], out: &mut Vec<u8>) {
    map(bytes.as_chunks::<N>().0, out, |mut sample| {
        if cfg!(target_endian = "big") {
            sample.reverse();
        }
        sample
    });
}

/// Replaces `out` by `f` of each item.
fn map<T: Copy, const N: usize>(items: &[T], out: &mut Vec<u8>, mut f: impl FnMut(T) -> [u8; N]) {
    out.resize(items.len() * N, 0);
    for (bytes, &item) in out.as_chunks_mut().0.iter_mut().zip(items) {
        *bytes = f(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(samples: &[f32], encoding: Encoding) -> Vec<u8> {
        let mut out = vec![1, 2, 3];
        encode_f32(samples, encoding, &mut out);
        out
    }

    fn i16s(samples: &[f32]) -> Vec<i16> {
        encoded(samples, Encoding::I16).as_chunks().0.iter().map(|&x| i16::from_le_bytes(x)).collect()
    }

    #[test]
    fn integers_round_to_even_saturate_and_silence_nan() {
        let lsb = 1.0 / 32_768.0;
        let halves = [0.5 * lsb, 1.5 * lsb, -0.5 * lsb, -1.5 * lsb, 2.5 * lsb, 0.75 * lsb];
        assert_eq!(i16s(&halves), [0, 2, 0, -2, 2, 1]);
        let extremes = [1.0, -1.0, 7.0, -7.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1.0 - lsb];
        let (least, most) = (i16::MIN, i16::MAX);
        assert_eq!(i16s(&extremes), [most, least, most, least, most, least, 0, most]);
        assert_eq!(encoded(&[1.0, -1.0, f32::NAN], Encoding::I24), [255, 255, 127, 0, 0, 128, 0, 0, 0]);
        assert_eq!(encoded(&[1.0, -1.0], Encoding::I32), [255, 255, 255, 127, 0, 0, 0, 128]);
        assert_eq!(encoded(&[1.0, -1.0, f32::NAN], Encoding::U8), [255, 0, 128]);
    }

    fn dithered(samples: &[f32]) -> Vec<f64> {
        let mut out = Vec::new();
        Dither::new().encode_i16(samples, &mut out);
        out.as_chunks().0.iter().map(|&x| f64::from(i16::from_le_bytes(x))).collect()
    }

    #[test]
    fn dither_is_triangular_and_never_more_than_a_step() {
        let mut dither = Dither::new();
        let mut tenths = [0_u32; 20];
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..1_000_000 {
            let x = f64::from(dither.next());
            assert!((-1.0..1.0).contains(&x));
            tenths[((x + 1.0) * 10.0) as usize] += 1;
            (sum, squares) = (sum + x, squares + x * x);
        }
        assert!((sum / 1e6).abs() < 2e-3 && (squares / 1e6 - 1.0 / 6.0).abs() < 1e-3, "{sum} {squares}");
        for (n, &count) in tenths.iter().enumerate() {
            // The share of a triangle's slice: its middle height times its width.
            let share = (1.0 - ((n as f64 + 0.5) / 10.0 - 1.0).abs()) / 10.0;
            assert!((f64::from(count) / 1e6 - share).abs() < 2e-3, "{n}: {count} for {share}");
        }
    }

    #[test]
    fn dither_keeps_what_is_weaker_than_a_step_and_its_noise_does_not_follow_the_sound() {
        let lsb = 1.0 / 32_768.0;
        for level in [0.0, 0.2, 0.5, -0.3] {
            assert!(encoded(&[level * lsb], Encoding::I16) == [0, 0], "rounding alone loses it");
            let out = dithered(&vec![level * lsb; 200_000]);
            let mean = out.iter().sum::<f64>() / 2e5;
            let noise = out.iter().map(|x| (x - f64::from(level)).powi(2)).sum::<f64>() / 2e5;
            assert!((mean - f64::from(level)).abs() < 0.01, "{level}: {mean}");
            // 1/4 LSB^2, whatever the level: 1/6 of dither and 1/12 of rounding.
            assert!((noise - 0.25).abs() < 0.01, "{level}: {noise}");
        }
        assert_eq!(dithered(&[2.0, -2.0, f32::NAN]), [32_767.0, -32_768.0, 0.0]);
    }

    #[test]
    fn floats_are_kept_bit_for_bit() {
        let samples = [0.1, -3.5, f32::from_bits(0x7FC0_1234), f32::MIN_POSITIVE / 2.0];
        let bits: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(encoded(&samples, Encoding::F32), bits);
        assert_eq!(encoded(&[0.1], Encoding::F64), f64::from(0.1_f32).to_le_bytes());
    }

    #[test]
    fn a_flip_of_the_sign_bit_keeps_every_other_bit() {
        let mut out = Vec::new();
        encode_native(SampleFormat::I8, &[0x80, 0, 0x7F], &mut out);
        assert_eq!(out, [0, 0x80, 0xFF]);
        let native: Vec<u8> = [0_u16, 0x8000, 0xFFFF].iter().flat_map(|x| x.to_ne_bytes()).collect();
        encode_native(SampleFormat::U16, &native, &mut out);
        assert_eq!(out, [0, 0x80, 0, 0, 0xFF, 0x7F]);
        let native: Vec<u8> = [0_u32, 1 << 23, 0xFF_FFFF].iter().flat_map(|x| x.to_ne_bytes()).collect();
        encode_native(SampleFormat::U24, &native, &mut out);
        assert_eq!(out, [0, 0, 0x80, 0, 0, 0, 0xFF, 0xFF, 0x7F]);
        let native: Vec<u8> = [0_u32, 1 << 31, u32::MAX].iter().flat_map(|x| x.to_ne_bytes()).collect();
        encode_native(SampleFormat::U32, &native, &mut out);
        assert_eq!(out, [0, 0, 0, 0x80, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F]);
    }

    #[test]
    fn what_no_file_can_hold_is_refused_with_advice() {
        for format in SampleFormat::ALL {
            let encoding = native_encoding(format);
            match format {
                SampleFormat::I64 | SampleFormat::U64 => {
                    let error = encoding.expect_err("64-bit integers");
                    assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
                    assert!(error.to_string().contains(format.name()), "{error}");
                    assert!(error.to_string().contains("another format"), "{error}");
                }
                _ => assert!(encoding.is_ok(), "{format}"),
            }
        }
    }
}
