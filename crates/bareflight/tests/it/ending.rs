//! What is left behind when the command line is told to end? Nothing of what it made and started; what is not its own stays.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bareflight_observatory::agents::Agent;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A folder of the user's that is called like one of ours.
const USERS: &str = "bareflight-mine";

/// A client that does not go by itself, and neither does what it started; it says who they are.
const STAYS: &str =
    "trap '' INT TERM HUP; read world; sleep 600 & echo $$ $! >said; mv said pids; wait";

/// A command line that runs, with a folder of its own for temporary files.
struct Started {
    child: Child,
    temporary: TempDir,
    here: TempDir,
}

impl Started {
    fn new(mut command: Command) -> Self {
        let (temporary, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let users = temporary.path().join(USERS);
        fs::create_dir(&users).unwrap();
        fs::write(users.join("alice.key.pem"), "mine").unwrap();
        let child = command
            .current_dir(here.path())
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Self {
            child: child.unwrap(),
            temporary,
            here,
        }
    }

    /// What lies in its folder for temporary files, but for the user's.
    fn made(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.temporary.path()).unwrap();
        let paths = entries.map(|it| it.unwrap().path());
        paths.filter(|it| !it.ends_with(USERS)).collect()
    }

    /// Who is there when its client has come to where it stays.
    fn pids(&self) -> Vec<String> {
        let pids = self.here.path().join("pids");
        until("the client is there", || pids.is_file());
        let pids = fs::read_to_string(pids).unwrap();
        pids.split_whitespace().map(str::to_owned).collect()
    }

    /// Tells it to end, and returns the exit code that it ends with.
    fn told(&mut self, signal: Signal) -> Option<i32> {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
        let mut status = None;
        until("it has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }

    fn left_nothing(&self) {
        assert_eq!(self.made(), [""; 0].map(PathBuf::from));
        let users = self.temporary.path().join(USERS).join("alice.key.pem");
        assert_eq!(fs::read_to_string(users).unwrap(), "mine");
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Where a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(120), "not: {what}");
        sleep(Duration::from_millis(20));
    }
}

fn bareflight(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bareflight"));
    command.args(args);
    command
}

/// Whether a process ignores a signal, as what it starts then does too.
fn ignores(process: &str, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let ignored = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    let ignored = u64::from_str_radix(ignored.unwrap().trim(), 16).unwrap();
    ignored >> (signal.as_raw() - 1) & 1 == 1
}

/// Those of these signals that are heeded here: who runs the tests may have them ignored, as `nohup` and `&` do.
fn heeded<const N: usize>(signals: [Signal; N]) -> impl Iterator<Item = Signal> {
    signals.into_iter().filter(|&it| {
        let ignored = ignores("self", it);
        if ignored {
            eprintln!("SKIPPED: {it:?} is ignored here");
        }
        !ignored
    })
}

/// Whether a process is there; one that has ended and that nobody has asked after is not.
fn lives(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|it| !it.contains("State:\tZ"))
}

fn has_a_key(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    entries.any(|it| it.to_string_lossy().ends_with(".key.pem"))
}

#[test]
fn a_client_and_its_keys_are_gone() {
    for signal in heeded([Signal::INT, Signal::TERM, Signal::HUP]) {
        let mut started = Started::new(bareflight(&["observe", "--command", STAYS]));
        let pids = started.pids();
        assert!(pids.len() == 2 && pids.iter().all(|it| lives(it)));
        assert!(started.made().iter().any(|it| has_a_key(it)));
        let code = started.told(signal);
        assert_eq!(code, Some(128 + signal.as_raw()), "{signal:?}");
        started.left_nothing();
        until("they are gone", || !pids.iter().any(|it| lives(it)));
    }
}

/// As under `nohup`.
#[test]
fn what_it_is_to_ignore_it_ignores() {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap '' HUP; exec "$@""#, "sh"]);
    shell.arg(env!("CARGO_BIN_EXE_bareflight"));
    shell.args(["observe", "--command", STAYS]);
    let mut started = Started::new(shell);
    started.pids();
    assert!(ignores(&started.child.id().to_string(), Signal::HUP));
    assert_eq!(started.told(Signal::TERM), Some(143));
    started.left_nothing();
}

#[test]
fn a_start_page_ends_as_it_should() {
    for signal in heeded([Signal::INT, Signal::TERM]) {
        let mut started = Started::new(bareflight(&["serve", "--port", "0"]));
        let mut said = String::new();
        let out = started.child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut said).unwrap();
        assert!(said.starts_with("open http://localhost:"), "{said}");
        assert_eq!(started.made().len(), 1);
        assert_eq!(started.told(signal), Some(0), "{signal:?}");
        started.left_nothing();
    }
}

/// Those of its processes that leave the group too.
#[test]
fn a_browser_and_its_home_are_gone() {
    let nowhere = tempfile::tempdir().unwrap();
    let agent = Agent::named("chromium").unwrap();
    if let Err(it) = agent.ready(nowhere.path(), None) {
        eprintln!(
            "SKIPPED: chromium is not here: {}; install {}",
            it.reason, it.package
        );
        return;
    }
    let mut started = Started::new(bareflight(&["observe", "chromium", "--runs", "1"]));
    let mark = format!("BAREFLIGHT_HOME={}/", started.temporary.path().display());
    let processes = || {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let environments = entries.filter_map(|it| fs::read(it.path().join("environ")).ok());
        let marked = |it: &Vec<u8>| it.windows(mark.len()).any(|it| it == mark.as_bytes());
        environments.filter(marked).count()
    };
    // The shell, the browser, and what the browser starts.
    until("the browser is there", || processes() > 3);
    assert_eq!(started.told(Signal::TERM), Some(143));
    started.left_nothing();
    assert_eq!(processes(), 0);
}
