//! `bareflight replay`: does what happens in these files hold?

use core::fmt::Write;
use std::path::Path;

use bareflight_harness::Runner;
use bareflight_harness::tier::TierName;
use serde::Serialize;

use crate::cli::{How, ReplayArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::input::{self, Input, Kind, Recorded};
use crate::judge::{Judged, Runners, judge_recorded};
use crate::output::{self, BAD, BOLD, DIM, GOOD, WARN, count, styled};
use crate::story::record_step;

/// The verdict on one file on one tier.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Replayed {
    file: String,
    kind: Option<Kind>,
    /// The tier that it ran on, or was recorded on; none if the file is unusable.
    tier: Option<String>,
    recorded: bool,
    fault: Option<&'static str>,
    verdict: Exit,
    requests: usize,
    connections: usize,
    violations: Vec<Broken>,
    /// What the scenario's author expected otherwise.
    expectations: Vec<Unmet>,
    /// Why it is unusable or could not be decided.
    error: Option<String>,
}

/// A broken invariant.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Broken {
    invariant: &'static str,
    /// From 1.
    step: Option<u16>,
    /// The line of the log after its head, from 1.
    record: usize,
    message: String,
    sentence: &'static str,
    section: &'static str,
}

/// An expectation that was not met.
#[derive(Debug, Serialize)]
struct Unmet {
    /// From 1.
    step: u16,
    message: String,
}

pub(crate) fn run(args: &ReplayArgs) -> Result<Exit, Failure> {
    if let (Some(to), [file]) = (&args.write, args.files.as_slice()) {
        let input = input::read(file)?;
        write(to, input.scenario.to_toml().as_bytes())?;
    } else if args.write.is_some() {
        return Err(Failure::Usage("--write takes exactly one FILE".to_owned()));
    }
    capture(args)?;
    let mut runners = Runners::default();
    let mut all = Vec::new();
    for file in &args.files {
        let verdicts = replay(file, &args.how, &mut runners);
        if !args.json {
            output::print(&text(file, &verdicts))?;
        }
        all.extend(verdicts);
    }
    if args.json {
        let json = serde_json::to_string_pretty(&all).expect("names and numbers are JSON");
        output::print(&format!("{json}\n"))?;
    }
    Ok(all.iter().map(|it| it.verdict).max().unwrap_or_default())
}

/// Runs the one FILE once more for what crosses the network.
fn capture(args: &ReplayArgs) -> Result<(), Failure> {
    if args.pcap.is_none() && args.keylog.is_none() {
        return Ok(());
    }
    let ([file], None | Some(TierName::Memory)) = (args.files.as_slice(), args.how.tier) else {
        return Err(Failure::Usage(
            "--pcap and --keylog take exactly one FILE, on the tier memory: the model has no network".to_owned(),
        ));
    };
    let input = input::read(file)?;
    let mut runner = Runner::new(TierName::Memory).map_err(Failure::Tier)?;
    let wire = runner
        .wire(&input.scenario, args.how.fault)
        .map_err(Failure::Tier)?;
    let wire = wire.unwrap_or_default();
    if let Some(to) = &args.pcap {
        write(to, &crate::capture::pcap(&wire.packets))?;
    }
    if let Some(to) = &args.keylog {
        let lines: String = wire.keys.iter().map(|line| format!("{line}\n")).collect();
        write(to, lines.as_bytes())?;
    }
    Ok(())
}

/// Writes a file that was asked for, and says so.
fn write(to: &Path, bytes: &[u8]) -> Result<(), Failure> {
    files::write_new(to, bytes)?;
    output::complain(&format!("wrote {}", to.display()));
    Ok(())
}

fn replay(file: &Path, how: &How, runners: &mut Runners) -> Vec<Replayed> {
    let input = match input::read(file) {
        Ok(input) => input,
        Err(error) => {
            output::complain(&error.render());
            return vec![Replayed {
                error: Some(error.to_string()),
                ..Replayed::of(file, Exit::Unusable)
            }];
        }
    };
    if let Some(recorded) = input.recorded_for(how) {
        return vec![judged(file, &input, how, recorded)];
    }
    let tiers = how
        .tier
        .map_or_else(|| TierName::ALL.to_vec(), |tier| vec![tier]);
    tiers
        .into_iter()
        .map(|tier| on(file, &input, how, tier, runners))
        .collect()
}

