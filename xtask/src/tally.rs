//! How many tests ran, as the test harness itself reports it.

use std::ops::AddAssign;

/// Tests that ran, summed over the programs that ran them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that kept their promise.
    pub passed: u64,
    /// Tests that did not.
    pub failed: u64,
}

impl Tally {
    /// Sums the `test result:` lines of the test harness in `text`.
    pub fn read(text: &str) -> Self {
        let mut tally = Self::default();
        for line in text.lines().filter_map(|line| line.strip_prefix("test result: ")) {
            for part in line.split(';') {
                let words: Vec<&str> = part.split_whitespace().collect();
                let [.., count, what] = words[..] else { continue };
                let count = count.parse().unwrap_or(0);
                match what {
                    "passed" => tally.passed += count,
                    "failed" => tally.failed += count,
                    _ => {}
                }
            }
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_lines_are_summed_with_or_without_colour() {
        let text = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            noise 7 passed; 9 failed\n\
            test result: \u{1b}[31mFAILED\u{1b}[m. 10 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out\n";
        assert_eq!(Tally::read(text), Tally { passed: 13, failed: 2 });
    }
}
