//! How often may a browser ask its user which certificate to show?

use crate::place::Place;
use crate::scenarios::Asked;
use crate::steps::{self, Taker};

/// Once at each origin that asks, at most: a browser remembers what was chosen there, and each run has origins of its own. The check
/// before the start is one more.
pub(super) fn prompts(asked: &[Asked], place: &Place, runs: u32) -> usize {
    let scenarios = asked.iter().map(|it| &it.scenario);
    let taken = scenarios.filter(|it| {
        steps::check(it, Taker::Page).is_ok() && steps::check_sites(it, place).is_ok()
    });
    let origins = taken
        .flat_map(steps::asking)
        .map(|it| it.hosts.len() * it.ports.len());
    origins.sum::<usize>() * usize::try_from(runs).unwrap_or(usize::MAX) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browsing::browser_scenarios;

    #[test]
    fn each_origin_that_asks_counts() {
        let lab = Place::new("lab.example".parse().ok(), None).unwrap();
        let here = Place::default();
        let two_sites = "one-identity-two-partitions";
        for (name, place, runs, times) in [
            ("put-server-none", &here, 1, 1),
            ("put-server-request", &here, 1, 2),
            ("put-server-request", &lab, 3, 4),
            (two_sites, &here, 1, 2),
            // Left out there, as what no page can do is everywhere.
            (two_sites, &lab, 1, 1),
            ("omit-server-request", &here, 1, 1),
        ] {
            let mut asked = browser_scenarios();
            asked.retain(|it| it.name == name);
            assert_eq!(prompts(&asked, place, runs), times, "{name}");
        }
    }
}
