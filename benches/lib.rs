//! Criterion benches of the workspace; see `benches/`. Here: figures of two benches beside each other.

use core::fmt;
use core::time::Duration;
use std::time::Instant;

use criterion::Bencher;

pub mod grid;

/// How fast one bench was: taken while Criterion measures it.
#[derive(Debug, Default)]
pub struct Tally {
    seconds: Vec<f64>,
}

impl Tally {
    /// Has `once` measured, as [`Bencher::iter`] does, and keeps what it took.
    pub fn iter(&mut self, bencher: &mut Bencher<'_>, mut once: impl FnMut()) {
        bencher.iter_custom(|times| self.time(times, &mut once));
    }

    /// Does it so many times, and keeps and gives what that took.
    pub fn time(&mut self, times: u64, mut once: impl FnMut()) -> Duration {
        let start = Instant::now();
        for _ in 0..times {
            once();
        }
        let took = start.elapsed();
        self.note(took, times);
        took
    }

    /// Keeps that doing it so many times took so long.
    pub fn note(&mut self, took: Duration, times: u64) {
        self.seconds.push(took.as_secs_f64() / times as f64);
    }

    /// The median of all samples, a second; none if nothing was measured, as when a filter left the bench out.
    pub fn per_second(&self) -> Option<f64> {
        Some(self.median()?.recip())
    }

    /// The median of all samples, in nanoseconds; none if nothing was measured.
    pub fn nanoseconds(&self) -> Option<f64> {
        Some(self.median()? * 1e9)
    }

    fn median(&self) -> Option<f64> {
        let mut seconds = self.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied()
    }
}

/// How much faster one thing is than another, row by row.
#[derive(Debug)]
pub struct Ratios {
    slow: &'static str,
    fast: &'static str,
    rows: Vec<(String, Tally, Tally)>,
}

impl Ratios {
    /// A table with no rows; the names head the columns.
    pub fn new(slow: &'static str, fast: &'static str) -> Self {
        let rows = Vec::new();
        Self { slow, fast, rows }
    }

    /// Adds a row.
    pub fn row(&mut self, what: impl Into<String>, slow: Tally, fast: Tally) {
        self.rows.push((what.into(), slow, fast));
    }
}

impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (slow, fast) = (self.slow, self.fast);
        writeln!(f, "{:<24}{slow:>14}{fast:>24}{:>10}", "a second", "ratio")?;
        for (what, slow, fast) in &self.rows {
            if let (Some(slow), Some(fast)) = (slow.per_second(), fast.per_second()) {
                let ratio = fast / slow;
                writeln!(f, "{what:<24}{slow:>14.0}{fast:>24.0}{ratio:>9.1}x")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(seconds: &[u64]) -> Tally {
        let mut tally = Tally::default();
        for &seconds in seconds {
            tally.note(Duration::from_secs(seconds), 100);
        }
        tally
    }

    #[test]
    fn a_table_has_the_median_and_leaves_out_what_was_not_measured() {
        let mut ratios = Ratios::new("slow", "fast");
        ratios.row("both", tally(&[900, 50, 1]), tally(&[2, 2, 99]));
        ratios.row("one", tally(&[1]), tally(&[]));
        let table = ratios.to_string();
        let lines: Vec<Vec<_>> = table
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        let expected = [
            vec!["a", "second", "slow", "fast", "ratio"],
            vec!["both", "2", "50", "25.0x"],
        ];
        assert_eq!(lines, expected);
    }
}
