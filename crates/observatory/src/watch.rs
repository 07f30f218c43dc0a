//! How is a browser observed? For each run it is opened anew, on a page of ours that takes the steps; then judged as a client is.

use std::future::pending;
use std::time::Duration;

use bareflight_harness::case::Case;
use bareflight_harness::log::Outcome;
use bareflight_harness::scenario::{Action, Kind, Name};
use tokio::time::sleep;

use crate::browsers::{Installed, Opened};
use crate::certificates::Certificates;
use crate::error::{BrowserError, ObserveError, WorldError};
use crate::observe::{Limits, Ran, runtime, summary};
use crate::page::Desk;
use crate::place::Place;
use crate::protocol::Said;
use crate::scenarios::Asked;
use crate::verdict::Report;
use crate::world::World;

/// How long a browser has to open its first page.
const START: Duration = Duration::from_secs(60);

/// Observes a browser that is installed.
///
/// # Errors
///
/// [`ObserveError`] where the browser does not open our page, or the servers could not do their part.
pub fn observe_browser(
    browser: &Installed,
    agent: &str,
    asked: &[Asked],
    limits: &Limits,
) -> Result<Report, ObserveError> {
    let version = browser.version();
    let runtime = runtime()?;
    let certificates = Certificates::new()?;
    let mut report = summary(asked, limits, |case| {
        let ran = runtime.block_on(run(browser, case, &certificates, limits))?;
        Ok((ran, format!("{agent} {version}")))
    })?;
    agent.clone_into(&mut report.agent);
    version.clone_into(&mut report.version);
    let continues = report.verdict("preflight-continues");
    if let Some(fit) = &mut report.fit {
        fit.and_own(browser.profile(), &report.facts, continues);
    }
    Ok(report)
}

async fn run(
    browser: &Installed,
    case: &Case<'_>,
    certificates: &Certificates,
    limits: &Limits,
) -> Result<Ran, ObserveError> {
    if case.scenario.identities.len() > 1 && !browser.chooses_by_origin() {
        let what = "it cannot be told which identity is for which origin";
        return Ok(Ran::Unsupported(what.to_owned()));
    }
    let desk = Desk::default();
    let mut world =
        match World::start_with_pages(case, certificates, &Place::default(), &desk).await {
            Err(error @ WorldError::Unsupported { .. }) => {
                return Ok(Ran::Unsupported(error.to_string()));
            }
            world => world?,
        };
    let Some(address) = world.first_page(&desk) else {
        return Ok(Ran::Unsupported("it has no step for a page".to_owned()));
    };
    let choices = world.choices();
    let mut opened = browser.open(&address, certificates, &choices).await?;
    let first = in_time(Some(&mut opened), START, desk.loaded());
    match world.until(first).await? {
        End::Done(()) => {}
        End::Late => {
            return Err(ObserveError::Browser(BrowserError::Silent {
                browser: browser.program(),
                limit: START,
                last_words: opened.last_words(),
            }));
        }
        End::Gone => return Err(gone(browser, &opened, "its first page".to_owned())),
    }
    match take_steps(&mut world, &desk, case, limits, Some(&mut opened)).await? {
        Taken::All => {}
        Taken::Late(what) => return Ok(Ran::Undecided(what)),
        Taken::Lost(what) => {
            let what = format!("{what} failed and took the page with it, which later steps need");
            return Ok(Ran::Undecided(what));
        }
        Taken::Gone(what) => return Err(gone(browser, &opened, what)),
    }
    desk.end();
    drop(opened);
    Ok(Ran::Seen(world.into_log()))
}

/// How far a page came with the steps.
pub(crate) enum Taken {
    All,
    /// It did not answer in time; what.
    Late(String),
    /// A navigation failed and took the page with it, which other steps need; which.
    Lost(String),
    /// It was closed, or its browser went away, before it answered; what.
    Gone(String),
}

/// Gives a page all steps, one after the other.
pub(crate) async fn take_steps(
    world: &mut World<'_>,
    desk: &Desk,
    case: &Case<'_>,
    limits: &Limits,
    mut opened: Option<&mut Opened>,
) -> Result<Taken, WorldError> {
    for step in 0..u16::try_from(case.scenario.steps.len()).unwrap_or(u16::MAX) {
        let Some(exchange) = world.begin(step).await? else {
            continue;
        };
        let told = world.page_step(step, exchange);
        let what = format!("step {} ({} {})", told.step, told.method, told.url);
        desk.give(told);
        let taken = in_time(opened.as_deref_mut(), limits.step, desk.outcome());
        let outcome = match world.until(taken).await? {
            End::Done(Some(said)) => outcome(said.outcome),
            End::Late => {
                let limit = limits.step;
                return Ok(Taken::Late(format!(
                    "the page did not answer {what} within {limit:?}"
                )));
            }
            // The browser shows an error in place of the page, which is missed only if there is more to do.
            End::Done(None) if exchange.kind == Kind::Navigate => {
                if !is_last(case, step) {
                    return Ok(Taken::Lost(what));
                }
                Outcome::Error("the navigation failed".into())
            }
            End::Done(None) | End::Gone => return Ok(Taken::Gone(what)),
        };
        world.end(step, outcome).await?;
    }
    Ok(Taken::All)
}

/// Whether no page is needed after this step.
fn is_last(case: &Case<'_>, step: u16) -> bool {
    let mut after = case.scenario.steps.iter().skip(usize::from(step) + 1);
    !after.any(|it| matches!(it.action, Action::Exchange(_)))
}

/// How waiting for a browser ended.
enum End<T> {
    Done(T),
    /// It took too long.
    Late,
    /// It went away.
    Gone,
}

/// Waits for a page, as long as its browser is there; one that is not ours is taken to stay.
async fn in_time<T>(
    opened: Option<&mut Opened>,
    limit: Duration,
    done: impl Future<Output = T>,
) -> End<T> {
    let gone = async {
        match opened {
            Some(opened) => opened.gone().await,
            None => pending().await,
        }
    };
    tokio::select! {
        biased;
        done = done => End::Done(done),
        () = gone => End::Gone,
        () = sleep(limit) => End::Late,
    }
}

fn gone(browser: &Installed, opened: &Opened, what: String) -> ObserveError {
    ObserveError::Browser(BrowserError::Gone {
        browser: browser.program(),
        what,
        last_words: opened.last_words(),
    })
}

fn outcome(said: Said) -> Outcome {
    match said {
        Said::Status(status) => Outcome::Status(status),
        Said::Error(error) | Said::Unsupported(error) => {
            Outcome::Error(error.chars().take(200).collect::<Name>())
        }
    }
}
