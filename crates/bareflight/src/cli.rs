//! What can be typed: subcommands, options and the text of `--help`.

use std::net::IpAddr;
use std::path::PathBuf;

use bareflight_harness::engines::{EngineName, Exhaustive};
use bareflight_harness::faults::Fault;
use bareflight_harness::tier::TierName;
use bareflight_observatory::Domain;
use bareflight_observatory::agents::{AGENTS, Agent};
use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Said at the end of every help text.
const EXIT_CODES: &str = "\
Exit codes:
  0  all hold
  1  an invariant is broken, an expectation is not met, a fault is not caught or a control is flagged
  2  unusable input or arguments
  3  could not be decided
Of several the first that applies counts, in the order 1, 2, 3, 0.";

/// Said at the end of the help of `decide`.
const CASES: &str = r#"A case is one line with one JSON object:
  {"url": "https://api.test/items", "origin": "https://app.test", "method": "PUT", "credentials": "include"}
More fields are mode, top, headers, body, upload-listener, preflight-response, response and profile.

Exit codes:
  0  each case is decided
  2  a line is no case, or the cases cannot be read"#;

/// An executable, fuzzable form of one rule of the web: a CORS preflight never carries credentials, TLS client
/// certificates included.
///
/// Without a subcommand it runs `check`.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) check: CheckArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Replays the corpus, fuzzes the reference, lets every known fault loose, and reports
    #[command(after_help = EXIT_CODES)]
    Check(CheckArgs),
    /// Runs scenarios, fuzz inputs or recorded logs and judges them
    #[command(after_help = EXIT_CODES)]
    Replay(ReplayArgs),
    /// Tells what happened in a scenario, a fuzz input or a recorded log, step by step
    #[command(after_help = EXIT_CODES)]
    Explain(ExplainArgs),
    /// Decides what requests may carry, a JSON line for each; a bad line gives an error in its place and exit code 2
    #[command(after_help = CASES)]
    Decide(DecideArgs),
    /// Fuzzes guided by coverage, through cargo-fuzz
    #[command(after_help = EXIT_CODES)]
    Fuzz(FuzzArgs),
    /// Measures how fast each engine finds each known bug
    #[command(after_help = EXIT_CODES)]
    Faults(FaultsArgs),
    /// Puts browsers and HTTP clients that are not ours under the same scenarios, and judges them by what their servers see
    #[command(after_help = EXIT_CODES)]
    Observe(ObserveArgs),
    /// Observes any browser by a page that is opened in it
    #[command(after_help = EXIT_CODES)]
    Serve(ServeArgs),
    /// Lists what there is
    #[command(after_help = EXIT_CODES)]
    List(ListArgs),
    /// Keeps the corpus
    #[command(subcommand, after_help = EXIT_CODES)]
    Corpus(CorpusCommand),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// How long to fuzz the reference
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(crate) seconds: u64,
    /// Where all choices come from: the same seed gives the same scenarios
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Scenarios after which a fault counts as missed and a control as harmless, however long they take [default: 50,000
    /// and 10,000 on model, and on memory 100 of those that show on the model and 300; 30 s at most]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) hunt: Option<u64>,
    #[command(flatten)]
    pub(crate) faults: Faults,
    /// Only this tier
    #[arg(long, value_parser = tier())]
    pub(crate) tier: Option<TierName>,
    /// The corpus [default: `corpus` here or at the top of the repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) corpus: Option<PathBuf>,
    /// Where the report and what was found are written [default: `target/bareflight` beside the corpus]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Prints the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Scenarios (TOML or binary), fuzz inputs or recorded logs
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) how: How,
    /// Prints the verdicts as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes the scenario of the one FILE as TOML; a file that is there is left as it is
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) write: Option<PathBuf>,
    /// Writes what crossed the network in the one FILE, on the tier memory, as a capture for Wireshark
    #[arg(long, value_name = "FILE.pcap")]
    pub(crate) pcap: Option<PathBuf>,
    /// Writes the keys to that capture, in the NSS key log format
    #[arg(long, value_name = "FILE.keys")]
    pub(crate) keylog: Option<PathBuf>,
}

