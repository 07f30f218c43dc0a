//! Scenarios that grow step by step: after each step all invariants hold, nothing that was seen before has changed, and
//! nobody was taken for somebody else by a reading of the scenario that knows no pools.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use bareflight_harness::Runner;
use bareflight_harness::case::{Case, Vocabulary};
use bareflight_harness::engines::{steps, worlds};
use bareflight_harness::log::{Cause, Client, Event, Log};
use bareflight_harness::oracle::sharing;
use bareflight_harness::scenario::{Scenario, Step};
use bareflight_harness::tier::TierName;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

/// The reference: a world, and what was done in it.
#[derive(Clone, Debug)]
struct Plan;

impl ReferenceStateMachine for Plan {
    type State = Scenario;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Scenario> {
        worlds().boxed()
    }

    fn transitions(_: &Scenario) -> BoxedStrategy<Step> {
        // Steps that overlap change what came before them.
        let alone = |step: Step| Step {
            overlap: None,
            ..step
        };
        steps().prop_map(alone).boxed()
    }

    fn apply(mut state: Scenario, step: &Step) -> Scenario {
        state.steps.push(step.clone());
        state.fixup();
        state
    }
}

/// The user agent under test: what it has done so far.
struct Session {
    runner: Runner,
    log: Log,
}

impl StateMachineTest for Session {
    type SystemUnderTest = Self;
    type Reference = Plan;

    fn init_test(_: &Scenario) -> Self {
        Self {
            runner: Runner::new(TierName::Model).unwrap(),
            log: Log::default(),
        }
    }

    fn apply(mut session: Self, scenario: &Scenario, _: Step) -> Self {
        let verdict = session.runner.run(scenario, None).unwrap();
        assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);
        let log = verdict.log.clone();
        let before = session.log.records.len();
        assert_eq!(
            log.records[..before],
            session.log.records,
            "what was seen has changed"
        );
        session.log = log;
        session
    }

    fn check_invariants(session: &Self, scenario: &Scenario) {
        let case = Case::new(scenario, &mut Vocabulary::default());
        assert_eq!(
            sharing::improper(&case, &session.log)
                .into_iter()
                .collect::<Vec<_>>(),
            []
        );
        for (record, it) in session.log.records.iter().enumerate() {
            let Event::Request(request) = &it.event else {
                continue;
            };
            if request.method == "CONNECT" {
                // What a proxy is shown is not what the request wants.
                continue;
            }
            let cause = Cause {
                step: request.step.unwrap(),
                hop: request.hop,
                preflight: request.preflight,
            };
            let wants = sharing::wants(&case, &session.log, record, cause).unwrap();
            if let Some(Client::Identity { name, renewal }) = session.log.client_of(record) {
                let identity = wants.identity.map(|(index, renewals)| {
                    let name = &scenario.identities[usize::from(index)].name;
                    (name.as_str(), renewals)
                });
                assert_eq!(Some((name.as_str(), usize::from(*renewal))), identity);
            }
            assert!(wants.credentials || !request.cookie);
        }
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_user_agent_holds_step_by_step(sequential 1..12 => Session);
}
