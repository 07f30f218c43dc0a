//! Changes to a scenario that keep it a scenario: the mutator and the crossover of the fuzzer.
//!
//! The weights were measured on this problem: about a third insertions, half of those copies of an earlier step with
//! one field changed; blocks duplicated, deleted and moved; a third changes of one field.

use super::generate::{OVERLAPS, Swarm, event, exchange, vary, vary_identity, vary_server};
use super::{Action, Choose, Exchange, Scenario, Step};

/// Steps beyond which the mutator deletes rather than inserts.
const MANY: usize = 24;

impl Scenario {
    /// Changes the scenario in one to four small ways, and leaves it valid.
    pub fn mutate(&mut self, from: &mut impl Choose) {
        let swarm = Swarm::draw(from);
        for _ in 0..=from.below(4) {
            self.mutate_once(from, swarm);
        }
        self.fixup();
    }

    /// Puts steps of `other` behind or in place of some of this scenario's, and leaves it valid.
    pub fn cross(&mut self, other: &Self, from: &mut impl Choose) {
        if other.steps.is_empty() {
            return;
        }
        let keep = from.below(self.steps.len() + 1);
        let take = from.below(other.steps.len());
        self.steps.truncate(keep);
        self.steps.extend_from_slice(&other.steps[take..]);
        self.steps.truncate(MANY);
        if from.chance(1, 4) {
            self.servers.clone_from(&other.servers);
        }
        self.fixup();
    }

    fn mutate_once(&mut self, from: &mut impl Choose, swarm: Swarm) {
        let len = self.steps.len();
        match from.below(10) {
            0..=2 if len < MANY => self.insert(from, swarm),
            3..=5 if len > 0 => self.change(from, swarm),
            6 if len > 0 && len < MANY => {
                let (start, end) = block(from, len);
                let copy = self.steps[start..end].to_vec();
                let at = from.below(len + 1);
                self.steps.splice(at..at, copy);
            }
            7 if len > 1 => {
                let (start, end) = block(from, len);
                self.steps.drain(start..end);
            }
            8 if len > 1 => {
                let (start, end) = block(from, len);
                let moved: Vec<Step> = self.steps.drain(start..end).collect();
                let at = from.below(self.steps.len() + 1);
                self.steps.splice(at..at, moved);
            }
            9 => self.change_world(from, swarm),
            _ if len < MANY => self.insert(from, swarm),
            _ => self.change(from, swarm),
        }
    }

    fn insert(&mut self, from: &mut impl Choose, swarm: Swarm) {
        let burst = if from.chance(1, 8) { 8 } else { 1 };
        let step = if from.chance(1, 6) {
            Action::Event(event(from, swarm, self)).into()
        } else {
            Action::Exchange(Box::new(self.near_copy(from, swarm))).into()
        };
        let at = from.below(self.steps.len() + 1);
        let steps = core::iter::repeat_n(step, burst);
        self.steps.splice(at..at, steps);
    }

    /// An earlier request with one field changed, or a new one.
    fn near_copy(&self, from: &mut impl Choose, swarm: Swarm) -> Exchange {
        let earlier: Vec<&Exchange> = self.exchanges().collect();
        if earlier.is_empty() || from.chance(1, 2) {
            return exchange(from, swarm, self);
        }
        let mut copy = (*from.pick(&earlier)).clone();
        vary(from, swarm, self, &mut copy);
        copy
    }

    fn change(&mut self, from: &mut impl Choose, swarm: Swarm) {
        let at = from.below(self.steps.len());
        let mut step = self.steps[at].clone();
        step.expect = None;
        match &mut step.action {
            Action::Exchange(exchange)
                if from.chance(1, 12) && !self.exchanges().any(|it| it.declines) =>
            {
                exchange.pipelined = from.chance(1, 2);
                step.overlap = if step.overlap.is_some() {
                    None
                } else {
                    Some(*from.pick(&OVERLAPS))
                };
            }
            Action::Exchange(exchange) => vary(from, swarm, self, exchange),
            Action::Event(old) => *old = event(from, swarm, self),
        }
        self.steps[at] = step;
    }

    fn change_world(&mut self, from: &mut impl Choose, swarm: Swarm) {
        if !self.identities.is_empty() && from.chance(1, 8) {
            let at = from.below(self.identities.len());
            return vary_identity(&mut self.identities[at]);
        }
        let at = from.below(self.servers.len());
        vary_server(from, swarm, &mut self.servers[at]);
    }
}

/// A short run of steps.
fn block(from: &mut impl Choose, len: usize) -> (usize, usize) {
    let start = from.below(len);
    let end = (start + 1 + from.below(4)).min(len);
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mutated_or_crossed_stays_valid_and_bounded() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut scenario = Scenario::generate(&mut rng, 8);
        let mut changed = 0;
        for _ in 0..2_000 {
            let before = scenario.clone();
            scenario.mutate(&mut rng);
            if rng.chance(1, 10) {
                let other = Scenario::generate(&mut rng, 8);
                scenario.cross(&other, &mut rng);
            }
            let mut fixed = scenario.clone();
            fixed.fixup();
            assert_eq!(fixed, scenario);
            assert!(scenario.steps.len() < 3 * MANY);
            changed += usize::from(before != scenario);
        }
        assert!(
            changed > 1_500,
            "mutations mostly change something: {changed}"
        );
    }
}
