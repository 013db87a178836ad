//! Native bytes become f32.

use crate::SampleFormat;

/// Largest magnitude that a float sample keeps: 2^32.
///
/// Far above full scale, so a driver that scales its floats like 16- or 32-bit integers stays audible
/// and measurable; far enough below f32's 2^128 that neither the sums of a resampler's longest
/// transform (2^17 terms) nor the squares of a meter can overflow.
pub const FLOAT_LIMIT: f32 = 4_294_967_296.0;

/// Decodes `bytes`, interleaved samples of `format` in the machine's byte order, into `samples`.
///
/// Integers are scaled by 2^-(bits-1), unsigned ones after their midpoint was subtracted, so the range is
/// `-1.0..1.0` (rounding takes the top of the 32- and 64-bit formats to 1.0). Of the 24-bit formats'
/// containers only the low 24 bits count. Floats pass as they are, except NaN, infinities and magnitudes
/// above [`FLOAT_LIMIT`], which become 0.0: one of them would silence a resampler for good.
/// Returns how many samples were repaired so.
///
/// Allocates nothing. Fastest on bytes aligned to their sample, right on any.
///
/// # Panics
/// When `samples` is not exactly as long as the samples in `bytes`.
pub fn decode(format: SampleFormat, bytes: &[u8], samples: &mut [f32]) -> usize {
    assert_eq!(bytes.len(), samples.len() * format.bytes(), "one f32 per native sample");
    match format {
        SampleFormat::I8 => convert(bytes, samples, i8::from_ne_bytes, |x| f32::from(x) * STEP_8),
        SampleFormat::I16 => convert(bytes, samples, i16::from_ne_bytes, |x| f32::from(x) * STEP_16),
        SampleFormat::I24 => convert(bytes, samples, i32::from_ne_bytes, |x| (x << 8) as f32 * STEP_32),
        SampleFormat::I32 => convert(bytes, samples, i32::from_ne_bytes, |x| x as f32 * STEP_32),
        SampleFormat::I64 => convert(bytes, samples, i64::from_ne_bytes, |x| x as f32 * STEP_64),
        // Flipping the top bit subtracts the midpoint without a wider type.
        SampleFormat::U8 => {
            convert(bytes, samples, u8::from_ne_bytes, |x| f32::from((x ^ 1 << 7) as i8) * STEP_8)
        }
        SampleFormat::U16 => {
            convert(bytes, samples, u16::from_ne_bytes, |x| f32::from((x ^ 1 << 15) as i16) * STEP_16)
        }
        SampleFormat::U24 => {
            convert(bytes, samples, u32::from_ne_bytes, |x| ((x << 8) ^ 1 << 31) as i32 as f32 * STEP_32)
        }
        SampleFormat::U32 => {
            convert(bytes, samples, u32::from_ne_bytes, |x| (x ^ 1 << 31) as i32 as f32 * STEP_32)
        }
        SampleFormat::U64 => {
            convert(bytes, samples, u64::from_ne_bytes, |x| (x ^ 1 << 63) as i64 as f32 * STEP_64)
        }
        SampleFormat::F32 => {
            convert(bytes, samples, f32::from_ne_bytes, |x| x);
            return repair(samples);
        }
        // An f64 beyond f32's range becomes an infinity and is repaired as one.
        SampleFormat::F64 => {
            convert(bytes, samples, f64::from_ne_bytes, |x| x as f32);
            return repair(samples);
        }
    }
    0
}

/// [`decode`] without the copy where there is nothing to change: `bytes` themselves if they are sound f32, otherwise
/// `scratch`, decoded, which grows where it is too small: for sound f32 it takes no memory. And how many samples were
/// repaired.
///
/// # Panics
/// When `bytes` are not whole samples.
pub fn samples<'a>(format: SampleFormat, bytes: &'a [u8], scratch: &'a mut Vec<f32>) -> (&'a [f32], usize) {
    if format == SampleFormat::F32
        && let Ok(native) = bytemuck::try_cast_slice(bytes)
        && is_sound(native)
    {
        return (native, 0);
    }
    scratch.resize(bytes.len() / format.bytes(), 0.0);
    let repaired = decode(format, bytes, scratch);
    (scratch, repaired)
}

/// Whether certainly no sample needs repair: the sum of squares is a number and no more than the square of the
/// limit, so no term can be. In lanes, so that it vectorises.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn is_sound(samples: &[f32]) -> bool {
    let mut lanes = [0.0_f32; 16];
    let (chunks, rest) = samples.as_chunks::<16>();
    for chunk in chunks {
        for (lane, sample) in lanes.iter_mut().zip(chunk) {
            *lane += sample * sample;
        }
    }
    let squares: f32 = lanes.iter().sum::<f32>() + rest.iter().map(|sample| sample * sample).sum::<f32>();
    squares <= FLOAT_LIMIT * FLOAT_LIMIT
}

// Powers of two: multiplying by them rounds nothing.
const STEP_8: f32 = 1.0 / (1_u64 << 7) as f32;
const STEP_16: f32 = 1.0 / (1_u64 << 15) as f32;
const STEP_32: f32 = 1.0 / (1_u64 << 31) as f32;
const STEP_64: f32 = 1.0 / (1_u64 << 63) as f32;

