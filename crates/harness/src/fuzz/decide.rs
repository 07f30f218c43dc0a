//! The target `decide`: any request and any answer, against a second reading of the standard and what must always hold.

mod generate;

use arbitrary::Unstructured;
use bareflight_policy::decide::{Case, Decision, Input, decide as decide_case};
use bareflight_policy::{Mode, cors_preflight_request, include_credentials};

use crate::oracle::Opinion;

/// Builds a case of the bytes, decides it, and checks it.
///
/// # Panics
///
/// Where the policy and the oracle differ, or something does not hold that must always hold.
pub fn decide(data: &[u8]) {
    let Ok(input) = generate::input(&mut Unstructured::new(data)) else {
        return;
    };
    let Ok(case) = Case::parse(&input) else {
        return;
    };
    let decision = decide_case(&case);
    let (policy, oracle) = (
        Opinion::of_policy(&case, &decision),
        Opinion::of_grammar(&input),
    );
    assert_eq!(
        policy,
        oracle,
        "the policy (left) and the grammars (right) differ: {}",
        json(&input)
    );
    holds(&input, &case, &decision);
}

/// The properties of a decision that need no second reading.
fn holds(input: &Input, case: &Case, decision: &Decision<'_>) {
    let preflight = cors_preflight_request(&case.request);
    assert!(
        !include_credentials(&preflight),
        "a preflight never includes credentials: {}",
        json(input)
    );

    let request = &case.request;
    let crosses = request.current_url().is_http() && !request.is_same_origin();
    if case.profile.speaks_cors.value && request.mode == Mode::Cors && crosses {
        let unsafe_header = !decision.unsafe_names.is_empty();
        assert!(
            decision.preflight || !unsafe_header,
            "an unsafe header under cors needs a preflight: {}",
            json(input)
        );
    }

    let reordered = reordered(input);
    assert_eq!(
        facts(decide_case(case)),
        facts(decide_case(&reordered)),
        "order and case do not matter: {}",
        json(input)
    );

    let mut more = input.clone();
    more.headers.push(("x-unsafe".to_owned(), "1".to_owned()));
    if let Ok(more) = Case::parse(&more) {
        assert!(
            !decision.preflight || decide_case(&more).preflight,
            "one more unsafe header: {}",
            json(input)
        );
    }
}

/// A decision without its connection, whose origin may be opaque, and then equals no other.
fn facts(decision: Decision<'_>) -> Decision<'_> {
    Decision {
        connection: None,
        ..decision
    }
}

/// The same case with its headers in another order and their names in another case, which must not matter.
fn reordered(input: &Input) -> Case {
    let mut reordered = input.clone();
    reordered.headers.reverse();
    for (name, _) in &mut reordered.headers {
        *name = name.to_ascii_uppercase();
    }
    Case::parse(&reordered).expect("order and case do not make a header invalid")
}

/// The case as a line for `bareflight decide`.
fn json(input: &Input) -> String {
    serde_json::to_string(input).unwrap_or_else(|_| format!("{input:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_policy_and_the_grammars_agree(data in vec(any::<u8>(), 0..500)) {
            decide(&data);
        }
    }
}
