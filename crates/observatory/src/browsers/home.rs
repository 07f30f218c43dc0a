//! Where does a browser live, and is it really gone? In a folder of its own, by which all that it started is known.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{ChildStdin, Command};

use crate::ending::Folder;
use crate::error::{BrowserError, WorldError};
use crate::family::Family;

/// The variable by which the processes of a home are known. Some leave the process group.
const MARK: &str = "BAREFLIGHT_HOME";

/// How often it is looked whether somebody is still there, after they were asked to end and after they were killed; and how long
/// lies between.
const ASKED: usize = 25;
const KILLED: usize = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// The shell that a browser is on the leash of: it ends with the browser, and the browser, with all of its group, as soon as the
/// leash (standard input) is let go of. So a browser does not outlive us, in whatever way we end.
const LEASH: &str = r#"exec 3<&0
"$@" 3<&- &
browser=$!
(read -r _ <&3; kill -KILL 0) &
wait "$browser"
kill -KILL 0"#;

/// A home directory that is removed afterwards.
#[derive(Debug)]
pub(super) struct Home(Folder);

impl Home {
    pub(super) fn new() -> Result<Self, WorldError> {
        Folder::new().map(Self)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes a folder in it.
    pub(super) fn make(&self, name: &str) -> Result<PathBuf, WorldError> {
        let path = self.path().join(name);
        let failed = WorldError::io(format!("{} could not be made", path.display()));
        fs::create_dir_all(&path).map_err(failed)?;
        Ok(path)
    }

    /// Writes a file into it.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), WorldError> {
        let path = self.path().join(name);
        let failed = WorldError::io(format!("{} could not be written", path.display()));
        fs::write(&path, text).map_err(failed)
    }

    /// Starts a browser in it, whose arguments and environment are those of `prepared`.
    pub(super) fn open(self, prepared: &Command) -> Result<Opened, BrowserError> {
        let temporary = self.make("tmp")?;
        let prepared = prepared.as_std();
        let mut command = Command::new("sh");
        command
            .args(["-c", LEASH, "sh"])
            .arg(prepared.get_program())
            .args(prepared.get_args());
        for (name, value) in prepared.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        for elsewhere in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env_remove(elsewhere);
        }
        command
            .env("HOME", self.path())
            .env("TMPDIR", temporary)
            .env(MARK, self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let family = Family::start(&mut command);
        let mut family = family.map_err(|error| BrowserError::NotStarted {
            program: prepared.get_program().display().to_string(),
            error,
        })?;
        Ok(Opened {
            _leash: family.child.stdin.take(),
            family: Some(family),
            home: self,
        })
    }
}

/// A browser that runs; dropped, it is killed, and its home removed.
#[derive(Debug)]
pub(crate) struct Opened {
    _leash: Option<ChildStdin>,
    family: Option<Family>,
    home: Home,
}

impl Opened {
    /// Waits until it has ended by itself.
    pub(crate) async fn gone(&mut self) {
        if let Some(family) = &mut self.family {
            // Whether it is known how it ended, or not, it has.
            let _ = family.child.wait().await;
        }
    }

    /// The end of what it wrote to its standard error.
    pub(crate) fn last_words(&self) -> String {
        self.family
            .as_ref()
            .map_or_else(String::new, Family::last_words)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(family) = &self.family {
            // A display that is told to end takes its lock file with it.
            family.tell_to_end();
        }
        let home = self.home.path();
        see_out(&[home], || drop(self.family.take()));
    }
}

/// Waits until nobody is left of the browsers of these homes, which were asked to end; then `kill` is done, and whoever is left is
/// killed. What still wrote into a home would keep it from being removed.
pub(crate) fn see_out(homes: &[&Path], kill: impl FnOnce()) {
    for _ in 0..ASKED {
        if marked(homes).is_empty() {
            break;
        }
        sleep(PAUSE);
    }
    kill();
    for _ in 0..KILLED {
        let left = marked(homes);
        if left.is_empty() {
            break;
        }
        for process in left {
            // It may have gone in the meantime.
            let _ = kill_process(process, Signal::KILL);
        }
        sleep(PAUSE);
    }
}

/// The processes that were started in these homes, and what they started.
fn marked(homes: &[&Path]) -> Vec<Pid> {
    let marks = homes.iter().map(|it| format!("{MARK}={}", it.display()));
    let marks: Vec<String> = marks.collect();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let found = entries.flatten().filter_map(|entry| {
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        // Another user's are none of ours, and cannot be read.
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let mut variables = environment.split(|&byte| byte == 0);
        variables
            .any(|it| marks.iter().any(|mark| it == mark.as_bytes()))
            .then_some(id)
    });
    found.filter_map(Pid::from_raw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts a shell in a home of its own, and waits until so many processes are there.
    async fn opened(script: &str, processes: usize) -> (Opened, PathBuf) {
        let home = Home::new().unwrap();
        let path = home.path().to_owned();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let opened = home.open(&command).unwrap();
        come_to(&path, processes).await;
        (opened, path)
    }

    async fn come_to(home: &Path, processes: usize) {
        for _ in 0..500 {
            if marked(&[home]).len() == processes {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("{:?} are there, not {processes}", marked(&[home]));
    }

    /// A process that leaves its group and holds on to its home goes all the same.
    #[tokio::test]
    async fn nothing_is_left_behind() {
        let script = "setsid sleep 600 & exec sleep 600";
        let (opened, path) = opened(script, 4).await;
        drop(opened);
        assert!(marked(&[&path]).is_empty());
        assert!(!path.exists());
    }

    /// As when we are killed: nobody is there to kill the browser, and the leash is let go of.
    #[tokio::test]
    async fn a_browser_does_not_outlive_the_leash() {
        let (mut opened, path) = opened("exec sleep 600", 3).await;
        drop(opened._leash.take());
        come_to(&path, 0).await;
        opened.gone().await;
    }

    #[tokio::test]
    async fn a_browser_that_ends_is_gone() {
        let (mut opened, path) = opened("sleep 5; true", 4).await;
        opened.gone().await;
        come_to(&path, 0).await;
    }
}
