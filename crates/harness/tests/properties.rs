//! What holds for every scenario and every log: both forms lose nothing, and no input, however bent, upsets a reader.

use bareflight_harness::Runner;
use bareflight_harness::case::{Case, Vocabulary};
use bareflight_harness::invariants::judge;
use bareflight_harness::log::Log;
use bareflight_harness::scenario::Scenario;
use bareflight_harness::tier::TierName;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_scenario_survives_both_forms(seed in any::<u64>()) {
        let scenario = generated(seed);
        let text = scenario.to_toml();
        prop_assert_eq!(Scenario::from_toml(&text), Ok(scenario.clone()), "{}", text);
        prop_assert_eq!(Scenario::from_bytes(&scenario.to_bytes()), Ok(scenario.clone()));
    }

    /// What is decoded is made valid once and for all, and what is valid can be written and read as text.
    #[test]
    fn what_damaged_bytes_decode_to_is_valid(seed in any::<u64>(), damage in vec(damage(), 1..8)) {
        let scenario = generated(seed);
        if let Ok(decoded) = Scenario::from_bytes(&damaged(scenario.to_bytes(), &damage)) {
            let mut again = decoded.clone();
            again.fixup();
            prop_assert_eq!(&again, &decoded, "fixup changes what it has made valid");
            let text = decoded.to_toml();
            prop_assert_eq!(Scenario::from_toml(&text), Ok(decoded.clone()), "{}", text);
            prop_assert_eq!(Scenario::from_bytes(&decoded.to_bytes()), Ok(decoded.clone()));
        }
    }

    /// What is valid runs and is judged, however strange.
    #[test]
    fn what_damaged_bytes_decode_to_runs(seed in any::<u64>(), damage in vec(damage(), 1..8)) {
        let scenario = generated(seed);
        if let Ok(decoded) = Scenario::from_bytes(&damaged(scenario.to_bytes(), &damage)) {
            let mut runner = Runner::new(TierName::Model).unwrap();
            let verdict = runner.run(&decoded, None).unwrap();
            prop_assert!(verdict.violations.is_empty(), "{:#?}\n{}", verdict.violations, decoded.to_toml());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".*") {
        read_or_refused(&text)?;
        read_or_refused(&format!("bareflight = 1\n{text}"))?;
    }

    #[test]
    fn damaged_text_is_read_or_refused(seed in any::<u64>(), damage in vec(damage(), 1..4)) {
        let scenario = generated(seed);
        let text = damaged(scenario.to_toml().into_bytes(), &damage);
        read_or_refused(&String::from_utf8_lossy(&text))?;
    }

    #[test]
    fn any_text_is_a_log_or_refused(text in ".*", lines in vec("\\{.*\\}", 0..4)) {
        judged_or_refused(&text)?;
        judged_or_refused(&lines.join("\n"))?;
    }

    #[test]
    fn a_log_survives_being_written(seed in any::<u64>()) {
        let scenario = generated(seed);
        let (text, log) = run(&scenario);
        prop_assert_eq!(Log::from_json_lines(&text), Ok((scenario, "model".to_owned(), log)), "{}", text);
    }

    /// A log that was tampered with is refused or judged: the numbers in it lead nowhere, in circles, or back in time.
    #[test]
    fn damaged_logs_are_judged_or_refused(seed in any::<u64>(), damage in vec(damage(), 1..8), swaps in vec(any::<(Index, Index)>(), 0..4)) {
        let scenario = generated(seed);
        let (text, _) = run(&scenario);
        let mut lines: Vec<&str> = text.lines().collect();
        // The first line says what was run.
        let records = &mut lines[1..];
        for (one, other) in &swaps {
            records.swap(one.index(records.len()), other.index(records.len()));
        }
        let text = damaged_digits(lines.join("\n"), &damage);
        judged_or_refused(&text)?;
        let text = damaged(text.into_bytes(), &damage);
        judged_or_refused(&String::from_utf8_lossy(&text))?;
    }
}

fn read_or_refused(text: &str) -> Result<(), TestCaseError> {
    if let Ok(scenario) = Scenario::from_toml(text) {
        let printed = scenario.to_toml();
        prop_assert_eq!(
            Scenario::from_toml(&printed),
            Ok(scenario.clone()),
            "{}",
            printed
        );
        let mut fixed = scenario.clone();
        fixed.fixup();
        prop_assert_eq!(
            &fixed,
            &scenario,
            "the reader lets through what fixup changes:\n{}",
            text
        );
    }
    Ok(())
}

fn judged_or_refused(text: &str) -> Result<(), TestCaseError> {
    if let Ok((scenario, tier, log)) = Log::from_json_lines(text) {
        judge(
            &Case::new(&scenario, &mut Vocabulary::default()),
            &log,
            &mut Vec::new(),
        );
        let again = log.to_json_lines(&scenario, &tier);
        prop_assert_eq!(
            Log::from_json_lines(&again),
            Ok((scenario, tier, log)),
            "{}",
            again
        );
    }
    Ok(())
}

fn run(scenario: &Scenario) -> (String, Log) {
    let mut runner = Runner::new(TierName::Model).expect("the model needs nothing");
    let log = runner
        .run(scenario, None)
        .expect("every run comes to rest")
        .log
        .clone();
    (log.to_json_lines(scenario, "model"), log)
}

fn generated(seed: u64) -> Scenario {
    Scenario::generate(&mut fastrand::Rng::with_seed(seed), 12)
}

/// One change of some bytes.
#[derive(Clone, Debug)]
enum Damage {
    Put(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    Repeat(Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => any::<(Index, u8)>().prop_map(|(at, byte)| Damage::Put(at, byte)),
        2 => any::<(Index, u8)>().prop_map(|(at, byte)| Damage::Insert(at, byte)),
        2 => any::<Index>().prop_map(Damage::Remove),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => any::<(Index, Index)>().prop_map(|(from, to)| Damage::Repeat(from, to)),
    ]
}

fn damaged(mut bytes: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for it in damage {
        let len = bytes.len();
        if len == 0 {
            break;
        }
        match it {
            Damage::Put(at, byte) => bytes[at.index(len)] = *byte,
            Damage::Insert(at, byte) => bytes.insert(at.index(len), *byte),
            Damage::Remove(at) => {
                bytes.remove(at.index(len));
            }
            Damage::Cut(at) => bytes.truncate(at.index(len)),
            Damage::Repeat(from, to) => {
                let (from, to) = (from.index(len), to.index(len));
                bytes.extend_from_within(from.min(to)..from.max(to));
            }
        }
    }
    bytes
}

/// Other digits in place of some digits: the text stays JSON.
fn damaged_digits(text: String, damage: &[Damage]) -> String {
    let mut bytes = text.into_bytes();
    // Those of the first line are the scenario's.
    let start = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let digits: Vec<usize> = (start..bytes.len())
        .filter(|at| bytes[*at].is_ascii_digit())
        .collect();
    for it in damage.iter().filter(|_| !digits.is_empty()) {
        if let Damage::Put(at, byte) | Damage::Insert(at, byte) = it {
            bytes[digits[at.index(digits.len())]] = b'1' + byte % 9;
        }
    }
    String::from_utf8(bytes).expect("digits took the place of digits")
}