fn judged(file: &Path, input: &Input, how: &How, recorded: &Recorded) -> Replayed {
    let verdict = judge_recorded(&input.scenario, recorded);
    let mut replayed = Replayed::of(file, verdict.exit()).with(&verdict, input, how);
    replayed.tier = Some(recorded.tier.clone());
    replayed.recorded = true;
    replayed
}

fn on(file: &Path, input: &Input, how: &How, tier: TierName, runners: &mut Runners) -> Replayed {
    let mut replayed = match runners.judge(tier, &input.scenario, how.fault) {
        Ok(verdict) => Replayed::of(file, verdict.exit()).with(&verdict, input, how),
        Err(error) => Replayed {
            error: Some(error.to_string()),
            ..Replayed::of(file, Exit::Undecided)
        },
    };
    replayed.tier = Some(tier.as_str().to_owned());
    replayed
}

impl Replayed {
    fn of(file: &Path, verdict: Exit) -> Self {
        Self {
            file: file.display().to_string(),
            kind: None,
            tier: None,
            recorded: false,
            fault: None,
            verdict,
            requests: 0,
            connections: 0,
            violations: Vec::new(),
            expectations: Vec::new(),
            error: None,
        }
    }

    fn with(mut self, judged: &Judged, input: &Input, how: &How) -> Self {
        let (connections, requests) = judged.sizes();
        self.kind = Some(input.kind);
        self.error = judged.cut_off();
        self.fault = how.fault.map(|fault| fault.name.as_str());
        self.connections = connections;
        self.requests = requests;
        self.violations = judged
            .violations
            .iter()
            .map(|violation| Broken {
                invariant: violation.invariant.name,
                step: record_step(&judged.log, violation.record).map(|step| step + 1),
                record: violation.record + 1,
                message: violation.message.clone(),
                sentence: violation.invariant.sentence,
                section: violation.invariant.section,
            })
            .collect();
        self.expectations = judged
            .mismatches
            .iter()
            .map(|it| Unmet {
                step: it.step + 1,
                message: it.message.clone(),
            })
            .collect();
        self
    }
}

fn text(file: &Path, verdicts: &[Replayed]) -> String {
    let mut text = format!("{}\n", styled(BOLD, &file.display().to_string()));
    for it in verdicts {
        let tier = match (&it.tier, it.recorded) {
            (Some(tier), true) => format!("recorded on {tier}"),
            (Some(tier), false) => format!("{tier:<6}"),
            (None, _) => "unusable".to_owned(),
        };
        let _ = writeln!(text, "  {tier}  {}", verdict(it));
        for broken in &it.violations {
            let at = broken
                .step
                .map_or_else(String::new, |step| format!(", step {step}"));
            let name = styled(BAD, broken.invariant);
            let _ = writeln!(text, "    {name}{at}: {}", broken.message);
            let _ = writeln!(
                text,
                "      {}",
                styled(
                    DIM,
                    &format!("holds when {}. {}", broken.sentence, broken.section)
                )
            );
        }
        for unmet in &it.expectations {
            let _ = writeln!(
                text,
                "    {} of step {}: {}",
                styled(BAD, "expectation"),
                unmet.step,
                unmet.message
            );
        }
    }
    text
}

fn verdict(it: &Replayed) -> String {
    let sizes = || {
        let requests = count(it.requests as u64, "request");
        let connections = count(it.connections as u64, "connection");
        styled(DIM, &format!("({requests} on {connections})"))
    };
    match it.verdict {
        Exit::Holds => format!("{} {}", styled(GOOD, "holds"), sizes()),
        Exit::Broken => format!("{} {}", styled(BAD, "broken"), sizes()),
        Exit::Unusable => styled(BAD, "see the message above"),
        Exit::Undecided => {
            format!(
                "{}: {}",
                styled(WARN, "not decided"),
                it.error.as_deref().unwrap_or("nobody knows why")
            )
        }
    }
}
