//! What the author of a scenario said must be seen, checked against the log.

use crate::case::Case;
use crate::log::{Client, Connection, Event, Leg, Log, Outcome, Request};
use crate::scenario::{
    Expect, ExpectedClient, ExpectedConnection, ExpectedOutcome, ExpectedPreflight,
};

/// An expectation that did not come true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The step, from 0.
    pub step: u16,
    /// What was expected and what was seen, in a sentence.
    pub message: String,
}

/// Checks every expectation of the case.
pub fn check(case: &Case<'_>, log: &Log) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    for (index, step) in (0u16..).zip(&case.scenario.steps) {
        if let Some(expect) = &step.expect {
            let seen = Seen::of(log, index);
            let messages = compare(case, expect, &seen);
            mismatches.extend(messages.map(|message| Mismatch {
                step: index,
                message,
            }));
        }
    }
    mismatches
}

/// What the log shows of one step.
#[derive(Default)]
struct Seen<'l> {
    outcome: Option<&'l Outcome>,
    preflights: usize,
    requests: usize,
    /// The last preflight.
    preflight: Option<Ridden<'l>>,
    /// The last request that is not a preflight.
    request: Option<Ridden<'l>>,
    /// Whether a connection for a preflight failed.
    preflight_failed: bool,
    prompted: bool,
}

/// A request with the connection that it rode.
struct Ridden<'l> {
    request: &'l Request,
    connection: &'l Connection,
    client: &'l Client,
}

impl<'l> Seen<'l> {
    fn of(log: &'l Log, step: u16) -> Self {
        let mut seen = Self::default();
        for (at, record) in log.records.iter().enumerate() {
            match &record.event {
                Event::Outcome { step: of, outcome } if *of == step => seen.outcome = Some(outcome),
                Event::Prompt { cause } if cause.step == step => seen.prompted = true,
                Event::Connection(connection) => {
                    let for_preflight = connection
                        .cause
                        .is_some_and(|cause| cause.step == step && cause.preflight);
                    seen.preflight_failed |= for_preflight && connection.failed.is_some();
                }
                Event::Request(request) if request.step == Some(step) => {
                    seen.request(log, at, request);
                }
                _ => {}
            }
        }
        seen
    }

    fn request(&mut self, log: &'l Log, at: usize, request: &'l Request) {
        let connection = connection_of(log, request);
        if connection.is_some_and(|it| it.leg == Leg::Proxy) {
            // For the tunnel, not for what is in it.
            return;
        }
        let known = connection.zip(log.client_of(at));
        let ridden = known.map(|(connection, client)| Ridden {
            request,
            connection,
            client,
        });
        if request.preflight {
            self.preflights += 1;
            self.preflight = ridden;
        } else {
            self.requests += 1;
            self.request = ridden;
        }
    }
}

fn connection_of<'l>(log: &'l Log, request: &Request) -> Option<&'l Connection> {
    log.records.iter().find_map(|record| match &record.event {
        Event::Connection(connection) if connection.id == request.connection => Some(connection),
        _ => None,
    })
}

fn compare<'l>(
    case: &Case<'_>,
    expect: &Expect,
    seen: &Seen<'l>,
) -> impl Iterator<Item = String> + use<'l> {
    let (request, preflight) = (seen.request.as_ref(), seen.preflight.as_ref());
    [
        expect
            .outcome
            .as_ref()
            .and_then(|wanted| outcome(wanted, seen)),
        expect.preflight.and_then(|wanted| preflights(wanted, seen)),
        expect
            .preflight_client
            .as_ref()
            .and_then(|wanted| client(case, "preflight's client", wanted, preflight)),
        expect
            .preflight_connection
            .and_then(|wanted| connection("preflight", wanted, preflight)),
        expect
            .client
            .as_ref()
            .and_then(|wanted| client(case, "client", wanted, request)),
        expect
            .connection
            .and_then(|wanted| connection("request", wanted, request)),
        expect.requests.and_then(|wanted| requests(wanted, seen)),
        expect.prompt.and_then(|wanted| prompt(wanted, seen)),
    ]
    .into_iter()
    .flatten()
}

