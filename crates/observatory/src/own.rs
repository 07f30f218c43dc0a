//! What does the user agent of this workspace do, over the same sockets as the others? As it is; or with one of the known faults let
//! loose, which must be caught: that shows that the observatory sees.

mod connector;

use core::num::NonZeroU32;

use bareflight_harness::case::{Case, Hop, Vocabulary};
use bareflight_harness::faults::Fault;
use bareflight_harness::log::Outcome;
use bareflight_harness::scenario::{Body, Exchange, Kind, Name, Trust};
use bareflight_harness::tier::Deciders;
use bareflight_user_agent::front::{Client, FetchError};
use bareflight_user_agent::{FetchId, FetchRequest, HeldIdentity, Limits as Bounds, UserAgent};
use bytes::Bytes;
use tokio::time::timeout;

use crate::browsing::browser_scenarios;
use crate::certificates::Certificates;
use crate::error::{ObserveError, WorldError};
use crate::observe::{Limits, Ran, runtime, summary};
use crate::scenarios::{Asked, scenarios};
use crate::verdict::Report;
use crate::world::World;
use connector::Loopback;

/// The scenarios for the user agent: it speaks CORS, and serves several identities and trust policies.
pub fn own_scenarios() -> Vec<Asked> {
    [browser_scenarios(), scenarios()].concat()
}

/// Observes the user agent of this workspace, with a fault of its side let loose or with none.
///
/// # Errors
///
/// [`ObserveError`] where the servers could not be set up, or stop.
pub fn observe_own(
    agent: &str,
    fault: Option<&Fault>,
    asked: &[Asked],
    limits: &Limits,
) -> Result<Report, ObserveError> {
    let deciders = fault.map_or_else(Deciders::default, |it| it.deciders);
    let version = env!("CARGO_PKG_VERSION");
    let runtime = runtime()?;
    let certificates = Certificates::new()?;
    let mut report = summary(asked, limits, |case| {
        let ran = runtime.block_on(run(case, deciders, &certificates, limits))?;
        Ok((ran, format!("{agent} {version}")))
    })?;
    agent.clone_into(&mut report.agent);
    version.clone_into(&mut report.version);
    Ok(report)
}

async fn run(
    case: &Case<'_>,
    deciders: Deciders,
    certificates: &Certificates,
    limits: &Limits,
) -> Result<Ran, ObserveError> {
    let mut world = match World::start_for_own(case, certificates).await {
        Err(error @ WorldError::Unsupported { .. }) => {
            return Ok(Ran::Unsupported(error.to_string()));
        }
        world => world?,
    };
    let here = world.scenario_here();
    let mut vocabulary = Vocabulary::default();
    let here = Case::new(&here, &mut vocabulary);
    let client = client(&here, deciders, certificates)?;
    for step in 0..u16::try_from(case.scenario.steps.len()).unwrap_or(u16::MAX) {
        let Some(exchange) = world.begin(step).await? else {
            continue;
        };
        let Some(hop) = here.hop(step, 0) else {
            continue;
        };
        let fetch = client.fetch_as(wanted(hop, exchange), body(exchange));
        let outcome = match world.until(timeout(limits.step, fetch)).await? {
            Ok(Ok(answer)) => Outcome::Status(answer.status().as_u16()),
            Ok(Err(FetchError::Network(error))) => Outcome::Error(Name::new(error.name())),
            Ok(Err(error)) => Outcome::Error(error.to_string().into()),
            Err(_) => {
                let (step, limit) = (step + 1, limits.step);
                let what = format!("step {step} did not come to its end within {limit:?}");
                return Ok(Ran::Undecided(what));
            }
        };
        world.end(step, outcome).await?;
    }
    Ok(Ran::Seen(world.into_log()))
}

/// A client with empty caches, whose user holds the identities of the scenario.
fn client(
    here: &Case<'_>,
    deciders: Deciders,
    certificates: &Certificates,
) -> Result<Client<Loopback>, WorldError> {
    let connector = Loopback::new(certificates.pki(), here.scenario)?;
    let mut agent = UserAgent::new(here.profile, deciders.agent, Bounds::default());
    for identity in &here.scenario.identities {
        let hosts = identity.hosts.iter().map(Name::as_str);
        agent.identities().add(identity.name.as_str(), hosts);
    }
    Ok(Client::new(agent, connector))
}

fn wanted(hop: &Hop, exchange: &Exchange) -> FetchRequest {
    FetchRequest {
        id: FetchId(0), // the client numbers its fetches
        request: hop.request.clone(),
        identity: exchange.identity.map(|it| HeldIdentity(u32::from(it))),
        declines: exchange.declines,
        trust: bareflight_user_agent::trust(number(exchange.trust)),
        server_name: None,
        via: None,
        preconnect: exchange.kind == Kind::Preconnect,
        pipelined: exchange.pipelined,
    }
}

fn body(exchange: &Exchange) -> Bytes {
    match exchange.body {
        Body::None => Bytes::new(),
        Body::Bytes | Body::Stream => Bytes::from_static(b"{}"),
    }
}

/// The trust of a step as the user agent and its connector number it.
fn number(trust: Trust) -> NonZeroU32 {
    match trust {
        Trust::Verify => NonZeroU32::MIN,
        Trust::Insecure => NonZeroU32::MIN.saturating_add(1),
    }
}
