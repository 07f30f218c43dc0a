//! Which of two groups tends to be faster? By ranks alone: times have no distribution that one could assume.

/// The two-sided probability of a difference in ranks at least as large, if both groups were alike (Mann and Whitney,
/// 1947). Exact for up to 25 in each group without ties, else by the normal approximation, corrected for ties and for
/// continuity. 1 if a group is empty or all are equal.
///
/// What was cut off is infinite: later than everything, and equal to one another.
pub(crate) fn mann_whitney(one: &[f64], other: &[f64]) -> f64 {
    let (n, m) = (one.len(), other.len());
    if n == 0 || m == 0 {
        return 1.0;
    }
    let u = larger(one, other).min(larger(other, one));
    let ties = ties(one, other);
    if ties.is_empty() && n <= EXACT && m <= EXACT {
        exact(n, m, u)
    } else {
        approximate(n, m, u, &ties)
    }
}

/// The probability that a member of the first group takes longer than one of the second, ties counted half (Vargha and
/// Delaney, 2000): below 0.5 the first is faster; 0.56, 0.64 and 0.71 (and 0.44, 0.36, 0.29) are called a small, medium and
/// large difference.
pub(crate) fn a12(one: &[f64], other: &[f64]) -> f64 {
    if one.is_empty() || other.is_empty() {
        return 0.5;
    }
    larger(one, other) / (one.len() * other.len()) as f64
}

/// Probabilities as they count when so many were looked at (Holm, 1979), in the same order.
pub(crate) fn holm(probabilities: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    let mut corrected = vec![1.0; probabilities.len()];
    let mut least = 0.0f64;
    for (rank, index) in order.into_iter().enumerate() {
        let left = (probabilities.len() - rank) as f64;
        least = least.max((probabilities[index] * left).min(1.0));
        corrected[index] = least;
    }
    corrected
}

/// Members of each group up to which the probability is counted out.
const EXACT: usize = 25;

/// Pairs in which the first is larger, ties counted half: Mann and Whitney's U.
fn larger(one: &[f64], other: &[f64]) -> f64 {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    pairs
        .map(|(a, b)| match a.total_cmp(b) {
            core::cmp::Ordering::Greater => 1.0,
            core::cmp::Ordering::Equal => 0.5,
            core::cmp::Ordering::Less => 0.0,
        })
        .sum()
}

/// How many share each value that more than one has.
fn ties(one: &[f64], other: &[f64]) -> Vec<f64> {
    let mut all = [one, other].concat();
    all.sort_by(f64::total_cmp);
    let groups = all.chunk_by(|a, b| a == b).map(<[f64]>::len);
    groups
        .filter(|&len| len > 1)
        .map(|len| len as f64)
        .collect()
}

/// All ways in which the groups can be interleaved, counted by their U: adding the largest of all to the first group adds
/// `m` to U, adding it to the second adds nothing.
fn exact(n: usize, m: usize, u: f64) -> f64 {
    // ways[j][u] for the first i members of the one group and j of the other.
    let most = n * m;
    let mut ways = vec![vec![0.0f64; most + 1]; m + 1];
    for row in &mut ways {
        row[0] = 1.0;
    }
    for _ in 0..n {
        let before = ways;
        ways = vec![vec![0.0f64; most + 1]; m + 1];
        ways[0][0] = 1.0;
        for j in 1..=m {
            for u in 0..=most {
                let with_first = if u >= j { before[j][u - j] } else { 0.0 };
                ways[j][u] = with_first + ways[j - 1][u];
            }
        }
    }
    let all: f64 = ways[m].iter().sum();
    let counted = ways[m].iter().enumerate();
    let extreme: f64 = counted
        .filter(|(it, _)| *it as f64 <= u)
        .map(|(_, ways)| ways)
        .sum();
    (2.0 * extreme / all).min(1.0)
}

fn approximate(n: usize, m: usize, u: f64, ties: &[f64]) -> f64 {
    let (n, m) = (n as f64, m as f64);
    let all = n + m;
    let tied: f64 = ties.iter().map(|t| t.powi(3) - t).sum();
    let variance = n * m / 12.0 * (all + 1.0 - tied / (all * (all - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let distance = (n * m / 2.0 - u - 0.5).max(0.0);
    libm::erfc(distance / variance.sqrt() / core::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two groups of these sizes with this U and no ties.
    fn with(n: usize, m: usize, u: usize) -> (Vec<f64>, Vec<f64>) {
        // The first group is the smallest but for its last members, which are moved up, one place for each.
        let other: Vec<f64> = (0..m).map(|it| it as f64).collect();
        let mut left = u;
        let one = (0..n).map(|it| {
            let passed = left.min(m);
            left -= passed;
            passed as f64 - 0.5 - it as f64 / 1_000.0
        });
        (one.collect(), other)
    }

    /// Critical values of U for a two-sided test at 5 %, as in every table of them.
    #[test]
    fn critical_values_are_those_of_the_tables() {
        for (n, m, critical) in [
            (4, 4, 0),
            (5, 5, 2),
            (8, 8, 13),
            (10, 10, 23),
            (7, 12, 18),
            (20, 20, 127),
        ] {
            let p = |u| {
                let (one, other) = with(n, m, u);
                assert_eq!(larger(&one, &other), u as f64);
                mann_whitney(&one, &other)
            };
            assert!(p(critical) <= 0.05, "{n}, {m}: {}", p(critical));
            assert!(p(critical + 1) > 0.05, "{n}, {m}: {}", p(critical + 1));
        }
    }

    #[test]
    fn small_cases_can_be_counted_by_hand() {
        let (one, other) = ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]);
        // 2 of the 20 ways to interleave them.
        assert!((mann_whitney(&one, &other) - 0.1).abs() < 1e-12);
        assert_eq!(mann_whitney(&one, &other), mann_whitney(&other, &one));
        assert_eq!((a12(&one, &other), a12(&other, &one)), (0.0, 1.0));
        assert_eq!((mann_whitney(&[], &one), a12(&[], &one)), (1.0, 0.5));
        let same = [f64::INFINITY; 6];
        assert_eq!((mann_whitney(&same, &same), a12(&same, &same)), (1.0, 0.5));
    }

    /// Without ties both ways must say nearly the same.
    #[test]
    fn the_approximation_is_near_the_exact_value() {
        for u in [60, 100, 127, 160, 199] {
            let difference = exact(20, 20, u as f64) - approximate(20, 20, u as f64, &[]);
            assert!(difference.abs() < 0.01, "{u}: {difference}");
        }
        // Five of each tied at the end, where all that was cut off is.
        let one: Vec<f64> = (0..15).map(f64::from).chain([f64::INFINITY; 5]).collect();
        let other: Vec<f64> = (0..15)
            .map(|it| f64::from(it) + 20.0)
            .chain([f64::INFINITY; 5])
            .collect();
        let p = mann_whitney(&one, &other);
        assert!((0.0001..0.01).contains(&p), "{p}");
    }

    /// The example of R's documentation style: adjusted by hand.
    #[test]
    fn holm_multiplies_by_what_is_left() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (corrected, wanted) in corrected.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((corrected - wanted).abs() < 1e-12, "{corrected} {wanted}");
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert_eq!(holm(&[]), [] as [f64; 0]);
    }
}
