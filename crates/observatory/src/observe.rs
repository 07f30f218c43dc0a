//! How is a client observed? Each scenario several times, each time by a fresh program with fresh servers; then judged.

use std::time::Duration;

use bareflight_harness::case::{Case, Vocabulary};
use bareflight_harness::invariants::{Violation, judge};
use bareflight_harness::log::{Event, Log, Outcome};
use bareflight_harness::scenario::{Action, Name};
use bareflight_policy::Profile;

use crate::certificates::Certificates;
use crate::error::{ObserveError, ProgramError, WorldError};
use crate::facts::Facts;
use crate::fit::Fit;
use crate::program::{Program, Running};
use crate::protocol::{self, Hello, OutcomeLine, Said};
use crate::scenarios::Asked;
use crate::verdict::{Broken, LeftOut, Report, ScenarioReport, sum_up};
use crate::world::World;

/// The bounds of an observation.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How often each scenario is run.
    pub runs: u32,
    /// How long a program has for one answer.
    pub step: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            runs: 3,
            step: Duration::from_secs(10),
        }
    }
}

/// Observes a program that speaks the step protocol.
///
/// # Errors
///
/// [`ObserveError`] where the program does not do its part, or the servers could not do theirs.
pub fn observe(
    program: &Program,
    asked: &[Asked],
    limits: &Limits,
) -> Result<Report, ObserveError> {
    let runtime = runtime()?;
    let certificates = Certificates::new()?;
    let mut who = Who::default();
    let mut report = summary(asked, limits, |case| {
        let ran = runtime.block_on(run(program, case, &certificates, limits, &mut who))?;
        Ok((ran, who.name(program)))
    })?;
    report.agent = who.agent(program);
    report.version = who.version(program);
    Ok(report)
}

/// A runtime of one thread, which servers and sockets need.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, WorldError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(WorldError::io("no runtime could be started"))
}

/// What a program says of itself.
#[derive(Debug, Default)]
struct Who {
    agent: Option<String>,
    version: Option<String>,
}

impl Who {
    fn agent(&self, program: &Program) -> String {
        self.agent.clone().unwrap_or_else(|| program.name())
    }

    fn version(&self, program: &Program) -> String {
        let version = self.version.as_deref().or(program.version());
        version.unwrap_or("unknown").to_owned()
    }

    /// Both, as they stand at the head of a recorded log.
    fn name(&self, program: &Program) -> String {
        format!("{} {}", self.agent(program), self.version(program))
    }
}

/// What a run came to.
pub(crate) enum Ran {
    Seen(Log),
    /// The client cannot do what it asks for.
    Unsupported(String),
    /// It was not led to its end.
    Undecided(String),
}

