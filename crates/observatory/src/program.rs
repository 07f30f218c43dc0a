//! How is a program spoken to, and how is it ended? Lines on its standard input and output, within bounds of size and time;
//! whatever it started goes with it.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::error::ProgramError;
use crate::family::{Family, GRACE};
use crate::protocol::LINE;

/// A program that speaks the step protocol.
#[derive(Clone, Debug)]
pub struct Program {
    command: Vec<OsString>,
    version: Option<String>,
}

impl Program {
    /// A program and its arguments.
    pub fn new<S: Into<OsString>>(command: impl IntoIterator<Item = S>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            version: None,
        }
    }

    /// A line for the shell.
    pub fn shell(line: &str) -> Self {
        Self::new(["sh", "-c", line])
    }

    /// The version of what it puts to the test, for a program that does not tell it itself.
    #[must_use]
    pub fn of_version(mut self, version: Option<String>) -> Self {
        self.version = version;
        self
    }

    /// That version.
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Its command line.
    pub fn name(&self) -> String {
        let words: Vec<_> = self.command.iter().map(|it| it.to_string_lossy()).collect();
        match words.as_slice() {
            [sh, c, line] if sh == "sh" && c == "-c" => line.to_string(),
            words => words.join(" "),
        }
    }

    /// Starts it.
    pub(crate) fn start(&self) -> Result<Running, ProgramError> {
        let mut words = self.command.iter();
        let mut command = Command::new(words.next().map_or_else(OsString::new, Clone::clone));
        command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let family = Family::start(&mut command);
        let mut family = family.map_err(|error| ProgramError::NotStarted {
            program: self.name(),
            error,
        })?;
        Ok(Running {
            stdin: family.child.stdin.take(),
            stdout: family.child.stdout.take().map(BufReader::new),
            family,
            name: self.name(),
        })
    }
}

/// A program that runs; dropped, it is killed with all that it started.
#[derive(Debug)]
pub(crate) struct Running {
    family: Family,
    stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
    name: String,
}

impl Running {
    /// Says a line and waits for the answer.
    pub(crate) async fn ask<A: DeserializeOwned>(
        &mut self,
        line: &impl Serialize,
        what: &str,
        limit: Duration,
    ) -> Result<A, ProgramError> {
        let mut text = serde_json::to_string(line).expect("names and numbers are JSON");
        text.push('\n');
        let Ok(answer) = timeout(limit, self.exchange(&text)).await else {
            return Err(ProgramError::Hangs {
                program: self.name.clone(),
                what: what.to_owned(),
                limit,
                last_words: self.family.last_words(),
            });
        };
        let Some(answer) = answer else {
            return Err(self.died(what).await);
        };
        let answer = String::from_utf8_lossy(&answer);
        serde_json::from_str(&answer)
            .map_err(|error| self.nonsense(what, answer.trim_end(), error.to_string()))
    }

    /// The complaint about an answer that is none.
    pub(crate) fn nonsense(&self, what: &str, answer: &str, reason: String) -> ProgramError {
        ProgramError::Nonsense {
            program: self.name.clone(),
            what: what.to_owned(),
            answer: answer.chars().take(200).collect(),
            reason,
        }
    }

    /// A line out, a line in; none if the program closed either.
    async fn exchange(&mut self, line: &str) -> Option<Vec<u8>> {
        let stdin = self.stdin.as_mut()?;
        stdin.write_all(line.as_bytes()).await.ok()?;
        stdin.flush().await.ok()?;
        let mut answer = Vec::new();
        let stdout = self.stdout.as_mut()?;
        let read = stdout
            .take(LINE as u64)
            .read_until(b'\n', &mut answer)
            .await;
        (read.ok()? > 0).then_some(answer)
    }

    async fn died(&mut self, what: &str) -> ProgramError {
        let status = self.family.ended().await;
        ProgramError::Died {
            program: self.name.clone(),
            status: status.unwrap_or_else(|| "it closed its output and went on".to_owned()),
            what: what.to_owned(),
            last_words: self.family.last_words(),
        }
    }

    /// Ends its input, and waits a moment for it to go.
    pub(crate) async fn end(mut self) {
        drop(self.stdin.take());
        // Whoever does not go is killed as this is dropped.
        let _ = timeout(GRACE, self.family.child.wait()).await;
    }
}
