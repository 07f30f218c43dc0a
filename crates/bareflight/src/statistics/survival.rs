//! Times until something happened, some of them cut off before it did.

/// One trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Observation {
    /// When it ended.
    pub(crate) at: f64,
    /// Whether it ended because the thing happened; if not, it is *censored*: the thing would have come later, or never.
    pub(crate) happened: bool,
}

/// The Kaplan-Meier estimate of how many have not been caught yet: pairs of a time and the fraction that is left after it,
/// one for each time at which something happened.
pub(crate) fn kaplan_meier(observations: &[Observation]) -> Vec<(f64, f64)> {
    let mut sorted = observations.to_vec();
    sorted.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut curve = Vec::new();
    let mut left = 1.0;
    let mut at_risk = sorted.len();
    for same in sorted.chunk_by(|a, b| a.at == b.at) {
        let happened = same.iter().filter(|it| it.happened).count();
        if happened > 0 {
            left *= 1.0 - happened as f64 / at_risk as f64;
            curve.push((same[0].at, left));
        }
        at_risk -= same.len();
    }
    curve
}

/// The first time at which no more than half are left; none if more than half were cut off.
pub(crate) fn median(observations: &[Observation]) -> Option<f64> {
    let curve = kaplan_meier(observations);
    // Fractions are products of quotients: half may come out a little more.
    let half = |(_, left): &&(f64, f64)| *left <= 0.5 + 1e-9;
    curve.iter().find(half).map(|(at, _)| *at)
}

/// An interval that contains the true median, and how surely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    /// The lower end; none if even the fastest trial it could be was cut off.
    pub(crate) low: Option<f64>,
    /// The upper end; none if it lies beyond the end of the trials.
    pub(crate) high: Option<f64>,
    /// The probability that the interval contains the median, whatever the distribution.
    pub(crate) level: f64,
}

/// The narrowest interval between two trials that contains the median with a probability of at least 95 %, or all of them
/// if there are too few for that: each trial is above the median or below it like the toss of a coin. None of no trials.
pub(crate) fn interval(observations: &[Observation]) -> Option<Interval> {
    let mut sorted: Vec<Option<f64>> = observations
        .iter()
        .map(|it| it.happened.then_some(it.at))
        .collect();
    // What was cut off is later than all that happened: every trial has the same budget.
    sorted.sort_by(|a, b| {
        a.unwrap_or(f64::INFINITY)
            .total_cmp(&b.unwrap_or(f64::INFINITY))
    });
    let n = sorted.len();
    let level = |skipped: usize| 1.0 - 2.0 * (0..=skipped).map(|k| tosses(n, k)).sum::<f64>();
    // Skipping one trial at each end more still covers 95 %.
    let skipped = (0..n / 2).take_while(|&it| level(it) >= 0.95).last();
    let skipped = skipped.unwrap_or(0);
    Some(Interval {
        low: *sorted.get(skipped)?,
        high: *sorted.get(n - 1 - skipped)?,
        level: level(skipped).max(0.0),
    })
}

/// The probability of exactly `k` heads in `n` tosses.
fn tosses(n: usize, k: usize) -> f64 {
    let choose = (0..k).fold(1.0, |product, i| product * (n - i) as f64 / (i + 1) as f64);
    choose * 0.5f64.powi(i32::try_from(n).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<Observation> {
        let one = |word: &str| Observation {
            at: word.trim_end_matches('+').parse().unwrap(),
            happened: !word.ends_with('+'),
        };
        text.split(' ').map(one).collect()
    }

    /// The remission times under 6-mercaptopurine of Freireich et al. (1963), the example of most textbooks.
    #[test]
    fn the_curve_is_that_of_the_textbooks() {
        let remissions = of("6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+");
        let table = [
            (6.0, 0.857),
            (7.0, 0.807),
            (10.0, 0.753),
            (13.0, 0.690),
            (16.0, 0.627),
            (22.0, 0.538),
            (23.0, 0.448),
        ];
        let curve = kaplan_meier(&remissions);
        assert_eq!(curve.len(), table.len());
        for ((at, left), (wanted_at, wanted)) in curve.into_iter().zip(table) {
            assert_eq!(at, wanted_at);
            assert!((left - wanted).abs() < 0.0005, "{at}: {left}");
        }
        assert_eq!(median(&remissions), Some(23.0));
    }

    #[test]
    fn the_median_is_the_ordinary_one_where_nothing_is_cut_off() {
        assert_eq!(median(&of("5 1 3")), Some(3.0));
        assert_eq!(median(&of("1 2 9 9+")), Some(2.0));
        assert_eq!(median(&of("1 9+ 9+")), None);
        assert_eq!(median(&[]), None);
    }

    /// The ranks are those of the tables for the sign test: 1 and 6 of 6 trials, 2 and 9 of 10, 6 and 15 of 20.
    #[test]
    fn the_interval_covers_the_median_by_the_tables_of_the_sign_test() {
        for (n, low, high, level) in [
            (6, 1, 6, 0.969),
            (10, 2, 9, 0.979),
            (20, 6, 15, 0.959),
            // Too few: all of them, and how much that is worth.
            (5, 1, 5, 0.938),
        ] {
            let times: Vec<Observation> = (1..=n)
                .map(|at| Observation {
                    at: f64::from(at),
                    happened: true,
                })
                .collect();
            let it = interval(&times).unwrap();
            assert_eq!(
                (it.low, it.high),
                (Some(f64::from(low)), Some(f64::from(high))),
                "{n}"
            );
            assert!((it.level - level).abs() < 0.0006, "{n}: {}", it.level);
        }
        let cut = interval(&of("1 2 3 4 9+ 9+")).unwrap();
        assert_eq!((cut.low, cut.high), (Some(1.0), None));
        assert_eq!(interval(&[]), None);
    }
}