/// Runs each scenario so often as the limits say, judges the runs, and sums them up.
pub(crate) fn summary(
    asked: &[Asked],
    limits: &Limits,
    mut run: impl FnMut(&Case<'_>) -> Result<(Ran, String), ObserveError>,
) -> Result<Report, ObserveError> {
    let mut facts = Facts::default();
    let mut scenarios = Vec::new();
    let mut vocabulary = Vocabulary::default();
    for asked in asked {
        let case = Case::new(&asked.scenario, &mut vocabulary);
        let mut report = empty(asked);
        for _ in 0..limits.runs {
            match run(&case)? {
                (Ran::Seen(log), client) => {
                    count(&mut report, &mut facts, &case, &log, &client);
                }
                (Ran::Unsupported(what), _) => report.left_out = Some(LeftOut::Unsupported(what)),
                (Ran::Undecided(what), _) => report.left_out = Some(LeftOut::Unreached(what)),
            }
            if report.left_out.is_some() {
                break;
            }
        }
        if report.left_out.is_some() {
            report
                .tallies
                .values_mut()
                .for_each(|it| *it = Default::default());
        }
        scenarios.push(report);
    }
    let profiles = profiles(asked);
    let verdicts = sum_up(&scenarios);
    let mut report = Report {
        agent: String::new(),
        version: String::new(),
        profile: profiles.join(", "),
        verdicts,
        facts,
        fit: None,
        runs: limits.runs,
        log: None,
        scenarios,
    };
    let speaks_cors = |it: &&str| Profile::from_name(it).is_some_and(|it| it.speaks_cors.value);
    if profiles.iter().any(speaks_cors) {
        let continues = report.verdict("preflight-continues");
        report.fit = Some(Fit::of(&report.facts, continues));
    }
    Ok(report)
}

/// The profiles of some scenarios, each once.
fn profiles(asked: &[Asked]) -> Vec<&str> {
    let mut profiles: Vec<&str> = Vec::new();
    for it in asked {
        let profile = it.scenario.profile.as_str();
        if !profiles.contains(&profile) {
            profiles.push(profile);
        }
    }
    profiles
}

fn empty(asked: &Asked) -> ScenarioReport {
    ScenarioReport {
        name: asked.name.clone(),
        title: asked.scenario.title.clone(),
        tallies: asked
            .of
            .iter()
            .map(|&name| (name, Default::default()))
            .collect(),
        broken: Vec::new(),
        left_out: None,
        log: String::new(),
    }
}

/// Judges one run of a client.
fn count(report: &mut ScenarioReport, facts: &mut Facts, case: &Case<'_>, log: &Log, client: &str) {
    let text = || log.to_json_lines(case.scenario, client);
    if report.log.is_empty() {
        report.log = text();
    }
    if let Some(what) = unreached(case, log) {
        report.left_out = Some(LeftOut::Unreached(what));
        return;
    }
    facts.add(case, log);
    let mut violations: Vec<Violation> = Vec::new();
    judge(case, log, &mut violations);
    let broken = |name: &str| violations.iter().find(|it| it.invariant.name == name);
    for (name, tally) in &mut report.tallies {
        tally.runs += 1;
        let Some(violation) = broken(name) else {
            continue;
        };
        tally.broken += 1;
        if report.broken.iter().all(|it| it.invariant != *name) {
            if report.broken.is_empty() {
                report.log = text();
            }
            report.broken.push(Broken {
                invariant: name,
                message: violation.message.clone(),
            });
        }
    }
}

/// A step of which no server saw anything, and what its caller says. A client that reaches nothing breaks nothing, and that is
/// not the same as doing it right.
fn unreached(case: &Case<'_>, log: &Log) -> Option<String> {
    let exchanges = (0u16..).zip(&case.scenario.steps);
    let mut exchanges = exchanges.filter(|(_, it)| matches!(it.action, Action::Exchange(_)));
    let (step, _) = exchanges.find(|&(step, _)| !during(log, step).any(is_visit))?;
    let said = log.records.iter().find_map(|it| match &it.event {
        Event::Outcome {
            step: of,
            outcome: Outcome::Error(error),
        } if *of == step => Some(error.as_str()),
        _ => None,
    });
    let said = said.unwrap_or("no error");
    Some(format!(
        "step {} reached no server; the client says: {said}",
        step + 1
    ))
}

/// What was seen while a step was under way.
fn during(log: &Log, step: u16) -> impl Iterator<Item = &Event> {
    let events = log.records.iter().map(|it| &it.event);
    let from = events.skip_while(move |it| **it != Event::Step { step });
    from.skip(1)
        .take_while(|it| !matches!(it, Event::Step { .. }))
}

fn is_visit(event: &Event) -> bool {
    matches!(event, Event::Request(_) | Event::Connection(_))
}

async fn run(
    program: &Program,
    case: &Case<'_>,
    certificates: &Certificates,
    limits: &Limits,
    who: &mut Who,
) -> Result<Ran, ObserveError> {
    let mut world = World::start(case, certificates).await?;
    let mut running = program.start()?;
    let hello = world.line(certificates)?;
    let hello: Hello = world
        .until(running.ask(&hello, "who it is", limits.step))
        .await??;
    if hello.bareflight != protocol::VERSION {
        let reason = format!("this is version {} of the protocol", protocol::VERSION);
        let answer = format!("bareflight: {}", hello.bareflight);
        return Err(running.nonsense("who it is", &answer, reason).into());
    }
    *who = Who {
        agent: hello.agent,
        version: hello.version,
    };
    for step in 0..u16::try_from(case.scenario.steps.len()).unwrap_or(u16::MAX) {
        let Some(exchange) = world.begin(step).await? else {
            continue;
        };
        let line = world.step_line(step, exchange);
        let what = format!("step {} ({} {})", line.step, line.method, line.url);
        let answer = world.until(running.ask(&line, &what, limits.step)).await?;
        let outcome = match said(&running, answer?, line.step, &what)? {
            Said::Status(status) => Outcome::Status(status),
            Said::Error(error) => Outcome::Error(error.chars().take(200).collect::<Name>()),
            Said::Unsupported(what) => {
                running.end().await;
                return Ok(Ran::Unsupported(what.chars().take(200).collect()));
            }
        };
        world.end(step, outcome).await?;
    }
    world.until(running.end()).await?;
    Ok(Ran::Seen(world.into_log()))
}

/// What a program says, if it says it of this step.
fn said(running: &Running, line: OutcomeLine, step: u32, what: &str) -> Result<Said, ProgramError> {
    if line.step == step {
        return Ok(line.outcome);
    }
    let reason = format!("it is of step {}", line.step);
    Err(running.nonsense(what, &format!("step {}", line.step), reason))
}
