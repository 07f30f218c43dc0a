//! What is in a file: a scenario as text or binary, a fuzz input, or a recorded log?

use core::ops::Range;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use bareflight_harness::fuzz::{TARGETS, scenario_from_input};
use bareflight_harness::log::{Log, LogError};
use bareflight_harness::scenario::{BinaryError, Limits, MAGIC, Scenario, TextError};
use serde::Serialize;
use thiserror::Error;

use crate::cli::How;

/// Bytes beyond which no file is read; a log may have that many.
const MOST: usize = 16 * Limits::FILE;

/// Characters of a source line beyond which it is not shown with a message.
const LINE: usize = 400;

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Input {
    /// The scenario to run, or the one that was run.
    pub(crate) scenario: Scenario,
    /// What kind of file it is.
    pub(crate) kind: Kind,
    /// What was seen, if the file is a recorded log.
    pub(crate) recorded: Option<Recorded>,
}

impl Input {
    /// The recording to judge: one is judged as it is, unless a tier or a fault is asked for, which take a run.
    pub(crate) fn recorded_for(&self, how: &How) -> Option<&Recorded> {
        let as_it_is = how.tier.is_none() && how.fault.is_none();
        self.recorded.as_ref().filter(|_| as_it_is)
    }
}

/// A log and the tier that it is of.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The name of the tier: any, for it is not run here.
    pub(crate) tier: String,
    /// What was seen.
    pub(crate) log: Log,
}

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// A scenario as TOML.
    Toml,
    /// A scenario in the binary form.
    Binary,
    /// Bytes that a fuzz target turns into a scenario.
    FuzzInput,
    /// A recorded log.
    Log,
}

/// Why a file is unusable.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub(crate) struct InputError {
    path: PathBuf,
    problem: Problem,
    /// The text that it is about, if it is text.
    source_text: Option<String>,
}

#[derive(Debug, Error)]
enum Problem {
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("is a folder; name the files in it")]
    Folder,
    #[error("has more than {MOST} bytes, which is more than any scenario or log may have")]
    TooLarge,
    #[error(transparent)]
    Text(TextError),
    #[error(transparent)]
    Binary(BinaryError),
    #[error(transparent)]
    Log(LogError),
    #[error("is neither a scenario (TOML or binary), nor a fuzz input, nor a recorded log")]
    Neither,
    #[error(
        "is an input of the fuzz target {0}, which runs no scenario; run it with `cargo fuzz run --sanitizer none {0} FILE`"
    )]
    OtherTarget(&'static str),
    #[error("has no `[[step]]`, so nothing would be asked of anybody")]
    NoSteps,
}

/// Reads a file of any kind.
pub(crate) fn read(path: &Path) -> Result<Input, Box<InputError>> {
    let input = any(path)?;
    if input.scenario.steps.is_empty() {
        return Err(refuse(path, Problem::NoSteps, None));
    }
    Ok(input)
}

fn any(path: &Path) -> Result<Input, Box<InputError>> {
    let bytes = bytes(path).map_err(|problem| refuse(path, problem, None))?;
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    match (kind_of(path, extension, &bytes), text(bytes)) {
        (Kind::Toml, Ok(text)) => match Scenario::from_toml(&text) {
            Ok(scenario) => Ok(Input {
                scenario,
                kind: Kind::Toml,
                recorded: None,
            }),
            Err(error) => Err(refuse(path, Problem::Text(error), Some(text))),
        },
        (Kind::Log, Ok(text)) => match Log::from_json_lines(&text) {
            Ok((scenario, tier, log)) => Ok(Input {
                scenario,
                kind: Kind::Log,
                recorded: Some(Recorded { tier, log }),
            }),
            Err(error) => Err(refuse(path, Problem::Log(error), Some(text))),
        },
        (Kind::Toml | Kind::Log, Err(_)) => Err(refuse(path, Problem::Neither, None)),
        (kind, text) => {
            let bytes = text.map_or_else(|bytes| bytes, String::into_bytes);
            binary(path, kind, &bytes)
        }
    }
}

fn binary(path: &Path, kind: Kind, bytes: &[u8]) -> Result<Input, Box<InputError>> {
    let scenario = if kind == Kind::Binary {
        Scenario::from_bytes(bytes).map_err(|error| refuse(path, Problem::Binary(error), None))?
    } else if let Some(target) = target(path).filter(|it| !runs_scenarios(it)) {
        return Err(refuse(path, Problem::OtherTarget(target), None));
    } else {
        scenario_from_input(bytes).ok_or_else(|| refuse(path, Problem::Neither, None))?
    };
    Ok(Input {
        scenario,
        kind,
        recorded: None,
    })
}

