//! The shape of the last seconds: a column for every thirtieth of a second, numbered by where it lies.

/// Columns that are kept: 4.3 s.
pub const COLUMNS: usize = 128;
/// Columns per second, as nearly as a whole number of frames allows.
pub const COLUMNS_HZ: u32 = 30;

/// A column: the least and the greatest sample of all channels, and what is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// The least sample; 32,767 is full scale, and beyond it is cut off.
    pub min: i16,
    /// The greatest sample.
    pub max: i16,
    /// A sum of [`Column::HEARD`], [`Column::MISSING`], [`Column::MUTED`], [`Column::VOICE`] and [`Column::CLIPPED`];
    /// 0 is a column from before the looking began.
    pub flags: u8,
}

impl Column {
    /// There is audio in it.
    pub const HEARD: u8 = 1;
    /// Some audio is missing: dropped or lost.
    pub const MISSING: u8 = 2;
    /// Some of it was muted.
    pub const MUTED: u8 = 4;
    /// Somebody speaks, as far as can be told.
    pub const VOICE: u8 = 8;
    /// A channel clips in it.
    pub const CLIPPED: u8 = 16;

    /// Whether all of `flags` are set.
    pub fn has(self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}

/// `linear`, 1.0 being full scale, as a column's sample.
pub(super) fn sample(linear: f32) -> i16 {
    // The cast saturates.
    (linear * f32::from(i16::MAX)).round() as i16
}

/// The last columns, as a ring: column `k` lies at `k % COLUMNS`.
#[derive(Clone, Debug)]
pub(super) struct Waveform {
    columns: [Column; COLUMNS],
    /// The number of the next column.
    pub next: u64,
}

impl Waveform {
    /// Empty, the first column to come being `next`.
    pub fn new(next: u64) -> Self {
        Self { columns: [Column::default(); COLUMNS], next }
    }

    pub fn push(&mut self, column: Column) {
        self.columns[(self.next % COLUMNS as u64) as usize] = column;
        self.next += 1;
    }

    /// So many columns without audio, in no more time than as many as are kept.
    pub fn push_empty(&mut self, count: u64, flags: u8) {
        let kept = count.min(COLUMNS as u64);
        self.next += count - kept;
        (0..kept).for_each(|_| self.push(Column { flags, ..Column::default() }));
    }

    /// Oldest first; the last one is column `next - 1`.
    pub fn read(&self, columns: &mut [Column; COLUMNS]) {
        columns.copy_from_slice(&self.columns);
        columns.rotate_left((self.next % COLUMNS as u64) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_appends_only_new_columns_has_them_all() {
        let mut waveform = Waveform::new(1_000);
        let (mut columns, mut appended, mut known) = ([Column::default(); COLUMNS], Vec::new(), 1_000);
        for k in 1_000..2_000_i16 {
            waveform.push(Column { min: -k, max: k, flags: Column::HEARD });
            if k % 77 == 0 {
                waveform.read(&mut columns);
                let new = (waveform.next - known) as usize;
                appended.extend_from_slice(&columns[COLUMNS - new..]);
                known = waveform.next;
            }
        }
        assert_eq!(appended.len(), 1_925 + 1 - 1_000);
        assert!(appended.iter().zip(1_000..).all(|(column, k)| (column.min, column.max) == (-k, k)));
    }

    #[test]
    fn a_hole_of_hours_is_a_row_of_empty_columns() {
        let mut waveform = Waveform::new(0);
        waveform.push(Column { min: -1, max: 1, flags: Column::HEARD });
        waveform.push_empty(1 << 60, Column::MISSING);
        waveform.push(Column { min: -2, max: 2, flags: Column::HEARD });
        let mut columns = [Column::default(); COLUMNS];
        waveform.read(&mut columns);
        assert_eq!((waveform.next, columns[127].max), ((1 << 60) + 2, 2));
        assert!(
            columns[..127].iter().all(|column| *column == Column { min: 0, max: 0, flags: Column::MISSING })
        );
    }

    #[test]
    fn full_scale_and_beyond_fit() {
        assert_eq!([1.0, -1.0, 0.0, 4e9, -4e9].map(sample), [32_767, -32_767, 0, 32_767, -32_768]);
    }
}
