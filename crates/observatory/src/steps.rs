//! Which steps can a program be told to take, and in which words?

use bareflight_harness::case::Case;
use bareflight_harness::scenario::{Action, Body, Exchange, Kind, Scenario, Trust, WorldEvent};

use crate::attribute::Token;
use crate::error::WorldError;
use crate::names::Names;
use crate::protocol::StepLine;

/// Refuses a scenario with a step that no program can be told to take.
pub(crate) fn check(scenario: &Scenario) -> Result<(), WorldError> {
    for (index, step) in scenario.steps.iter().enumerate() {
        let what = match &step.action {
            _ if step.overlap.is_some() => "it overlaps with another",
            Action::Event(WorldEvent::Time { .. }) => {
                "no program can be made to believe that time passed"
            }
            Action::Event(WorldEvent::Logout) => "a logout happens inside of it",
            Action::Event(WorldEvent::NetworkChange) => {
                "the network of this machine stays as it is"
            }
            Action::Event(WorldEvent::Renew { .. }) => "a renewal happens inside of it",
            Action::Exchange(exchange) if exchange.via.is_some() => {
                "a proxy does not stand here yet"
            }
            Action::Exchange(exchange) if exchange.kind != Kind::Fetch => {
                "only a fetch can be asked for so far"
            }
            Action::Exchange(_)
            | Action::Event(
                WorldEvent::Close { .. }
                | WorldEvent::Restart { .. }
                | WorldEvent::RotateTicketKeys { .. }
                | WorldEvent::ChangeMode { .. }
                | WorldEvent::Reload { .. },
            ) => continue,
        };
        return Err(WorldError::Unsupported {
            step: index + 1,
            what,
        });
    }
    Ok(())
}

/// What a program is told of a step.
pub(crate) fn line(case: &Case<'_>, names: &Names, step: u16, exchange: &Exchange) -> StepLine {
    let token = Token { step, hop: 0 };
    let identity = case.hop(step, 0).and_then(|hop| hop.identity);
    let identity = identity.map(|index| &case.scenario.identities[usize::from(index)]);
    let headers = exchange.headers.iter();
    StepLine {
        step: u32::from(step) + 1,
        method: exchange.method.to_string(),
        url: token.attach(&names.url(&exchange.url)),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        body: (exchange.body != Body::None).then(|| "{}".to_owned()),
        identity: identity.map(|it| it.name.to_string()),
        verify: exchange.trust == Trust::Verify,
    }
}
