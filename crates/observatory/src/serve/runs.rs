//! Who is on it, and how far? Each run has servers and a thread of its own, so that several browsers do not mix.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bareflight_harness::case::Case;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::called::called;
use crate::certificates::Certificates;
use crate::error::{ObserveError, WorldError};
use crate::observe::{Limits, Ran, runtime, summary};
use crate::page::Desk;
use crate::place::Place;
use crate::scenarios::Asked;
use crate::verdict::Report;
use crate::watch::{Taken, take_steps};
use crate::world::World;

/// How long a browser has to open a page. A person may have to look at a warning.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a page has to go on to the next one.
const LEAVING: Duration = Duration::from_secs(5);

/// Runs that are known, beyond which the oldest is forgotten.
const MOST: usize = 100;

/// Where a browser goes next.
pub(super) enum Next {
    Page(String),
    Over,
}

/// What a run has come to.
#[derive(Clone)]
pub(super) enum Outcome {
    UnderWay,
    Seen(Arc<Report>),
    Failed(String),
}

/// A run as it is listed.
#[derive(Serialize)]
pub(super) struct Listed {
    id: u32,
    browser: String,
    outcome: &'static str,
}

/// All runs, by number.
#[derive(Default)]
pub(super) struct Runs(Mutex<Known>);

#[derive(Default)]
struct Known {
    last: u32,
    runs: BTreeMap<u32, Arc<Run>>,
}

struct Run {
    browser: String,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    /// The next page, until a browser was sent there.
    page: Option<String>,
    outcome: Outcome,
}

impl Runs {
    /// Begins a run and returns its number.
    pub(super) fn begin(
        &self,
        agent: &str,
        asked: &[Asked],
        limits: Limits,
        certificates: &Arc<Certificates>,
        place: &Place,
        address: &str,
    ) -> u32 {
        let (name, version) = called(agent);
        let run = Arc::new(Run {
            browser: format!("{name} {version}"),
            state: Mutex::new(State {
                page: None,
                outcome: Outcome::UnderWay,
            }),
            changed: Notify::new(),
        });
        let id = self.add(Arc::clone(&run));
        let (agent, asked) = (agent.to_owned(), asked.to_vec());
        let (certificates, place) = (Arc::clone(certificates), place.clone());
        let onward = format!("{address}/next/{id}");
        // What becomes of it is told by the run itself.
        thread::spawn(move || {
            let way = Way {
                run: &run,
                certificates: &certificates,
                place: &place,
                onward: &onward,
            };
            let outcome = match lead(&way, &agent, &asked, &limits) {
                Ok(report) => Outcome::Seen(Arc::new(report)),
                Err(error) => Outcome::Failed(error.to_string()),
            };
            run.change(|state| state.outcome = outcome);
        });
        id
    }

    fn add(&self, run: Arc<Run>) -> u32 {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.last += 1;
        let id = known.last;
        known.runs.insert(id, run);
        while known.runs.len() > MOST {
            known.runs.pop_first();
        }
        id
    }

    fn run(&self, id: u32) -> Option<Arc<Run>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.runs.get(&id).cloned()
    }

    /// Where the browser of a run goes next, once that is known.
    pub(super) async fn next(&self, id: u32) -> Option<Next> {
        let run = self.run(id)?;
        loop {
            let changed = run.changed.notified();
            let next = run.change_quietly(|state| match (&state.page, &state.outcome) {
                (Some(_), _) => state.page.take().map(Next::Page),
                (None, Outcome::UnderWay) => None,
                (None, _) => Some(Next::Over),
            });
            if next.is_some() {
                return next;
            }
            changed.await;
        }
    }

    /// All that are known, the last first.
    pub(super) fn known(&self) -> Vec<Listed> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = known.runs.iter().rev().map(|(&id, run)| Listed {
            id,
            browser: run.browser.clone(),
            outcome: run.change_quietly(|state| match state.outcome {
                Outcome::UnderWay => "under-way",
                Outcome::Seen(_) => "seen",
                Outcome::Failed(_) => "failed",
            }),
        });
        listed.collect()
    }

    /// What a run has come to.
    pub(super) fn outcome(&self, id: u32) -> Option<Outcome> {
        let run = self.run(id)?;
        Some(run.change_quietly(|state| state.outcome.clone()))
    }
}

impl Run {
    fn change_quietly<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.change_quietly(change);
        // One browser waits, and may do so a moment later.
        self.changed.notify_one();
    }
}

/// On what a browser is led.
struct Way<'w> {
    run: &'w Run,
    certificates: &'w Certificates,
    place: &'w Place,
    /// Where a page goes when its steps were taken.
    onward: &'w str,
}

/// Leads a browser through all scenarios.
fn lead(
    way: &Way<'_>,
    agent: &str,
    asked: &[Asked],
    limits: &Limits,
) -> Result<Report, ObserveError> {
    let (name, version) = called(agent);
    let runtime = runtime()?;
    let mut report = summary(asked, limits, |case| {
        let ran = runtime.block_on(one(way, case, limits))?;
        Ok((ran, format!("{name} {version}")))
    })?;
    (report.agent, report.version) = (name.clone(), version.clone());
    Ok(report)
}

async fn one(way: &Way<'_>, case: &Case<'_>, limits: &Limits) -> Result<Ran, ObserveError> {
    let desk = Desk::default();
    let started = World::start_with_pages(case, way.certificates, way.place, &desk).await;
    let mut world = match started {
        Err(error @ WorldError::Unsupported { .. }) => {
            return Ok(Ran::Unsupported(error.to_string()));
        }
        world => world?,
    };
    let Some(page) = world.first_page(&desk) else {
        return Ok(Ran::Unsupported("it has no step for a page".to_owned()));
    };
    way.run.change(|state| state.page = Some(page));
    let loaded = world.until(timeout(PATIENCE, desk.loaded())).await?;
    if loaded.is_err() {
        return Err(WorldError::NoPage(PATIENCE).into());
    }
    let taken = take_steps(&mut world, &desk, case, limits, None).await?;
    let late = match taken {
        Taken::All => None,
        Taken::Late(what) => Some(what),
        Taken::Lost(what) | Taken::Gone(what) => return Err(WorldError::PageLeft(what).into()),
    };
    // A page that does not go on is missed when the next one is not opened.
    let left = timeout(LEAVING, desk.send_on(way.onward.to_owned()));
    let _ = world.until(left).await?;
    Ok(late.map_or_else(|| Ran::Seen(world.into_log()), Ran::Undecided))
}
