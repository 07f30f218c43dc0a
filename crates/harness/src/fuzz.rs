//! What the fuzz targets call: bytes in, a panic where something is broken.
//!
//! A corpus holds scenarios as themselves ([`Scenario::to_bytes`]); other bytes are choices for the generator. Mutation
//! and crossover work on the typed scenario.

mod decide;
mod driver;

use std::cell::RefCell;
use std::sync::LazyLock;

use arbitrary::Unstructured;

use crate::campaign::{Runner, STEPS};
use crate::differential::Differential;
use crate::faults::Fault;
use crate::invariants::Violation;
use crate::scenario::{Choose, MAGIC, Scenario};
use crate::tier::{TierError, TierName};

pub use decide::decide;
pub use driver::{handshake, http, resumption, wire};

/// The fuzz targets: name, and what each looks for.
pub const TARGETS: [(&str, &str); 10] = [
    (
        "decide",
        "the policy alone: any request and any answer, against a second reading of the standard",
    ),
    (
        "model",
        "scenarios on the tier model, against the invariants",
    ),
    (
        "model_bytes",
        "as model, by plain bytes: what the typed mutator is compared with",
    ),
    (
        "memory",
        "scenarios on the tier memory, against the invariants",
    ),
    (
        "differential",
        "the same scenarios on model and on memory: both must write the same log",
    ),
    (
        "handshake",
        "one handshake between any server and any client, against what the standards say",
    ),
    (
        "resumption",
        "any sequence of handshakes: what is resumed stands for what was verified",
    ),
    (
        "http",
        "any requests on one connection that either end may close: each has one outcome",
    ),
    (
        "wire",
        "bytes changed on their way: both ends come to an end, and nothing false gets through",
    ),
    ("scenario_text", "the text form: parse, print, parse again"),
];

/// The scenario in an input of the targets `model` and `memory`. None if the bytes claim to be a scenario and are not.
pub fn scenario_from_input(data: &[u8]) -> Option<Scenario> {
    if data.starts_with(&MAGIC) {
        return Scenario::from_bytes(data).ok();
    }
    Unstructured::new(data).arbitrary().ok()
}

/// The environment variable that names a fault for the targets `model`, `model_bytes` and `memory` to let loose. They then
/// end at the first violation that its entry names, and at no other.
pub const FAULT: &str = "BAREFLIGHT_FAULT";

/// What begins the line in which a target that lets a fault loose says which invariant has caught it.
pub const CAUGHT: &str = "caught by invariant ";

/// The target `model`.
///
/// # Panics
///
/// Where an invariant is broken.
pub fn model(data: &[u8]) {
    if let Some(scenario) = scenario_from_input(data) {
        run(TierName::Model, &scenario);
    }
}

/// The target `model_bytes`: every input is choices for the generator, and no mutator knows what they mean.
///
/// # Panics
///
/// Where an invariant is broken.
pub fn model_bytes(data: &[u8]) {
    if let Ok(scenario) = Unstructured::new(data).arbitrary() {
        run(TierName::Model, &scenario);
    }
}

/// The target `memory`.
///
/// # Panics
///
/// Where an invariant is broken.
pub fn memory(data: &[u8]) {
    if let Some(scenario) = scenario_from_input(data) {
        run(TierName::Memory, &scenario);
    }
}

/// The target `differential`.
///
/// # Panics
///
/// Where the two tiers write different logs.
pub fn differential(data: &[u8]) {
    thread_local! {
        static TIERS: RefCell<Differential> =
            RefCell::new(Differential::new().expect("the tiers can be set up"));
    }
    let Some(scenario) = scenario_from_input(data) else {
        return;
    };
    match TIERS.with_borrow_mut(|tiers| tiers.difference(&scenario)) {
        Ok(None) => {}
        Ok(Some(difference)) => panic!("{difference}"),
        Err(error) => panic!("{error}\n{}", scenario.to_toml()),
    }
}

/// The target `scenario_text`.
///
/// # Panics
///
/// Where what was parsed does not survive being printed, or is not what `fixup` calls valid.
pub fn scenario_text(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let Ok(scenario) = Scenario::from_toml(text) else {
        return;
    };
    let mut fixed = scenario.clone();
    fixed.fixup();
    assert_eq!(
        fixed, scenario,
        "the reader lets through what fixup changes"
    );
    let printed = scenario.to_toml();
    match Scenario::from_toml(&printed) {
        Ok(again) => assert_eq!(again, scenario, "printed as:\n{printed}"),
        Err(error) => panic!("{error}, printed as:\n{printed}"),
    }
}

/// Changes the first `size` bytes of `data`, a scenario, in place, or puts a generated one there; the new size, or none if the
/// bytes are better changed as bytes: one time in eight, so that the decoder is tested too, and where they are not a scenario.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> Option<usize> {
    let mut rng = fastrand::Rng::with_seed(u64::from(seed));
    if rng.chance(1, 8) {
        return None;
    }
    let mut scenario = scenario_from_input(&data[..size])?;
    // Coverage leads from one scenario to its neighbours; the generator leads elsewhere, and from nothing it is faster.
    if rng.chance(1, 2) {
        scenario = Scenario::generate(&mut rng, STEPS);
    } else {
        scenario.mutate(&mut rng);
    }
    write(&mut scenario, &mut data[..max_size])
}

