//! The log as JSON Lines: the first line says what was run and on which tier, each further line is one event.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Log, Record};
use crate::scenario::{FORMAT, Limits, Scenario, TextError};

/// Why a text is not a recorded log, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LogError {
    /// A line is not what it has to be.
    #[error("line {line}, column {column}: {message}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// It was written by another version.
    #[error("this log is of format {0}; this bareflight reads format {FORMAT}")]
    Version(u64),
    /// The scenario in the first line is not one.
    #[error("the scenario in the log's first line: {0}")]
    Scenario(TextError),
    /// It is larger than [`Limits::FILE`] times 16.
    #[error("this log has {0} bytes, which is too many")]
    TooLarge(usize),
    /// It has more records than [`Limits::RECORDS`].
    #[error("this log has more than {max} records; cut it to the run that matters", max = Limits::RECORDS)]
    TooLong,
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    bareflight: u64,
    tier: String,
    scenario: String,
}

impl Log {
    /// Writes the log with the scenario that it is of and the name of the tier that ran it.
    pub fn to_json_lines(&self, scenario: &Scenario, tier: &str) -> String {
        let head = Head {
            bareflight: u64::from(FORMAT),
            tier: tier.to_owned(),
            scenario: scenario.to_toml(),
        };
        let mut text = json(&head);
        for record in &self.records {
            text.push('\n');
            text.push_str(&json(record));
        }
        text.push('\n');
        text
    }

    /// Whether `text` looks like a recorded log rather than anything else.
    pub fn is_json_lines(text: &str) -> bool {
        text.trim_start().starts_with('{')
    }

    /// Reads a log: the scenario, the tier and what was seen.
    ///
    /// # Errors
    ///
    /// [`LogError`] says which line is wrong and how.
    pub fn from_json_lines(text: &str) -> Result<(Scenario, String, Self), LogError> {
        if text.len() > 16 * Limits::FILE {
            return Err(LogError::TooLarge(text.len()));
        }
        let mut lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty());
        let Some((number, first)) = lines.next() else {
            return Err(LogError::Line {
                line: 1,
                column: 1,
                message: "the log is empty".to_owned(),
            });
        };
        let version = serde_json::from_str::<serde_json::Value>(first).ok();
        if let Some(version) = version.and_then(|value| value.get("bareflight")?.as_u64())
            && version != u64::from(FORMAT)
        {
            return Err(LogError::Version(version));
        }
        let head: Head = serde_json::from_str(first).map_err(|error| at(number, &error))?;
        let scenario = Scenario::from_toml(&head.scenario).map_err(LogError::Scenario)?;
        if lines.clone().nth(Limits::RECORDS).is_some() {
            return Err(LogError::TooLong);
        }
        let records = lines.map(|(number, line)| {
            serde_json::from_str::<Record>(line).map_err(|error| at(number, &error))
        });
        let log = Self {
            records: records.collect::<Result<_, _>>()?,
        };
        Ok((scenario, head.tier, log))
    }
}

fn json(it: &impl Serialize) -> String {
    serde_json::to_string(it).expect("names and numbers are JSON")
}

fn at(line: usize, error: &serde_json::Error) -> LogError {
    let message = error.to_string();
    // serde_json appends its own position, which is of the line and not of the file.
    let message = message
        .split(" at line ")
        .next()
        .unwrap_or(&message)
        .to_owned();
    LogError::Line {
        line: line + 1,
        column: error.column().max(1),
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_logs_are_refused_with_a_reason() {
        let head = Log::default().to_json_lines(&Scenario::default(), "model");
        let table = [
            (String::new(), "line 1, column 1: the log is empty"),
            (head.replace(":1,", ":2,"), "this log is of format 2"),
            (
                head.replace("[server", "[sever"),
                "line 3, column 2: unknown field `sever`",
            ),
            (
                format!("{head}\n{{\"at\":0,\"event\":\"tea\"}}"),
                "line 3, column",
            ),
            (
                format!("{head}{{\"at\":0"),
                "line 2, column 7: EOF while parsing",
            ),
            (
                format!("{head}{}", "{}\n".repeat(Limits::RECORDS + 1)),
                "has more than 131072 records",
            ),
        ];
        for (text, reason) in table {
            let error = Log::from_json_lines(&text).unwrap_err().to_string();
            assert!(error.contains(reason), "{reason}: {error}");
        }
    }
}
