//! What is left behind when we are told to end in the middle of it? As little as at any other end: what was started is ended, and the
//! folders that hold keys are removed, wherever the rest of us is.
//!
//! A signal would end us on the spot, and no destructor would run. So whoever makes a folder or starts a program has it noted here, and
//! a thread that hears of the signals clears it all away. Folders that are not noted are none of ours: nothing is looked for by its
//! name, and nothing is removed at a start. Of SIGKILL nobody hears; a browser ends then too, on its leash, and the folders stay.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use std::{fs, process, thread};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use crate::browsers::see_out;
use crate::error::WorldError;
use crate::observe::runtime;

/// How often a folder is removed that somebody still writes into, and how long lies between.
const REMOVALS: usize = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// What is to be gone when we are.
static NOTED: Mutex<Noted> = Mutex::new(Noted {
    folders: Vec::new(),
    groups: Vec::new(),
});

struct Noted {
    folders: Vec<PathBuf>,
    groups: Vec<Pid>,
}

fn noted() -> MutexGuard<'static, Noted> {
    NOTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on we end in order where we are told to (Ctrl-C, SIGTERM, SIGHUP), with this exit code for the number of the signal.
/// A signal that we were started to ignore, as `nohup` does, is ignored.
///
/// # Errors
///
/// [`WorldError`] where signals cannot be heard of.
pub fn in_order(code: impl FnOnce(i32) -> i32 + Send + 'static) -> Result<(), WorldError> {
    let runtime = runtime()?;
    let context = runtime.enter();
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let heeded = kinds
        .into_iter()
        .filter(|it| !is_ignored(it.as_raw_value()));
    let heard = heeded.map(|it| Ok((it.as_raw_value(), signal(it)?)));
    let heard: Result<Vec<_>, _> = heard.collect();
    let mut heard = heard.map_err(WorldError::io("signals cannot be heard of"))?;
    drop(context);
    thread::spawn(move || {
        let told = poll_fn(|cx| {
            let mut heard = heard.iter_mut();
            let told = heard.find_map(|(number, it)| it.poll_recv(cx).is_ready().then_some(number));
            told.map_or(Poll::Pending, |number| Poll::Ready(*number))
        });
        let number = runtime.block_on(told);
        // It is never given back, so that nothing more is made or started.
        let noted = noted();
        noted.clear_away();
        process::exit(code(number));
    });
    Ok(())
}

/// Whether a signal is ignored, by what Linux says; elsewhere none is.
fn is_ignored(number: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|it| u64::from_str_radix(it.trim(), 16).ok());
    mask.is_some_and(|it| it >> (number - 1) & 1 == 1)
}

impl Noted {
    fn clear_away(&self) {
        let signal = |signal| {
            for &group in &self.groups {
                // Whoever is gone has ended.
                let _ = kill_process_group(group, signal);
            }
        };
        signal(Signal::TERM);
        let folders: Vec<&Path> = self.folders.iter().map(PathBuf::as_path).collect();
        see_out(&folders, || signal(Signal::KILL));
        for folder in folders {
            for _ in 0..REMOVALS {
                // If it stays all the same, nobody is left to be told.
                let _ = fs::remove_dir_all(folder);
                if !folder.exists() {
                    break;
                }
                thread::sleep(PAUSE);
            }
        }
    }
}

/// A temporary folder that only this user can read; removed when it is dropped, and when we are told to end.
#[derive(Debug)]
pub struct Folder {
    // In this order: it is noted until it is gone.
    folder: TempDir,
    _noted: NotedFolder,
}

#[derive(Debug)]
struct NotedFolder(PathBuf);

impl Folder {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// [`WorldError`] where none can be made.
    pub fn new() -> Result<Self, WorldError> {
        let mut noted = noted();
        let folder = tempfile::Builder::new().prefix("bareflight-").tempdir();
        let folder = folder.map_err(WorldError::io("a temporary folder could not be made"))?;
        let path = folder.path().to_owned();
        noted.folders.push(path.clone());
        Ok(Self {
            folder,
            _noted: NotedFolder(path),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for NotedFolder {
    fn drop(&mut self) {
        noted().folders.retain(|it| *it != self.0);
    }
}

/// A process group that is ended when we are told to end.
#[derive(Debug)]
pub(crate) struct NotedGroup(Pid);

impl NotedGroup {
    /// Has a program started, and notes the group that it leads.
    pub(crate) fn of<T, E>(
        start: impl FnOnce() -> Result<T, E>,
        group: impl FnOnce(&T) -> Option<Pid>,
    ) -> Result<(T, Option<Self>), E> {
        let mut noted = noted();
        let started = start()?;
        let group = group(&started);
        noted.groups.extend(group);
        Ok((started, group.map(Self)))
    }

    /// The group.
    pub(crate) fn id(&self) -> Pid {
        self.0
    }
}

impl Drop for NotedGroup {
    fn drop(&mut self) {
        noted().groups.retain(|it| *it != self.0);
    }
}