fn outcome(wanted: &ExpectedOutcome, seen: &Seen<'_>) -> Option<String> {
    let (same, wanted) = match (wanted, seen.outcome) {
        (ExpectedOutcome::Status(wanted), Some(Outcome::Status(status))) => {
            (wanted == status, wanted.to_string())
        }
        (ExpectedOutcome::Error(wanted), Some(Outcome::Error(error))) => {
            (wanted == error, wanted.to_string())
        }
        (ExpectedOutcome::Status(wanted), _) => (false, wanted.to_string()),
        (ExpectedOutcome::Error(wanted), _) => (false, wanted.to_string()),
    };
    let got = match seen.outcome {
        None => "nothing".to_owned(),
        Some(Outcome::Status(status)) => status.to_string(),
        Some(Outcome::Error(error)) => error.to_string(),
        Some(Outcome::Connected) => "connected".to_owned(),
    };
    (!same).then(|| format!("expected the outcome {wanted}, saw {got}"))
}

fn preflights(wanted: ExpectedPreflight, seen: &Seen<'_>) -> Option<String> {
    let (got, saw) = match (seen.preflights, seen.preflight_failed) {
        (0, false) => (ExpectedPreflight::None, "none".to_owned()),
        (0, true) => (ExpectedPreflight::Failed, "its handshake fail".to_owned()),
        (sent, _) => (ExpectedPreflight::Sent, format!("{sent} arrive")),
    };
    let wanted = match wanted {
        _ if wanted == got => return None,
        ExpectedPreflight::Sent => "a preflight to arrive",
        ExpectedPreflight::Failed => "the handshake of a preflight to fail",
        ExpectedPreflight::None => "no preflight",
    };
    Some(format!("expected {wanted}, saw {saw}"))
}

fn client(
    case: &Case<'_>,
    whose: &str,
    wanted: &ExpectedClient,
    seen: Option<&Ridden<'_>>,
) -> Option<String> {
    let shown = match seen.map(|ridden| ridden.client) {
        Some(Client::Identity { name, .. }) => name.as_str(),
        Some(Client::Unknown) => "somebody unknown",
        Some(Client::Absent | Client::Declined) => "none",
        None => "no request",
    };
    let wanted = match wanted {
        ExpectedClient::None => "none",
        ExpectedClient::Identity(index) => {
            case.scenario.identities[usize::from(*index)].name.as_str()
        }
    };
    (wanted != shown).then(|| format!("expected the {whose} to be {wanted}, saw {shown}"))
}

fn connection(
    whose: &str,
    wanted: ExpectedConnection,
    seen: Option<&Ridden<'_>>,
) -> Option<String> {
    let Some(Ridden {
        request,
        connection,
        ..
    }) = seen
    else {
        return Some(format!("expected a connection, saw no {whose}"));
    };
    let got = match (request.stream == 1, connection.resumed) {
        (false, _) => ExpectedConnection::Reused,
        (true, Some(_)) => ExpectedConnection::Resumed,
        (true, None) => ExpectedConnection::New,
    };
    let name = |it: ExpectedConnection| match it {
        ExpectedConnection::New => "new",
        ExpectedConnection::Resumed => "resumed",
        ExpectedConnection::Reused => "reused",
    };
    (wanted != got).then(|| {
        format!(
            "expected the {whose} on a {} connection, saw it on a {} one",
            name(wanted),
            name(got)
        )
    })
}

fn requests(wanted: u16, seen: &Seen<'_>) -> Option<String> {
    let got = seen.requests;
    (usize::from(wanted) != got)
        .then(|| format!("expected requests beside preflights: {wanted}, saw {got}"))
}

