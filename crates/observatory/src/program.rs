//! How is a program spoken to, and how is it ended? Lines on its standard input and output, within bounds of size and time;
//! whatever it started goes with it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::error::ProgramError;
use crate::protocol::LINE;

/// Bytes of a program's complaints that are kept.
const LAST_WORDS: usize = 600;

/// How long a program has to end once its input has ended.
const GRACE: Duration = Duration::from_secs(2);

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

    /// Starts it, in a process group of its own.
    pub(crate) fn start(&self) -> Result<Running, ProgramError> {
        let mut words = self.command.iter();
        let mut command = Command::new(words.next().map_or_else(OsString::new, Clone::clone));
        command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| ProgramError::NotStarted {
            program: self.name(),
            error,
        })?;
        let last_words = LastWords::default();
        let stderr = child.stderr.take();
        let listening = stderr.map(|it| tokio::spawn(last_words.clone().listen(it)));
        Ok(Running {
            group: child
                .id()
                .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)),
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map(BufReader::new),
            child,
            last_words,
            listening,
            name: self.name(),
        })
    }
}

/// A program that runs; dropped, it is killed with all that it started.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    group: Option<Pid>,
    stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
    last_words: LastWords,
    listening: Option<JoinHandle<()>>,
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
                last_words: self.last_words.tell(),
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
        let status = match timeout(GRACE, self.child.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            _ => "it closed its output and went on".to_owned(),
        };
        if let Some(listening) = self.listening.take() {
            // What it had started may hold the other end of the pipe open.
            let _ = timeout(GRACE, listening).await;
        }
        ProgramError::Died {
            program: self.name.clone(),
            status,
            what: what.to_owned(),
            last_words: self.last_words.tell(),
        }
    }

    /// Ends its input, and waits a moment for it to go.
    pub(crate) async fn end(mut self) {
        drop(self.stdin.take());
        // Whoever does not go is killed as this is dropped.
        let _ = timeout(GRACE, self.child.wait()).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // Most often nobody is left to be killed.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The end of what a program writes to its standard error.
#[derive(Clone, Debug, Default)]
struct LastWords(Arc<Mutex<VecDeque<u8>>>);

impl LastWords {
    async fn listen(self, mut stderr: ChildStderr) {
        let mut piece = [0; 1024];
        while let Ok(read @ 1..) = stderr.read(&mut piece).await {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(&piece[..read]);
            let surplus = kept.len().saturating_sub(LAST_WORDS);
            kept.drain(..surplus);
        }
    }

    fn tell(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        match String::from_utf8_lossy(&bytes).trim() {
            "" => String::new(),
            text => format!("; its last words:\n{text}"),
        }
    }
}
