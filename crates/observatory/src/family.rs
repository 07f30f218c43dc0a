//! How does a program go with all that it started? In a process group of its own, which is killed as a whole; and what it complained
//! of last is kept.

use std::collections::VecDeque;
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::ending::NotedGroup;

/// Bytes of a program's complaints that are kept.
const LAST_WORDS: usize = 600;

/// How long a program has to end once it was told to.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// A program and all that it started; dropped, they are killed.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) child: Child,
    group: Option<NotedGroup>,
    last_words: LastWords,
    listening: Option<JoinHandle<()>>,
}

impl Family {
    /// Starts a program in a process group of its own.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        command
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let leads = |child: &Child| Pid::from_raw(i32::try_from(child.id()?).ok()?);
        let (mut child, group) = NotedGroup::of(|| command.spawn(), leads)?;
        let last_words = LastWords::default();
        let stderr = child.stderr.take();
        let listening = stderr.map(|it| tokio::spawn(last_words.clone().listen(it)));
        Ok(Self {
            group,
            child,
            last_words,
            listening,
        })
    }

    /// How it ended, in words; none if it goes on.
    pub(crate) async fn ended(&mut self) -> Option<String> {
        let status = timeout(GRACE, self.child.wait()).await;
        if let Some(listening) = self.listening.take() {
            // What it had started may hold the other end of the pipe open.
            let _ = timeout(GRACE, listening).await;
        }
        status.ok()?.ok().map(|it| it.to_string())
    }

    /// Asks all of them to end.
    pub(crate) fn tell_to_end(&self) {
        if let Some(group) = &self.group {
            // Whoever is gone has ended.
            let _ = kill_process_group(group.id(), Signal::TERM);
        }
    }

    /// The end of what it wrote to its standard error, if it wrote something.
    pub(crate) fn last_words(&self) -> String {
        self.last_words.tell()
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if let Some(group) = &self.group {
            // Most often nobody is left to be killed.
            let _ = kill_process_group(group.id(), Signal::KILL);
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
