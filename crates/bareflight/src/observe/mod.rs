//! `bareflight observe`: what do browsers and clients do that are not ours?

mod html;
mod junit;
mod report;
mod serve;

pub(crate) use serve::serve;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bareflight_observatory::agents::{Agent, NotHere, Start};
use bareflight_observatory::ending::{self, Folder};
use bareflight_observatory::verdict::Report;
use bareflight_observatory::{
    Asked, Limits, ObserveError, Program, browser_scenarios, observe, observe_browser, observe_own,
    own_scenarios, scenarios,
};
use serde_json::{Value, json};

use crate::cli::ObserveArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{files, input, output, repository};

/// What came of one client.
enum Observed {
    Seen(Box<Report>),
    /// It has to be installed first.
    NotHere(String, NotHere),
    /// It did not do its part.
    Failed(String, ObserveError),
}

impl Observed {
    /// What it means for the exit code. What is not here has not passed.
    fn exit(&self) -> Exit {
        match self {
            Self::Seen(report) if report.is_broken() => Exit::Broken,
            Self::Seen(report) if report.is_undecided() => Exit::Undecided,
            Self::Seen(_) => Exit::Holds,
            Self::NotHere(..) | Self::Failed(..) => Exit::Undecided,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Seen(report) => serde_json::to_value(report).expect("names and numbers are JSON"),
            Self::NotHere(agent, it) => {
                json!({ "agent": agent, "not-here": { "needs": it.package, "reason": it.reason } })
            }
            Self::Failed(agent, error) => json!({ "agent": agent, "error": error.to_string() }),
        }
    }
}

pub(crate) fn run(args: &ObserveArgs) -> Result<Exit, Failure> {
    let asked = Asking::of(&args.scenario)?;
    let limits = Limits {
        runs: args.runs,
        step: Duration::from_secs(args.limit),
    };
    // As the shell has it of a command that a signal ended.
    ending::in_order(|signal| 128 + signal).map_err(ObserveError::from)?;
    let folder = Folder::new().map_err(ObserveError::from)?;
    let out = args.out.clone();
    let out = out.unwrap_or_else(|| repository::at_root("target").join("bareflight/observed"));
    let progress = Progress::start("observing", (args.agents.len() + args.command.len()) as u64);
    let mut all = Vec::new();
    for agent in &args.agents {
        progress.at(all.len() as u64, agent.name);
        let start = ready(agent, args, folder.path())?;
        all.push(by_name(agent, start, &asked, &limits));
    }
    for line in &args.command {
        progress.at(all.len() as u64, line);
        let program = Program::shell(line);
        all.push(of(line, None, observe(&program, &asked.clients, &limits)));
    }
    progress.finish(&output::count(all.len() as u64, "client"));
    for observed in &mut all {
        if let Observed::Seen(report) = observed {
            write_logs(report, &out)?;
        }
    }
    if args.json {
        let all: Vec<Value> = all.iter().map(Observed::to_json).collect();
        let json = serde_json::to_string_pretty(&all).expect("names and numbers are JSON");
        output::print(&format!("{json}\n"))?;
    } else {
        output::print(&report::text(&all))?;
    }
    if let Some(path) = &args.junit {
        files::replace(path, junit::text(&all).as_bytes())?;
    }
    if let Some(path) = &args.html {
        files::replace(path, html::page(&all, None).as_bytes())?;
    }
    Ok(all.iter().map(Observed::exit).max().unwrap_or_default())
}

/// What is asked of whom.
struct Asking {
    clients: Vec<Asked>,
    browsers: Vec<Asked>,
    /// Of the user agent of this workspace.
    own: Vec<Asked>,
}

impl Asking {
    /// The scenarios in these files, or else those that are known.
    fn of(files: &[PathBuf]) -> Result<Self, Failure> {
        if files.is_empty() {
            return Ok(Self {
                clients: scenarios(),
                browsers: browser_scenarios(),
                own: own_scenarios(),
            });
        }
        let read = files.iter().map(|file| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            Ok(Asked::of(&name, input::read(file)?.scenario))
        });
        let clients: Vec<Asked> = read.collect::<Result<_, Failure>>()?;
        let browsers = clients.iter().cloned().map(Asked::for_browsers).collect();
        // It does what both do.
        let own = clients.iter().cloned().map(Asked::by_its_profile).collect();
        Ok(Self {
            clients,
            browsers,
            own,
        })
    }
}

/// Makes a client ready; the program of the one browser may be elsewhere.
fn ready(
    agent: &Agent,
    args: &ObserveArgs,
    folder: &Path,
) -> Result<Result<Start, NotHere>, Failure> {
    let Some(path) = &args.agent_path else {
        return Ok(agent.ready(folder, repository::root().as_deref()));
    };
    let start = match args.agents.len() {
        1 => agent.ready_at(path),
        _ => None,
    };
    start.ok_or_else(|| Failure::Usage("--agent-path is for one AGENT, a browser".to_owned()))
}

fn by_name(
    agent: &Agent,
    start: Result<Start, NotHere>,
    asked: &Asking,
    limits: &Limits,
) -> Observed {
    let outcome = match start {
        Err(not_here) => return Observed::NotHere(agent.name.to_owned(), not_here),
        Ok(Start::Own(fault)) => observe_own(agent.name, fault, &asked.own, limits),
        Ok(Start::Program(program)) => observe(&program, &asked.clients, limits),
        Ok(Start::Browser(browser)) => {
            observe_browser(&browser, agent.name, &asked.browsers, limits)
        }
    };
    of(agent.name, Some(agent.name), outcome)
}

/// `agent` is the name of one that is known; others say their own.
fn of(name: &str, agent: Option<&str>, outcome: Result<Report, ObserveError>) -> Observed {
    match outcome {
        Ok(mut report) => {
            report.agent = agent.map_or(report.agent, str::to_owned);
            Observed::Seen(Box::new(report))
        }
        Err(error) => Observed::Failed(name.to_owned(), error),
    }
}

/// A log for each scenario, in a folder for each client.
fn write_logs(report: &mut Report, out: &Path) -> Result<(), Failure> {
    let tame = |c: char| {
        if c.is_ascii_alphanumeric() || "-._".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = report.agent.chars().take(60).map(tame).collect();
    let folder = out.join(name.trim_matches('.'));
    for scenario in report.scenarios.iter().filter(|it| !it.log.is_empty()) {
        let path = folder.join(&scenario.name).with_extension("jsonl");
        files::replace(&path, scenario.log.as_bytes())?;
    }
    report.log = Some(folder);
    Ok(())
}
