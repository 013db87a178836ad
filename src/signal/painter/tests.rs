use super::*;

fn painted(painter: &mut Painter) -> Picture {
    assert!(painter.due(&SoundVerdict::Ok));
    let mut picture = Picture::default();
    painter.paint(&mut picture, SoundVerdict::Ok, 3, 4);
    assert!(!painter.due(&SoundVerdict::Ok));
    picture
}

#[test]
fn columns_and_levels_are_those_of_the_audio_in_whatever_pieces_it_comes() {
    let wave = |frame: usize| ((frame as f32 * 0.01).sin() * 0.5, (frame as f32 * 0.013).cos() * 0.25);
    for piece in [1_600, 1_024, 77, 4_801] {
        let mut painter = Painter::new(48_000, 2);
        // Not on the grid: the first column is a short one.
        let start = 1_000;
        let frames: Vec<(f32, f32)> = (start..11_200).map(wave).collect();
        let audio: Vec<f32> = frames.iter().flat_map(|&(left, right)| [left, right]).collect();
        let mut position = start;
        for samples in audio.chunks(2 * piece) {
            painter.add(samples, position as u64);
            position += samples.len() / 2;
        }
        let picture = painted(&mut painter);
        assert_eq!((picture.position, picture.frames, picture.column), (11_200, 10_200, 6));
        assert_eq!((picture.sequence, picture.dropped, picture.lost), (1, 3, 4));
        for (column, k) in picture.columns[122..].iter().zip(1..) {
            let (of, end) = ((k * 1_600).max(start), (k + 1) * 1_600);
            let both = || frames[of - start..end - start].iter().flat_map(|&(left, right)| [left, right]);
            let (min, max) = (both().fold(1.0, f32::min), both().fold(-1.0, f32::max));
            let ought = Column { min: sample(min), max: sample(max), flags: Column::HEARD };
            assert_eq!(*column, ought, "column {k} in pieces of {piece}");
        }
        assert_eq!(picture.columns[121].flags | picture.columns[0].flags, Column::HEARD);
        assert_eq!(picture.columns[120], Column::default());
        let rms = (frames.iter().map(|(left, _)| left * left).sum::<f32>() / frames.len() as f32).sqrt();
        assert!((picture.levels()[0].rms - rms).abs() < 1e-3);
        assert_eq!(picture.levels()[1].peak, frames.iter().fold(0.0, |peak, &(_, x)| x.abs().max(peak)));
        assert_eq!(picture.held[..2], [picture.levels[0].peak, picture.levels[1].peak]);
        assert_eq!(painter.next(11_200), 12_800);
    }
}

#[test]
fn a_held_peak_stays_for_1500_ms_and_falls_20_db_in_1700() {
    let mut painter = Painter::new(48_000, 1);
    let mut audio = vec![0.0; 1_600];
    audio[1_599] = 0.5;
    painter.add(&audio, 0);
    assert_eq!(painted(&mut painter).held[0], 0.5);
    audio[1_599] = 0.01;
    for column in 1..=150 {
        // A hole of ten columns ages it as well.
        match column {
            80 => painter.hole(column * 1_600, (column + 10) * 1_600, true),
            81..90 => continue,
            _ => painter.add(&audio, column * 1_600),
        }
        let held = painted(&mut painter).held[0];
        let passed = if column == 80 { 89 } else { column };
        let falling = (passed as f32 / 30.0 - 1.5).max(0.0);
        let ought = (0.5 * 10_f32.powf(-falling / 1.7)).max(0.01);
        assert!((held / ought - 1.0).abs() < 1e-3, "column {column}: {held}, not {ought}");
    }
}