/// The fuzz target whose inputs are in the folder that this file is in, going by its name.
fn target(path: &Path) -> Option<&'static str> {
    let folder = path.parent()?.file_name()?;
    let mut names = TARGETS.iter().map(|(name, _)| *name);
    names.find(|name| folder == *name)
}

/// Whether the inputs of a fuzz target are scenarios.
fn runs_scenarios(target: &str) -> bool {
    ["model", "model_bytes", "memory", "differential"].contains(&target)
}

/// Whether libFuzzer has named this file, and for a target whose inputs are no text: what it has made small is often printable.
fn is_artifact(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let by_libfuzzer = |name: &str| {
        let prefixes = [
            "crash-",
            "oom-",
            "timeout-",
            "slow-unit-",
            "minimized-from-",
        ];
        prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    name.is_some_and(by_libfuzzer) && target(path) != Some("scenario_text")
}

/// The name decides where it says something, else the content.
fn kind_of(path: &Path, extension: &str, bytes: &[u8]) -> Kind {
    let printable = |text: &str| !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    match (extension, core::str::from_utf8(bytes)) {
        ("toml", _) => Kind::Toml,
        ("jsonl" | "json", _) => Kind::Log,
        ("bin", _) => Kind::Binary,
        _ if bytes.starts_with(&MAGIC) => Kind::Binary,
        (_, Ok(text)) if Log::is_json_lines(text) => Kind::Log,
        (_, Ok(text)) if printable(text) && !is_artifact(path) => Kind::Toml,
        _ => Kind::FuzzInput,
    }
}

/// Bytes as text, or the bytes again.
fn text(bytes: Vec<u8>) -> Result<String, Vec<u8>> {
    String::from_utf8(bytes).map_err(std::string::FromUtf8Error::into_bytes)
}

/// Reads a whole file, up to a bound: a device or a pipe may have no end.
fn bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    let metadata = fs::metadata(path).map_err(Problem::Unreadable)?;
    if metadata.is_dir() {
        return Err(Problem::Folder);
    }
    let mut bytes = Vec::new();
    let bound = u64::try_from(MOST).unwrap_or(u64::MAX).saturating_add(1);
    let file = File::open(path).map_err(Problem::Unreadable)?;
    file.take(bound)
        .read_to_end(&mut bytes)
        .map_err(Problem::Unreadable)?;
    if bytes.len() > MOST {
        Err(Problem::TooLarge)
    } else {
        Ok(bytes)
    }
}

fn refuse(path: &Path, problem: Problem, source_text: Option<String>) -> Box<InputError> {
    Box::new(InputError {
        path: path.to_owned(),
        problem,
        source_text,
    })
}

impl InputError {
    /// The message with the line that it is about, for people.
    pub(crate) fn render(&self) -> String {
        let path = self.path.display().to_string();
        let (title, place) = self.place();
        let Some((line, span)) = place else {
            return crate::output::error(&format!("{path}: {title}"));
        };
        let source = self.line(line);
        let span = clip(source, span);
        let snippet = Snippet::source(source)
            .path(path)
            .line_start(line)
            .annotation(AnnotationKind::Primary.span(span));
        Renderer::styled().render(&[Level::ERROR.primary_title(title).element(snippet)])
    }

    /// The message without its place, the line (from 1) and the bytes of that line that it is about.
    fn place(&self) -> (String, Option<(usize, Range<usize>)>) {
        match (&self.problem, &self.source_text) {
            (Problem::Text(error), Some(text)) => {
                let place = error
                    .position
                    .zip(error.span.clone())
                    .and_then(|((line, _), span)| {
                        let start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
                        Some((line, span.start - start..span.end.saturating_sub(start)))
                    });
                (error.message.clone(), place)
            }
            (
                Problem::Log(LogError::Line {
                    line,
                    column,
                    message,
                }),
                Some(_),
            ) => (message.clone(), Some((*line, column - 1..*column))),
            (problem, _) => (problem.to_string(), None),
        }
    }

    /// A line of the text; nothing if it is too long to be shown.
    fn line(&self, number: usize) -> &str {
        let line = self
            .source_text
            .as_deref()
            .and_then(|text| text.lines().nth(number - 1))
            .unwrap_or_default();
        if line.chars().count() > LINE {
            ""
        } else {
            line
        }
    }
}

/// A span within a line: on the boundaries of characters, and at least one long where it can be.
fn clip(line: &str, span: Range<usize>) -> Range<usize> {
    let boundary = |from: usize| {
        (from..=line.len())
            .find(|&at| line.is_char_boundary(at))
            .unwrap_or(line.len())
    };
    let start = boundary(span.start);
    start..boundary(span.end.max(start + 1))
}