fn prompt(wanted: bool, seen: &Seen<'_>) -> Option<String> {
    let say = |prompted: bool| if prompted { "asked" } else { "not asked" };
    (wanted != seen.prompted).then(|| {
        format!(
            "expected the user to be {} for a certificate, saw them {}",
            say(wanted),
            say(seen.prompted)
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::Runner;
    use crate::scenario::Scenario;
    use crate::tier::TierName;

    /// A PUT that shows alice's certificate after a bare preflight: what each key of `expect` accepts of it, and what it
    /// says when it must refuse.
    #[test]
    fn every_expectation_can_hold_and_can_fail() {
        let table = [
            (
                "status = 200",
                "status = 204",
                "expected the outcome 204, saw 200",
            ),
            (
                "status = 200",
                "error = 'blocked'",
                "expected the outcome blocked, saw 200",
            ),
            (
                "preflight = 'sent'",
                "preflight = 'none'",
                "expected no preflight, saw 1 arrive",
            ),
            (
                "preflight = 'sent'",
                "preflight = 'failed'",
                "expected the handshake of a preflight to fail, saw 1 arrive",
            ),
            (
                "preflight-client = 'none'",
                "preflight-client = 'alice'",
                "preflight's client to be alice, saw none",
            ),
            (
                "preflight-connection = 'new'",
                "preflight-connection = 'reused'",
                "on a reused connection, saw it on a new one",
            ),
            (
                "client = 'alice'",
                "client = 'none'",
                "expected the client to be none, saw alice",
            ),
            (
                "connection = 'new'",
                "connection = 'resumed'",
                "the request on a resumed connection, saw it on a new one",
            ),
            (
                "requests = 1",
                "requests = 0",
                "expected requests beside preflights: 0, saw 1",
            ),
            (
                "prompt = true",
                "prompt = false",
                "expected the user to be not asked for a certificate, saw them asked",
            ),
        ];
        for (holds, fails, message) in table {
            assert_eq!(
                mismatches("request", holds),
                Vec::<String>::new(),
                "{holds}"
            );
            let said = mismatches("request", fails);
            assert!(
                said.len() == 1 && said[0].contains(message),
                "{fails}: {said:?}"
            );
        }
    }

    /// The same PUT where the server insists: the preflight's handshake fails and nothing else happens.
    #[test]
    fn what_did_not_happen_is_said() {
        let holds =
            "error = 'certificate-required', preflight = 'failed', requests = 0, prompt = false";
        assert_eq!(mismatches("require", holds), Vec::<String>::new());
        let table = [
            (
                "preflight = 'sent'",
                "expected a preflight to arrive, saw its handshake fail",
            ),
            (
                "preflight = 'none'",
                "expected no preflight, saw its handshake fail",
            ),
            (
                "client = 'none'",
                "expected the client to be none, saw no request",
            ),
            (
                "connection = 'new'",
                "expected a connection, saw no request",
            ),
            (
                "preflight-connection = 'new'",
                "expected a connection, saw no preflight",
            ),
        ];
        for (expect, message) in table {
            assert_eq!(mismatches("require", expect), [message], "{expect}");
        }
    }

    fn mismatches(client_certificate: &str, expect: &str) -> Vec<String> {
        let text = format!(
            "bareflight = 1
            [server.api]
            hosts = ['api.test']
            client-certificate = '{client_certificate}'
            [identity.alice]
            for = ['api.test']
            [[step]]
            fetch = 'https://api.test/'
            method = 'PUT'
            credentials = 'include'
            expect = {{ {expect} }}"
        );
        let scenario = Scenario::from_toml(&text).unwrap();
        let mut runner = Runner::new(TierName::Model).unwrap();
        let mismatches = runner.expectations(&scenario).unwrap();
        mismatches
            .into_iter()
            .map(|mismatch| mismatch.message)
            .collect()
    }
}