/// How scenarios are run.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// The tier [default: all for `replay`, model for `explain`; a recorded log is judged as it is]
    #[arg(long, value_parser = tier())]
    pub(crate) tier: Option<TierName>,
    /// Lets this known fault loose: `bareflight list faults`
    #[arg(long, value_name = "NAME", value_parser = fault())]
    pub(crate) fault: Option<&'static Fault>,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A scenario (TOML or binary), a fuzz input or a recorded log
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) how: How,
    /// Tells only this step, counted from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) step: Option<u16>,
    /// Writes a drawing as SVG; a file that is there is left as it is
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) svg: Option<PathBuf>,
    /// Writes the observation log as JSON Lines; a file that is there is left as it is
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) log: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DecideArgs {
    /// Cases as JSON Lines [default: standard input]
    pub(crate) file: Option<PathBuf>,
    /// Tells it in words instead of JSON: what to change where a request is stuck on a "CORS error"
    #[arg(long)]
    pub(crate) explain: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FuzzArgs {
    /// The target, see `bareflight list targets` [default: each in turn]
    #[arg(value_parser = target())]
    pub(crate) target: Option<String>,
    /// How long each target runs [default: until it is stopped, or 20 s where all run in turn]
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<u64>,
    /// What libFuzzer is told
    #[arg(last = true, value_name = "LIBFUZZER ARGS")]
    pub(crate) rest: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct FaultsArgs {
    /// Only these engines: `bareflight list engines` [default: those that need no cargo-fuzz]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = engine())]
    pub(crate) engine: Vec<EngineName>,
    /// Where scenarios run
    #[arg(long, default_value = "model", value_parser = tier())]
    pub(crate) tier: TierName,
    #[command(flatten)]
    pub(crate) faults: Faults,
    /// Trials of each fault with each engine, each with a seed of its own; with `exhaustive`, which takes none, one
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) trials: u32,
    /// How long a trial lasts if the fault is not caught before, and how long each engine but `exhaustive` has the reference
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,
    /// Where all choices come from: the same seed gives the same scenarios
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Steps up to which the engine `exhaustive` goes; it has the reference and all faults to its end, however long that takes
    #[arg(long, value_name = "N", default_value_t = Exhaustive::STEPS, value_parser = steps())]
    pub(crate) steps: usize,
    /// Writes all that was measured as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Where the report is written [default: `target/bareflight` beside the corpus]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// In place of the trials: how often does one fault keep another from being reported?
    #[arg(long, conflicts_with_all = ["write_corpus", "engine", "json"])]
    pub(crate) pairs: bool,
    /// In place of the trials: makes the witnesses in `corpus/faults`; those that still show their fault are kept
    #[arg(long, conflicts_with_all = ["engine", "json"])]
    pub(crate) write_corpus: bool,
    /// The corpus whose witnesses are made [default: `corpus` here or at the top of the repository]
    #[arg(long, value_name = "DIR", requires = "write_corpus")]
    pub(crate) corpus: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ObserveArgs {
    /// Clients that are known by name: `bareflight list agents`
    #[arg(value_name = "AGENT", value_parser = agent(), required_unless_present = "command")]
    pub(crate) agents: Vec<&'static Agent>,
    /// The program of the one AGENT, a browser, if it is not where it usually is
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) agent_path: Option<PathBuf>,
    /// A program of your own that speaks the step protocol (crates/observatory/PROTOCOL.md), as a line for the shell
    #[arg(long, value_name = "LINE")]
    pub(crate) command: Vec<String>,
    /// A scenario (TOML or binary) in place of those for browsers and for HTTP clients
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Vec<PathBuf>,
    /// How often each scenario is run
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) runs: u32,
    /// How long a program has for each answer, in seconds
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) limit: u64,
    /// Prints what was observed as JSON, an object for each client
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes the verdicts for a CI server, as JUnit does
    #[arg(long, value_name = "FILE.xml")]
    pub(crate) junit: Option<PathBuf>,
    /// Writes a page that stands by itself: which of them leaks, and where, with drawings
    #[arg(long, value_name = "FILE.html")]
    pub(crate) html: Option<PathBuf>,
    /// Where the observation logs are written [default: `target/bareflight/observed`]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The port of the start page; 0 is a free one
    #[arg(long, value_name = "N", default_value_t = 8069)]
    pub(crate) port: u16,
    /// A name that leads to this machine, as do all names below it, in place of localhost
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<Domain>,
    /// The address of this machine that is listened on, for browsers on others [default: 127.0.0.1, this machine alone]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<IpAddr>,
    /// All scenarios for browsers, in place of a few: a browser may ask for a certificate in each of them
    #[arg(long)]
    pub(crate) all: bool,
    /// How often each scenario is run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// What
    #[arg(value_enum)]
    pub(crate) what: Listed,
    /// Prints it as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The corpus whose scenarios are listed [default: `corpus` here or at the top of the repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) corpus: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Listed {
    /// What must hold
    Invariants,
    /// Known bugs, and controls
    Faults,
    /// Where scenarios come from
    Engines,
    /// Fuzz targets
    Targets,
    /// The corpus
    Scenarios,
    /// Clients that can be observed
    Agents,
    /// What implementations do where the standard leaves a choice
    Profiles,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CorpusCommand {
    /// Makes `seeds/*.bin` from `cases/*.toml`
    #[command(after_help = EXIT_CODES)]
    Pack(PackArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// Says whether the seeds are up to date, and writes nothing
    #[arg(long)]
    pub(crate) check: bool,
    /// The corpus [default: `corpus` here or at the top of the repository]
    #[arg(long, value_name = "DIR")]
    pub(crate) corpus: Option<PathBuf>,
}

/// Which faults are let loose.
#[derive(Debug, Args)]
pub(crate) struct Faults {
    /// Only these faults and controls: `bareflight list faults` [default: all of the tier]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = fault())]
    fault: Vec<&'static Fault>,
}

impl Faults {
    /// Those named, or all.
    pub(crate) fn chosen(&self) -> Vec<&'static Fault> {
        if self.fault.is_empty() {
            Fault::all().iter().collect()
        } else {
            self.fault.clone()
        }
    }
}

