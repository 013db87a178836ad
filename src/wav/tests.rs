//! The promises of writer and reader together, and against another implementation.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::encode::decode_native;
use super::reader::{Refusal, parse};
use super::{Encoding, WavFormat, WavReader, WavWriter, open};
use crate::ErrorKind;

fn temp() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("take.wav");
    (dir, path)
}

fn format(encoding: Encoding, channels: u16) -> WavFormat {
    WavFormat { rate_hz: 48_000, channels, encoding }
}

/// Any bytes are samples; these differ everywhere.
fn some_bytes(len: usize) -> Vec<u8> {
    (0..len as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// All frames of a file in native bytes, read in odd portions.
fn read_all(path: &Path) -> (WavReader, Vec<u8>) {
    let mut reader = WavReader::open(path).expect("a readable file");
    let (mut all, mut part, mut frames) = (Vec::new(), Vec::new(), 0);
    loop {
        let got = reader.read(&mut part, 77).expect("readable frames");
        assert_eq!(part.len(), got * reader.format().frame_bytes());
        if got == 0 {
            break;
        }
        frames += got as u64;
        all.extend_from_slice(&part);
    }
    assert_eq!(frames, reader.frames());
    (reader, all)
}

fn native(encoding: Encoding, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    decode_native(encoding, bytes, &mut out);
    out
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

#[test]
fn every_encoding_comes_back_bit_for_bit() {
    for encoding in Encoding::ALL {
        for channels in [1, 2, 5] {
            let format = format(encoding, channels);
            for frames in [0, 1, 2, 999] {
                let (_dir, path) = temp();
                let bytes = some_bytes(frames * format.frame_bytes());
                let mut writer = WavWriter::create(&path, format).expect("a new file");
                for part in bytes.chunks(400 * format.frame_bytes()) {
                    writer.write(part).expect("room");
                }
                assert_eq!(writer.finish().expect("an end"), frames as u64);
                let (reader, back) = read_all(&path);
                assert_eq!(reader.format(), format.native());
                assert_eq!(reader.encoding(), encoding);
                assert_eq!(back, native(encoding, &bytes), "{encoding}, {channels} channels");
                let file = fs::read(&path).expect("the file");
                assert_eq!(file.len() % 2, 0, "odd data is padded");
                assert_eq!(u32_at(&file, 4) as usize, file.len() - 8, "the pad byte counts");
            }
        }
    }
}

#[test]
fn hound_reads_what_we_write() {
    for encoding in [Encoding::U8, Encoding::I16, Encoding::I24, Encoding::I32, Encoding::F32] {
        for channels in [1, 2, 5] {
            let (_dir, path) = temp();
            let format = format(encoding, channels);
            let mut bytes = some_bytes(101 * format.frame_bytes());
            if encoding == Encoding::F32 {
                bytes.chunks_mut(4).for_each(|sample| sample[3] &= 0x3F); // No NaN, to compare them.
            }
            let mut writer = WavWriter::create(&path, format).expect("a new file");
            writer.write(&bytes).expect("room");
            drop(writer);
            let mut reader = hound::WavReader::open(&path).expect("hound opens it");
            let spec = reader.spec();
            assert_eq!((spec.channels, spec.sample_rate), (channels, 48_000));
            assert_eq!(usize::from(spec.bits_per_sample), encoding.bytes() * 8);
            let back = native(encoding, &bytes);
            if encoding == Encoding::F32 {
                let theirs: Vec<f32> = reader.samples().map(|x| x.expect("a sample")).collect();
                let ours: Vec<f32> = back.as_chunks().0.iter().map(|&x| f32::from_ne_bytes(x)).collect();
                assert_eq!(ours, theirs);
            } else {
                let theirs: Vec<i32> = reader.samples().map(|x| x.expect("a sample")).collect();
                let ours: Vec<i32> = match encoding {
                    Encoding::U8 => back.iter().map(|&x| i32::from(x) - 128).collect(),
                    Encoding::I16 => {
                        back.as_chunks().0.iter().map(|&x| i16::from_ne_bytes(x).into()).collect()
                    }
                    _ => back.as_chunks().0.iter().map(|&x| i32::from_ne_bytes(x)).collect(),
                };
                assert_eq!(ours, theirs, "{encoding}");
            }
        }
    }
}

#[test]
fn we_read_what_hound_writes() {
    for encoding in [Encoding::U8, Encoding::I16, Encoding::I24, Encoding::I32, Encoding::F32] {
        let (_dir, path) = temp();
        let sample_format =
            if encoding.is_float() { hound::SampleFormat::Float } else { hound::SampleFormat::Int };
        let bits_per_sample = encoding.bytes() as u16 * 8;
        let spec = hound::WavSpec { channels: 3, sample_rate: 44_100, bits_per_sample, sample_format };
        let mut writer = hound::WavWriter::create(&path, spec).expect("a new file");
        let most = ((1_u64 << (bits_per_sample - 1)) - 1) as i32;
        let mut expected = Vec::new();
        for n in 0..300 {
            let value = (most / 150).wrapping_mul(n - 150);
            if encoding.is_float() {
                let value = value as f32 / most as f32;
                writer.write_sample(value).expect("room");
                expected.extend(value.to_ne_bytes());
                continue;
            }
            writer.write_sample(value).expect("room");
            match encoding {
                Encoding::U8 => expected.push((value + 128) as u8),
                Encoding::I16 => expected.extend((value as i16).to_ne_bytes()),
                _ => expected.extend(value.to_ne_bytes()),
            }
        }
        writer.finalize().expect("an end");
        let (reader, back) = read_all(&path);
        assert_eq!(reader.format(), WavFormat { rate_hz: 44_100, channels: 3, encoding }.native());
        assert_eq!(reader.frames(), 100);
        assert_eq!(back, expected, "{encoding}");
    }
}

#[test]
fn a_file_cut_at_any_moment_is_valid_and_misses_less_than_a_quarter_of_a_second() {
    for (encoding, riff_limit) in [(Encoding::I16, u64::MAX), (Encoding::I24, 20_000), (Encoding::F32, 0)] {
        let (dir, path) = temp();
        let format = WavFormat { rate_hz: 8_000, channels: 1, encoding };
        let mut writer =
            WavWriter::with_riff_limit(open(&path).expect("a new file"), &path, format, riff_limit)
                .expect("a new file");
        let mut bytes = Vec::new();
        for n in 0..120 {
            let part = some_bytes((n * 37 % 701 + 1) * format.frame_bytes());
            writer.write(&part).expect("room");
            bytes.extend_from_slice(&part);
            // What a kill here leaves.
            let cut = dir.path().join("cut.wav");
            fs::copy(&path, &cut).expect("a copy");
            let (reader, back) = read_all(&cut);
            assert!(reader.frames() > 0 && reader.frames() + 2_000 > writer.frames());
            assert_eq!(back, native(encoding, &bytes)[..back.len()]);
        }
        let claims = fs::read(&path).expect("the file");
        assert!(u64::from(u32_at(&claims, 4)) < claims.len() as u64 || claims.starts_with(b"RF64"));
        drop(writer);
        assert_eq!(read_all(&path).1, native(encoding, &bytes), "a drop ends the file");
    }
}

#[test]
fn the_header_follows_four_times_a_second_and_costs_less_than_a_tenth() {
    let (_dir, path) = temp();
    let format = WavFormat { rate_hz: 8_000, channels: 1, encoding: Encoding::U8 };
    let mut writer = WavWriter::create(&path, format).expect("a new file");
    let (mut updates, mut before) = (0, Vec::new());
    for _ in 0..160 {
        writer.write(&[0x80; 800]).expect("room");
        let header = fs::read(&path).expect("the file")[..80].to_vec();
        updates += usize::from(header != before);
        before = header;
    }
    let (data, headers) = (160 * 800, updates * 80);
    assert!((64..=81).contains(&updates), "{updates} updates in 16 s");
    assert!(headers * 10 < data, "{headers} bytes of headers for {data}");
}

#[test]
fn a_file_past_the_limit_becomes_rf64_with_true_sizes() {
    let (_dir, path) = temp();
    let format = format(Encoding::I24, 1);
    let bytes = some_bytes(30_001 * 3);
    let limit = 60_000;
    let mut writer = WavWriter::with_riff_limit(open(&path).expect("a new file"), &path, format, limit)
        .expect("a new file");
    writer.write(&bytes[..3 * 15_000]).expect("room");
    assert!(fs::read(&path).expect("the file").starts_with(b"RIFF"));
    writer.write(&bytes[3 * 15_000..]).expect("room");
    assert_eq!(writer.finish().expect("an end"), 30_001);
    let file = fs::read(&path).expect("the file");
    assert_eq!((&file[..4], &file[8..16]), (&b"RF64"[..], &b"WAVEds64"[..]));
    assert_eq!((u32_at(&file, 4), u32_at(&file, file.len() - 90_004 - 4)), (u32::MAX, u32::MAX));
    assert_eq!(u32_at(&file, 20) as usize, file.len() - 8);
    assert_eq!((u32_at(&file, 28), u32_at(&file, 36)), (90_003, 30_001));
    let (reader, back) = read_all(&path);
    assert_eq!(reader.frames(), 30_001);
    assert_eq!(back, native(Encoding::I24, &bytes));
}

#[test]
fn what_waited_for_a_slow_disk_is_written_in_two_calls() {
    let (_dir, path) = temp();
    let format = format(Encoding::F32, 2);
    let stall = std::time::Duration::from_millis(100);
    let mut writer = WavWriter::create(&path, format).expect("a new file").stalling(stall);
    let since = std::time::Instant::now();
    writer.write(&some_bytes(4 * 48_000 * format.frame_bytes())).expect("room");
    assert!(since.elapsed() < 5 * stall, "4 s of audio took {:?}", since.elapsed());
}

/// The audio in between is a hole of the file system's, which takes no room.
#[cfg(unix)]
#[test]
fn a_file_of_more_than_4_gib_is_rf64_and_can_be_repaired() {
    use std::io::{Read, Seek, SeekFrom, Write};
    let (_dir, path) = temp();
    let format = format(Encoding::I16, 2);
    let first = (u64::from(u32::MAX) + 1) / 4 - 30;
    let header = |path: &Path| {
        let mut header = [0; 104];
        fs::File::open(path).expect("the file").read_exact(&mut header).expect("a header");
        header
    };
    let mut writer = WavWriter::create(&path, format).expect("a new file");
    writer.skip(first - 20);
    writer.write(&some_bytes(4 * 20)).expect("room");
    writer.sync().expect("a disk");
    assert!(header(&path).starts_with(b"RIFF"), "{first} frames and the header are less than 4 GiB");
    let bytes = some_bytes(4 * 50_000);
    writer.write(&bytes).expect("room");
    let frames = first + 50_000;
    assert_eq!(writer.finish().expect("an end"), frames);
    let check = |frames: u64| {
        let header = header(&path);
        let at = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("8 bytes"));
        assert_eq!((&header[..4], &header[12..16]), (&b"RF64"[..], &b"ds64"[..]));
        assert_eq!((at(20) + 8, at(28), at(36)), (80 + 4 * frames, 4 * frames, frames));
        assert_eq!(WavReader::open(&path).expect("a readable file").frames(), frames);
    };
    check(frames);
    let mut file = fs::File::options().read(true).write(true).open(&path).expect("the file");
    file.seek(SeekFrom::End(-4 * 50_000)).expect("it is that long");
    let mut back = Vec::new();
    file.read_to_end(&mut back).expect("the audio");
    assert!(back == bytes);
    // As a killed writer leaves it.
    file.write_all(&bytes[..4 * 300 + 3]).expect("room");
    let found = super::recover(&path).expect("a repair");
    assert_eq!((found.claimed_frames, found.frames, found.left_over_bytes), (frames, frames + 300, 3));
    check(frames + 300);
}

/// Counted by the system: what this thread has handed to it.
#[cfg(target_os = "linux")]
#[test]
fn a_byte_of_audio_costs_no_more_than_a_tenth_of_a_byte_beside_it() {
    let handed = || {
        let account = fs::read_to_string("/proc/thread-self/io").expect("an account");
        let bytes = account.lines().find_map(|line| line.strip_prefix("wchar: ")).expect("a count");
        bytes.parse::<u64>().expect("a number")
    };
    for (rate_hz, encoding) in [(8_000, Encoding::U8), (16_000, Encoding::I16), (48_000, Encoding::F32)] {
        let (_dir, path) = temp();
        let chunk = some_bytes(rate_hz as usize / 10 * encoding.bytes());
        let before = handed();
        let mut writer =
            WavWriter::create(&path, WavFormat { rate_hz, channels: 1, encoding }).expect("a new file");
        (0..600).for_each(|_| writer.write(&chunk).expect("room"));
        writer.finish().expect("an end");
        let cost = (handed() - before) as f64 / (600 * chunk.len()) as f64;
        println!("100 ms chunks of {rate_hz} Hz {encoding}: {cost:.4} bytes written for a byte of audio");
        assert!((1.0..1.1).contains(&cost), "{cost}");
    }
}

#[test]
fn bad_arguments_leave_what_is_there_untouched() {
    let (_dir, path) = temp();
    fs::write(&path, "mine").expect("room");
    for (rate_hz, channels) in [(0, 1), (768_001, 1), (48_000, 0), (48_000, 33)] {
        let error = WavWriter::create(&path, WavFormat { rate_hz, channels, encoding: Encoding::I16 });
        assert_eq!(error.expect_err("out of range").kind(), ErrorKind::BadArgument);
    }
    assert_eq!(fs::read(&path).expect("the file"), b"mine");
    let mut writer = WavWriter::create(&path, format(Encoding::I24, 2)).expect("a new file");
    let error = writer.write(&[0; 8]).expect_err("half a frame");
    assert_eq!((error.kind(), writer.frames()), (ErrorKind::BadArgument, 0));
    let error = WavWriter::create(path.join("below"), format(Encoding::I16, 1)).expect_err("no directory");
    assert!(error.to_string().contains("below"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_bytes_never_panic_the_reader(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        changes in prop::collection::vec((0_usize..116, any::<u8>()), 0..6),
        cut in 0_usize..200,
        large: bool,
    ) {
        let frames = |bytes: &[u8]| match parse(&mut Cursor::new(bytes), bytes.len() as u64) {
            Ok(found) => found.frames * found.format.frame_bytes() as u64,
            Err(Refusal::Content(what)) => { assert!(!what.is_empty()); 0 }
            Err(Refusal::Io(error)) => panic!("{error}"),
        };
        prop_assert!(frames(&bytes) <= bytes.len() as u64);
        // And a good header with a few bytes changed, cut somewhere.
        let limit = if large { 0 } else { u64::MAX };
        let header = super::header::Header::new(format(Encoding::F32, 1), 80, false, limit);
        let mut near = [header.bytes(), &bytes].concat();
        for (at, byte) in changes {
            near[at] = byte;
        }
        near.truncate(cut.max(12));
        prop_assert!(frames(&near) <= near.len() as u64);
    }
}