/// Crosses two scenarios into `out`; the size, or 0 if one of them is not a scenario.
pub fn cross(one: &[u8], other: &[u8], out: &mut [u8], seed: u32) -> usize {
    let mut rng = fastrand::Rng::with_seed(u64::from(seed));
    let crossed = scenario_from_input(one)
        .zip(scenario_from_input(other))
        .and_then(|(mut one, other)| {
            one.cross(&other, &mut rng);
            write(&mut one, out)
        });
    crossed.unwrap_or(0)
}

/// Writes a scenario where it fits, shortened as far as it must be.
fn write(scenario: &mut Scenario, out: &mut [u8]) -> Option<usize> {
    loop {
        let bytes = scenario.to_bytes();
        if let Some(place) = out.get_mut(..bytes.len()) {
            place.copy_from_slice(&bytes);
            return Some(bytes.len());
        }
        scenario.steps.pop()?;
    }
}

thread_local! {
    /// One runner for each tier, used again from input to input.
    static RUNNERS: RefCell<Vec<Runner>> = const { RefCell::new(Vec::new()) };
}

fn run(tier: TierName, scenario: &Scenario) {
    RUNNERS.with_borrow_mut(|runners| {
        if !runners.iter().any(|runner| runner.tier() == tier) {
            runners.push(Runner::new(tier).expect("the tier can be set up"));
        }
        let runner = runners
            .iter_mut()
            .find(|runner| runner.tier() == tier)
            .expect("it was just put there");
        match (runner.run(scenario, *LOOSE), *LOOSE) {
            (Ok(verdict), None) if verdict.violations.is_empty() => {}
            (Ok(verdict), None) => panic!("{}\n{}", told(verdict.violations), scenario.to_toml()),
            (Ok(verdict), Some(fault)) => {
                let mut names = verdict.violations.iter().map(|it| it.invariant.name);
                if let Some(name) = names.find(|name| fault.ends_with(name)) {
                    panic!("\n{CAUGHT}{name}\n{}", scenario.to_toml());
                }
            }
            (Err(error @ (TierError::Endless(_) | TierError::Transport(_))), _) => {
                panic!("{error}\n{}", scenario.to_toml());
            }
            (Err(error @ TierError::Setup(_)), _) => panic!("{error}"),
        }
    });
}

/// The fault that the environment names; none on the reference.
static LOOSE: LazyLock<Option<&'static Fault>> = LazyLock::new(|| {
    let name = std::env::var(FAULT).ok()?;
    let fault = Fault::named(&name);
    Some(fault.unwrap_or_else(|| panic!("there is no fault named `{name}` ({FAULT})")))
});

fn told(violations: &[Violation]) -> String {
    let violations = violations.iter();
    let told = violations.map(|it| format!("{}: {}", it.invariant.name, it.message));
    told.collect::<Vec<_>>().join("\n")
}

/// What the targets promise of themselves is part of the ordinary tests.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutation_keeps_inputs_within_their_bounds_and_valid() {
        let mut rng = fastrand::Rng::with_seed(5);
        let mut data = vec![0; 512];
        let bytes = Scenario::generate(&mut rng, 3).to_bytes();
        data[..bytes.len()].copy_from_slice(&bytes);
        let mut size = bytes.len();
        for seed in 0..500 {
            if let Some(new) = mutate(&mut data, size, 512, seed) {
                size = new;
            }
            assert!(size <= 512);
            assert!(scenario_from_input(&data[..size]).is_some());
        }
        let mut out = [0; 300];
        let crossed = cross(&data[..size], &bytes, &mut out, 9);
        assert!(crossed > 0 && scenario_from_input(&out[..crossed]).is_some());
    }

    /// What fuzzing found below scenarios, an input a file: `corpus/regressions/TARGET/`, with a line on each in its README.
    #[test]
    fn what_was_found_stays_mended() {
        type Target = fn(&[u8]);
        let targets: [(&str, Target); 4] = [
            ("handshake", handshake),
            ("resumption", resumption),
            ("http", http),
            ("wire", wire),
        ];
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/regressions");
        let mut inputs = 0;
        for (name, target) in targets {
            let files = std::fs::read_dir(std::path::Path::new(root).join(name));
            for file in files.into_iter().flatten() {
                let input = std::fs::read(file.expect("the corpus can be read").path());
                target(&input.expect("the corpus can be read"));
                inputs += 1;
            }
        }
        assert!(inputs > 0, "the regressions are not where they should be");
    }

    #[test]
    fn no_bytes_upset_the_targets() {
        let mut rng = fastrand::Rng::with_seed(6);
        for length in 0..200 {
            let mut bytes: Vec<u8> = (0..length).map(|_| rng.u8(..)).collect();
            decide(&bytes);
            model(&bytes);
            handshake(&bytes);
            resumption(&bytes);
            http(&bytes);
            wire(&bytes);
            scenario_text(&bytes);
            bytes.splice(0..0, *b"BFS\x01");
            model(&bytes);
        }
    }
}
