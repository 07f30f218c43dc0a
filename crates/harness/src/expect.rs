//! What the author of a scenario said must be seen, checked against the log.

use crate::case::Case;
use crate::log::{Client, Event, Log, Outcome, Request};
use crate::scenario::{Expect, ExpectedClient, ExpectedConnection, ExpectedOutcome, ExpectedPreflight};

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
            mismatches.extend(
                compare(case, expect, &seen).map(|message| Mismatch { step: index, message }),
            );
        }
    }
    mismatches
}

/// What the log shows of one step.
struct Seen<'l> {
    log: &'l Log,
    outcome: Option<&'l Outcome>,
    preflights: usize,
    /// The last request that is not a preflight.
    request: Option<&'l Request>,
}

impl<'l> Seen<'l> {
    fn of(log: &'l Log, step: u16) -> Self {
        let mut seen = Self { log, outcome: None, preflights: 0, request: None };
        for record in &log.records {
            match &record.event {
                Event::Outcome { step: of, outcome } if *of == step => seen.outcome = Some(outcome),
                Event::Request(request) if request.step == Some(step) && request.preflight => seen.preflights += 1,
                Event::Request(request) if request.step == Some(step) => seen.request = Some(request),
                _ => {}
            }
        }
        seen
    }

    fn connection(&self) -> Option<&'l crate::log::Connection> {
        let id = self.request?.connection;
        self.log.records.iter().find_map(|record| match &record.event {
            Event::Connection(connection) if connection.id == id => Some(connection),
            _ => None,
        })
    }

    /// Whether the request was the first on its connection.
    fn is_first(&self) -> bool {
        self.request.is_some_and(|request| request.stream == 1)
    }
}

fn compare<'l>(case: &Case<'_>, expect: &Expect, seen: &Seen<'l>) -> impl Iterator<Item = String> + use<'l> {
    let outcome = expect.outcome.as_ref().and_then(|wanted| outcome(wanted, seen));
    let preflight = expect.preflight.and_then(|wanted| preflight(wanted, seen));
    let client = expect.client.as_ref().and_then(|wanted| client(case, wanted, seen));
    let connection = expect.connection.and_then(|wanted| connection(wanted, seen));
    [outcome, preflight, client, connection].into_iter().flatten()
}

fn outcome(wanted: &ExpectedOutcome, seen: &Seen<'_>) -> Option<String> {
    let (same, wanted) = match (wanted, seen.outcome) {
        (ExpectedOutcome::Status(wanted), Some(Outcome::Status(status))) => (wanted == status, wanted.to_string()),
        (ExpectedOutcome::Error(wanted), Some(Outcome::Error(error))) => (wanted == error, wanted.to_string()),
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

fn preflight(wanted: ExpectedPreflight, seen: &Seen<'_>) -> Option<String> {
    match (wanted, seen.preflights) {
        (ExpectedPreflight::Sent, 0) => Some("expected a preflight, saw none".to_owned()),
        (ExpectedPreflight::None, 1..) => Some(format!("expected no preflight, saw {}", seen.preflights)),
        _ => None,
    }
}

fn client(case: &Case<'_>, wanted: &ExpectedClient, seen: &Seen<'_>) -> Option<String> {
    let shown = match seen.connection().map(|connection| &connection.client) {
        Some(Client::Identity { name, .. }) => name.as_str(),
        Some(Client::Unknown) => "somebody unknown",
        Some(Client::Absent | Client::Declined) => "none",
        None => "no request",
    };
    let wanted = match wanted {
        ExpectedClient::None => "none",
        ExpectedClient::Identity(index) => case.scenario.identities[usize::from(*index)].name.as_str(),
    };
    (wanted != shown).then(|| format!("expected the client {wanted}, saw {shown}"))
}

fn connection(wanted: ExpectedConnection, seen: &Seen<'_>) -> Option<String> {
    let Some(connection) = seen.connection() else {
        return Some("expected a connection, saw no request".to_owned());
    };
    let got = match (seen.is_first(), connection.resumed) {
        (false, _) => ExpectedConnection::Reused,
        (true, Some(_)) => ExpectedConnection::Resumed,
        (true, None) => ExpectedConnection::New,
    };
    let name = |it: ExpectedConnection| match it {
        ExpectedConnection::New => "new",
        ExpectedConnection::Resumed => "resumed",
        ExpectedConnection::Reused => "reused",
    };
    (wanted != got).then(|| format!("expected a {} connection, saw a {} one", name(wanted), name(got)))
}