#[inline]
fn convert<T: bytemuck::AnyBitPattern, const N: usize>(
    bytes: &[u8],
    samples: &mut [f32],
    read: fn([u8; N]) -> T,
    value: impl Fn(T) -> f32,
) {
    match bytemuck::try_cast_slice::<u8, T>(bytes) {
        Ok(native) => samples.iter_mut().zip(native).for_each(|(sample, &x)| *sample = value(x)),
        Err(_) => {
            let (native, _) = bytes.as_chunks::<N>();
            samples.iter_mut().zip(native).for_each(|(sample, &x)| *sample = value(read(x)));
        }
    }
}

fn repair(samples: &mut [f32]) -> usize {
    let mut repaired = 0;
    // A u32 count per piece, so that it keeps to the lanes of the samples.
    for piece in samples.chunks_mut(4096) {
        let mut bad = 0_u32;
        for sample in piece {
            // False for NaN as well.
            let good = sample.abs() <= FLOAT_LIMIT;
            bad += u32::from(!good);
            *sample = if good { *sample } else { 0.0 };
        }
        repaired += bad as usize;
    }
    repaired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_floats_are_not_copied_and_unsound_ones_are_repaired() {
        let mut scratch = Vec::new();
        let mut native: [f32; 37] = std::array::from_fn(|index| index as f32 / 37.0);
        for strange in [f32::NAN, f32::INFINITY, -2.0 * FLOAT_LIMIT] {
            for index in [0, 15, 16, 36] {
                let bytes: &[u8] = bytemuck::cast_slice(&native);
                let (sound, repaired) = samples(SampleFormat::F32, bytes, &mut scratch);
                assert!(std::ptr::eq(sound.as_ptr(), native.as_ptr()) && repaired == 0);
                let kept = std::mem::replace(&mut native[index], strange);
                let bytes: &[u8] = bytemuck::cast_slice(&native);
                let (mended, repaired) = samples(SampleFormat::F32, bytes, &mut scratch);
                assert_eq!((mended[index], repaired), (0.0, 1), "{strange} at {index}");
                native[index] = kept;
            }
        }
        let loud = [FLOAT_LIMIT; 4];
        let bytes: &[u8] = bytemuck::cast_slice(&loud);
        assert_eq!(
            samples(SampleFormat::F32, bytes, &mut scratch),
            (&loud[..], 0),
            "the limit itself is kept"
        );
    }

    fn decoded<T: bytemuck::NoUninit>(format: SampleFormat, native: &[T]) -> Vec<f32> {
        let bytes: &[u8] = bytemuck::cast_slice(native);
        let mut samples = vec![f32::NAN; native.len()];
        assert_eq!(decode(format, bytes, &mut samples), 0);
        // The same bytes off their alignment: the general path.
        let mut shifted = vec![0];
        shifted.extend_from_slice(bytes);
        let mut again = vec![f32::NAN; native.len()];
        decode(format, &shifted[1..], &mut again);
        assert_eq!(samples, again);
        samples
    }

    #[test]
    fn full_scale_silence_and_the_last_bit_of_every_integer_format() {
        use SampleFormat::*;
        let bit = |bits: i32| 2_f32.powi(1 - bits);
        assert_eq!(decoded(I8, &[i8::MIN, 0, 1, i8::MAX]), [-1.0, 0.0, bit(8), 1.0 - bit(8)]);
        assert_eq!(decoded(I16, &[i16::MIN, 0, 1, i16::MAX]), [-1.0, 0.0, bit(16), 1.0 - bit(16)]);
        assert_eq!(decoded(I24, &[-1 << 23, 0, 1, (1 << 23) - 1]), [-1.0, 0.0, bit(24), 1.0 - bit(24)]);
        assert_eq!(decoded(I32, &[i32::MIN, 0, 1, i32::MAX]), [-1.0, 0.0, bit(32), 1.0]);
        assert_eq!(decoded(I64, &[i64::MIN, 0, 1, i64::MAX]), [-1.0, 0.0, bit(64), 1.0]);
        assert_eq!(decoded(U8, &[0_u8, 128, 129, 255]), [-1.0, 0.0, bit(8), 1.0 - bit(8)]);
        assert_eq!(decoded(U16, &[0_u16, 1 << 15, (1 << 15) + 1]), [-1.0, 0.0, bit(16)]);
        assert_eq!(decoded(U24, &[0_u32, 1 << 23, (1 << 23) + 1]), [-1.0, 0.0, bit(24)]);
        assert_eq!(decoded(U32, &[0_u32, 1 << 31, (1 << 31) + 1]), [-1.0, 0.0, bit(32)]);
        assert_eq!(decoded(U64, &[0_u64, 1 << 63, (1 << 63) + 1]), [-1.0, 0.0, bit(64)]);
    }

    #[test]
    fn floats_pass_unless_they_would_poison_a_transform() {
        assert_eq!(decoded(SampleFormat::F32, &[-1.5_f32, 0.25, FLOAT_LIMIT]), [-1.5, 0.25, FLOAT_LIMIT]);
        assert_eq!(decoded(SampleFormat::F64, &[-1.5_f64, 0.1]), [-1.5, 0.1]);
        let mut samples = [1.0; 5];
        let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1e10, 0.5];
        assert_eq!(decode(SampleFormat::F32, bytemuck::cast_slice(&bad), &mut samples), 4);
        assert_eq!(samples, [0.0, 0.0, 0.0, 0.0, 0.5]);
        let bad = [f64::NAN, 1e300, -1e10, 0.5, f64::MIN_POSITIVE];
        assert_eq!(decode(SampleFormat::F64, bytemuck::cast_slice(&bad), &mut samples), 3);
        assert_eq!(samples, [0.0, 0.0, 0.0, 0.5, 0.0]);
    }
}