fn tier() -> impl TypedValueParser<Value = TierName> {
    let names = TierName::ALL.map(|tier| PossibleValue::new(tier.as_str()));
    PossibleValuesParser::new(names)
        .map(|name| TierName::from_name(&name).expect("one of the possible values"))
}

/// There are too many names to have them all in a message.
fn fault() -> impl TypedValueParser<Value = &'static Fault> {
    StringValueParser::new().try_map(|name| {
        let likeness = |fault: &&Fault| strsim::jaro(&name, &fault.name);
        let nearest = Fault::all()
            .iter()
            .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        Fault::named(&name).ok_or_else(|| {
            let nearest = nearest.map_or("none", |fault| &fault.name);
            format!("the nearest is `{nearest}`; `bareflight list faults` has them all")
        })
    })
}

fn agent() -> impl TypedValueParser<Value = &'static Agent> {
    let names = AGENTS
        .iter()
        .map(|agent| PossibleValue::new(agent.name).help(agent.summary));
    PossibleValuesParser::new(names)
        .map(|name| Agent::named(&name).expect("one of the possible values"))
}

fn engine() -> impl TypedValueParser<Value = EngineName> {
    let names = EngineName::ALL.map(|engine| PossibleValue::new(engine.as_str()));
    PossibleValuesParser::new(names)
        .map(|name| EngineName::from_name(&name).expect("one of the possible values"))
}

fn steps() -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u8).range(1..=4).map(usize::from)
}

fn target() -> PossibleValuesParser {
    PossibleValuesParser::new(
        bareflight_harness::fuzz::TARGETS.map(|(name, _)| PossibleValue::new(name)),
    )
}

#[cfg(test)]
mod tests {
    use super::{CASES, Cli};
    use bareflight_policy::decide::Input;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_case_in_the_help_is_one() {
        let case = CASES.lines().nth(1).expect("a line");
        assert!(serde_json::from_str::<Input>(case).is_ok(), "{case}");
    }
}