#[test]
fn holes_and_clips_are_marked_where_they_are() {
    let mut painter = Painter::new(48_000, 1);
    painter.add(&[0.1; 2_400], 0);
    // Within the second column, then over the third; frames that nobody told of; then half of one muted.
    painter.hole(2_400, 4_800, false);
    painter.add(&[1.0; 1_600], 4_800);
    painter.add(&[0.1; 1_600], 8_000);
    painter.hole(9_600, 10_400, true);
    painter.add(&[0.1; 800], 10_400);
    let picture = painted(&mut painter);
    // A step may be voice to the ear.
    let flags: Vec<u8> = picture.columns[121..].iter().map(|column| column.flags & !Column::VOICE).collect();
    let heard = Column::HEARD;
    assert_eq!(flags[0], heard);
    assert_eq!(flags[1..3], [heard | Column::MISSING, Column::MISSING]);
    assert_eq!(flags[3..5], [heard | Column::CLIPPED, Column::MISSING]);
    assert_eq!(flags[5..], [heard, heard | Column::MUTED]);
    assert_eq!(picture.clips[0], 1);
    // A hole of a day in the middle of a column, and what lies behind it.
    let day = 86_400 * 48_000 + 100;
    painter.hole(11_200, day, false);
    painter.add(&[0.1; 1_500], day);
    let picture = painted(&mut painter);
    let newest = picture.columns[127].flags & !Column::VOICE;
    assert_eq!((picture.column, newest), (86_400 * 30, heard | Column::MISSING));
    assert!(picture.columns[..127].iter().all(|column| column.flags == Column::MISSING));
}

#[test]
fn nothing_is_kept_while_nobody_looks_and_whoever_looks_again_starts_clean() {
    let mut painter = Painter::new(16_000, 1);
    let mut picture = Picture::default();
    assert!(painter.canvas.is_none() && !painter.due(&SoundVerdict::Ok));
    painter.add(&[1.0; 16_000], 0);
    painter.paint(&mut picture, SoundVerdict::Ok, 0, 0);
    assert_eq!((picture.sequence, picture.clips[0]), (1, 1));
    painter.rest();
    assert!(painter.canvas.is_none() && !painter.due(&SoundVerdict::Ok));
    painter.add(&[0.0; 16_000], 533 * 600);
    painter.paint(&mut picture, SoundVerdict::Ok, 0, 0);
    assert_eq!((picture.sequence, picture.column), (2, 629));
    assert_eq!((picture.clips[0], picture.held[0], picture.loudest()), (0, 0.0, Level::default()));
    assert_eq!(picture.spectrum, Picture::default().spectrum);
    assert_eq!(picture.columns.iter().filter(|column| **column != Column::default()).count(), 30);
    painter.begin(8_000, 2);
    painter.add(&[0.0; 2 * 8_000], 0);
    painter.paint(&mut picture, SoundVerdict::Ok, 0, 0);
    assert_eq!((picture.sequence, picture.rate_hz, picture.channels), (3, 8_000, 2));
}

#[test]
fn another_verdict_is_told_also_when_no_audio_comes() {
    let mut painter = Painter::new(16_000, 1);
    let gone = SoundVerdict::DeviceLost { times: 1, recovered: false };
    let mut picture = Picture::default();
    for (sequence, started) in [(1, false), (3, true)] {
        if started {
            // Less than a column, in the middle of one.
            painter.add(&[0.5; 100], 1_100);
        }
        assert!(painter.due(&gone));
        painter.paint(&mut picture, gone, 0, 0);
        assert_eq!((picture.sequence, picture.verdict, picture.frames), (sequence, gone, 0));
        assert_eq!(picture.loudest(), Level::default());
        assert!(!painter.due(&gone) && painter.due(&SoundVerdict::Ok));
        painter.paint(&mut picture, SoundVerdict::Ok, 0, 0);
    }
    // The column that was begun is whole all the same.
    painter.add(&[0.1; 400], 1_200);
    painter.paint(&mut picture, SoundVerdict::Ok, 0, 0);
    assert_eq!((picture.loudest().peak, picture.column), (0.5, 2));
}
