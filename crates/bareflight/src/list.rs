//! `bareflight list`: what is there?

use bareflight_harness::engines::EngineName;
use bareflight_harness::faults::Fault;
use bareflight_harness::fuzz::TARGETS;
use bareflight_harness::invariants::INVARIANTS;
use bareflight_harness::scenario::Scenario;
use bareflight_observatory::agents::AGENTS;
use bareflight_policy::PROFILES;
use serde_json::{Value, json};

use crate::cli::{ListArgs, Listed};
use crate::corpus::Corpus;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::table::{Side, Table, Tone, cell};

pub(crate) fn run(args: &ListArgs) -> Result<Exit, Failure> {
    let mut exit = Exit::Holds;
    let (columns, rows) = match args.what {
        Listed::Invariants => invariants(),
        Listed::Faults => faults(),
        Listed::Engines => engines(),
        Listed::Targets => targets(),
        Listed::Profiles => profiles(),
        Listed::Agents => agents(),
        Listed::Scenarios => {
            let corpus = Corpus::open(args.corpus.as_deref())?;
            let (scenarios, unusable) = corpus.read_written();
            for error in &unusable {
                output::complain(&error.render());
                exit = Exit::Unusable;
            }
            scenarios_table(
                scenarios
                    .iter()
                    .map(|it| (it.path.display().to_string(), &it.input.scenario)),
            )
        }
    };
    if args.json {
        let objects: Vec<Value> = rows.iter().map(|row| row.json.clone()).collect();
        let json = serde_json::to_string_pretty(&objects).expect("names and numbers are JSON");
        output::print(&format!("{json}\n"))?;
    } else {
        let mut table = Table::new(columns.iter().map(|name| (*name, Side::Left)));
        for row in rows {
            let tone = |index| if index == 0 { Tone::Name } else { Tone::Plain };
            table.row(
                row.cells
                    .into_iter()
                    .enumerate()
                    .map(|(index, text)| cell(text, tone(index))),
            );
        }
        output::print(&table.to_text())?;
    }
    Ok(exit)
}

/// One entry: for the table, and whole for JSON.
struct Row {
    cells: Vec<String>,
    json: Value,
}

type Columns = Vec<&'static str>;

fn invariants() -> (Columns, Vec<Row>) {
    let rows = INVARIANTS.iter().map(|it| Row {
        cells: [it.name, it.sentence, it.section]
            .map(str::to_owned)
            .to_vec(),
        json: json!({ "name": it.name, "holds-when": it.sentence, "section": it.section }),
    });
    (vec!["invariant", "holds when", "section"], rows.collect())
}

fn faults() -> (Columns, Vec<Row>) {
    let rows = Fault::all().iter().map(|it| {
        let tiers: Vec<_> = it.tiers.iter().map(|tier| tier.as_str()).collect();
        Row {
            cells: vec![it.name.clone(), tiers.join(", "), it.breaks.join(", "), it.change.clone()],
            json: json!({
                "name": it.name, "control": it.control, "change": it.change, "seen-in": it.seen_in,
                "breaks": it.breaks, "tiers": tiers, "profile": it.profile.map(|profile| profile.name),
            }),
        }
    });
    (vec!["fault", "tiers", "breaks", "change"], rows.collect())
}

fn engines() -> (Columns, Vec<Row>) {
    let rows = EngineName::ALL.iter().map(|it| Row {
        cells: [it.as_str(), it.target().unwrap_or(""), it.sentence()]
            .map(str::to_owned)
            .to_vec(),
        json: json!({ "name": it.as_str(), "target": it.target(), "scenarios": it.sentence() }),
    });
    (vec!["engine", "target", "scenarios"], rows.collect())
}

fn targets() -> (Columns, Vec<Row>) {
    let rows = TARGETS.iter().map(|(name, question)| Row {
        cells: [*name, *question].map(str::to_owned).to_vec(),
        json: json!({ "name": name, "looks-for": question }),
    });
    (vec!["target", "looks for"], rows.collect())
}

fn agents() -> (Columns, Vec<Row>) {
    let rows = AGENTS.iter().map(|it| Row {
        cells: [it.name, it.package, it.summary]
            .map(str::to_owned)
            .to_vec(),
        json: json!({ "name": it.name, "needs": it.package, "is": it.summary }),
    });
    (vec!["agent", "needs", "is"], rows.collect())
}

fn profiles() -> (Columns, Vec<Row>) {
    let rows = PROFILES.iter().map(|it| {
        let (preflight, without) = (it.preflight.value.as_str(), it.without_credentials.value.as_str());
        let split = it.connections_split_by_credentials;
        let partitioned = it.connections_partitioned;
        let yes = |it: bool| if it { "yes" } else { "no" }.to_owned();
        Row {
            cells: vec![
                it.name.to_owned(),
                preflight.to_owned(),
                without.to_owned(),
                yes(split.value),
                yes(partitioned.value),
                it.summary.to_owned(),
            ],
            json: json!({
                "name": it.name, "summary": it.summary,
                "preflight": { "value": preflight, "source": it.preflight.source },
                "without-credentials": { "value": without, "source": it.without_credentials.source },
                "connections-split-by-credentials": { "value": split.value, "source": split.source },
                "connections-partitioned": { "value": partitioned.value, "source": partitioned.source },
            }),
        }
    });
    (
        vec![
            "profile",
            "preflight",
            "no credentials",
            "split",
            "partitioned",
            "what it stands for",
        ],
        rows.collect(),
    )
}

fn scenarios_table<'s>(
    scenarios: impl Iterator<Item = (String, &'s Scenario)>,
) -> (Columns, Vec<Row>) {
    let rows = scenarios.map(|(file, it)| {
        let expected = it.expectations();
        let title = it.title.lines().next().unwrap_or_default().to_owned();
        Row {
            cells: vec![file.clone(), it.steps.len().to_string(), expected.to_string(), it.profile.to_string(), title],
            json: json!({
                "file": file, "steps": it.steps.len(), "expectations": expected, "profile": it.profile.as_str(),
                "title": it.title,
            }),
        }
    });
    (
        vec!["scenario", "steps", "expected", "profile", "title"],
        rows.collect(),
    )
}
