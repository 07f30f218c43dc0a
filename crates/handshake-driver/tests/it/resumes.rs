//! Which decision keeps which session from being resumed? Each known fault of a server, as an override of one decision,
//! resumes on the wire what the right answers do not.

use std::sync::Arc;
use std::time::Duration;

use crate::common::*;
use crate::hosts::{OPEN, SECURE, STAFF, hosts, staff};
use bareflight_handshake_driver::*;

const HOUR: Duration = Duration::from_secs(3600);

/// Overrides one decision.
macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident: $method:ident = $decision:expr;)*) => { $(
        $(#[$doc])*
        struct $name;
        impl Resumes for $name {
            fn $method(&self, offer: &Offer<'_>) -> bool {
                let decide: fn(&Offer<'_>) -> bool = $decision;
                decide(offer)
            }
        }
    )* };
}

faults! {
    /// STEK Sharing is Not Caring, USENIX Security 2025.
    TicketSaysAuthenticated: certificate_stands = |_| true;
    /// HAProxy before August 2026.
    ConstantSessionContext: satisfies_policy = |offer| offer.issued_for == offer.server_name;
    /// CVE-2025-23419.
    ChecksNewNameOnly: satisfies_policy = |offer| {
        offer.policy != ClientAuth::Require || offer.certificate.is_some()
    };
    /// CVE-2025-23048.
    SkipsCheckWithoutName: satisfies_policy = |offer| {
        offer.server_name.is_none() || Rechecks.satisfies_policy(offer)
    };
    /// CVE-2025-68121.
    IssuersNotRechecked: certificate_stands = |offer| offer.certificate.is_some_and(Certificate::is_in_date);
    /// golang/go issue 77113.
    LeafExpiryOnly: certificate_stands = |offer| offer.certificate.is_some_and(Certificate::leaf_is_in_date);
    /// mod_ssl PR 53193.
    ReportsSuccessOnResume: authenticated_enough = |_| true;
    /// CVE-2014-7189.
    TicketsThoughDisabled: switched_on = |_| true;
    /// h2o GHSA-5v5r-rghf-rm6q, picotls issue 507.
    SharedTicketKey: at_home = |_| true;
    /// RFC 9846 section 4.6.1 bounds what a ticket is good for.
    HoweverOld: fresh = |_| true;
}

/// What happens between the two handshakes.
#[derive(Clone, Copy)]
enum Meanwhile {
    Nothing,
    /// The server's own plan changes.
    Plan(fn(&mut ServerPlan)),
    /// Time passes.
    Time(Duration),
    /// The plan changes and time passes.
    PlanAndTime(fn(&mut ServerPlan), Duration),
    /// Another server is asked, which is set up alike.
    Elsewhere,
}

/// A session that must not be resumed, and the fault that does.
struct Case {
    fault: Arc<dyn Resumes>,
    answer: Answer,
    /// The names of the first and of the second handshake.
    names: [&'static str; 2],
    meanwhile: Meanwhile,
    /// Where it can happen.
    ways: &'static [(Versions, Resumption)],
}

const EVERYWHERE: &[(Versions, Resumption)] = &[
    (Versions::Tls12, Resumption::Tickets),
    (Versions::Tls12, Resumption::Stateful),
    (Versions::Tls13, Resumption::Tickets),
    (Versions::Tls13, Resumption::Stateful),
];

/// In TLS 1.2 no session serves under another name.
const ACROSS_NAMES: &[(Versions, Resumption)] = EVERYWHERE.split_at(2).1;

fn case(fault: impl Resumes + 'static, answer: Answer, meanwhile: Meanwhile) -> Case {
    Case {
        fault: Arc::new(fault),
        answer,
        names: [OPEN, OPEN],
        meanwhile,
        ways: EVERYWHERE,
    }
}

fn cases() -> Vec<Case> {
    let alice = || Answer::Present(alice());
    let require: fn(&mut ServerPlan) = |plan| plan.client_auth = ClientAuth::Require;
    let staff_only: fn(&mut ServerPlan) = |plan| {
        plan.client_auth = ClientAuth::Require;
        plan.accepts = vec![staff()];
    };
    let under = |names, case| Case { names, ..case };
    let across = |names, case| Case {
        names,
        ways: ACROSS_NAMES,
        ..case
    };
    vec![
        case(
            TicketSaysAuthenticated,
            alice(),
            Meanwhile::Plan(staff_only),
        ),
        across(
            [SECURE, STAFF],
            case(TicketSaysAuthenticated, alice(), Meanwhile::Nothing),
        ),
        case(
            ConstantSessionContext,
            Answer::Decline,
            Meanwhile::Plan(require),
        ),
        under(
            [SECURE, STAFF],
            case(ChecksNewNameOnly, alice(), Meanwhile::Nothing),
        ),
        // An address is no name: the server's own policy, which insists by then.
        under(
            [OPEN, ADDRESS],
            case(
                SkipsCheckWithoutName,
                Answer::Decline,
                Meanwhile::Plan(require),
            ),
        ),
        case(IssuersNotRechecked, alice(), Meanwhile::Plan(staff_only)),
        case(LeafExpiryOnly, night_shift(), Meanwhile::Time(2 * HOUR)),
        case(
            ReportsSuccessOnResume,
            Answer::Decline,
            Meanwhile::Plan(require),
        ),
        case(
            TicketsThoughDisabled,
            Answer::Decline,
            Meanwhile::Plan(|plan| plan.resumption = Resumption::Off),
        ),
        case(SharedTicketKey, alice(), Meanwhile::Elsewhere),
        // The client must not notice the age, so the server's idea of it is what shrinks.
        case(
            HoweverOld,
            Answer::Decline,
            Meanwhile::PlanAndTime(|plan| plan.lifetime = HOUR / 2, HOUR),
        ),
    ]
}

const ADDRESS: &str = "192.0.2.1";

/// Somebody whose own certificate outlives the authority that issued it.
fn night_shift() -> Answer {
    let issuer = Authority::users().subordinate("night shift");
    let plan = IdentityPlan {
        issuer: issuer.valid(Validity::Until(HOUR)),
        ..IdentityPlan::new("dave")
    };
    Answer::Present(identity(&plan))
}

/// Whether the second handshake resumes the session of the first.
fn resumes(case: &Case, rules: Arc<dyn Resumes>, versions: Versions, how: Resumption) -> bool {
    let mut plan = ServerPlan {
        client_auth: ClientAuth::Request,
        across_names: true,
        resumption: how,
        lifetime: 4 * HOUR,
        ..hosts(versions)
    };
    let mut world = World::with_rules(plan.clone(), rules);
    let configuration = ClientConfiguration {
        trust: Trust::Anyone,
        ..client(1, case.answer.clone())
    };
    let [first, second] = case.names;
    let mut first = world.connect_as(first, &configuration, None);
    let session = first.session();
    match case.meanwhile {
        Meanwhile::Nothing => {}
        Meanwhile::Plan(change) | Meanwhile::PlanAndTime(change, _) => {
            change(&mut plan);
            world.driver.reconfigure(world.server, plan).unwrap();
        }
        Meanwhile::Elsewhere => world.server = world.driver.add_server(plan, echo).unwrap(),
        Meanwhile::Time(_) => {}
    }
    if let Meanwhile::Time(by) | Meanwhile::PlanAndTime(_, by) = case.meanwhile {
        world.driver.advance(by);
    }
    let second = world.connect_as(second, &configuration, Some(session));
    let Some(seen) = second.accepted else {
        return false;
    };
    // What the log says of the session is true, whoever resumed it.
    if let Some(original) = &seen.original {
        assert_eq!(original.identity, first.server().identity);
        assert_eq!(original.server_name, first.server().server_name);
        assert_eq!(original.policy, first.server().policy);
        assert_eq!(original.server, first.server().server);
        assert_eq!(original.at, Duration::ZERO);
    }
    assert_eq!(seen.resumed.is_some(), seen.original.is_some());
    seen.resumed.is_some()
}

#[test]
fn each_decision_keeps_a_session_out() {
    for (at, case) in cases().iter().enumerate() {
        for &(versions, how) in case.ways {
            let what = format!("case {at} {versions:?} {how:?}");
            let right = Arc::new(Rechecks);
            assert!(!resumes(case, right, versions, how), "{what}");
            let wrong = Arc::clone(&case.fault);
            assert!(resumes(case, wrong, versions, how), "{what}");
        }
    }
}
