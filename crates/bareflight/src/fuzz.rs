//! `bareflight fuzz`: guided by coverage, through cargo-fuzz, which is installed if it is missing.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use bareflight_harness::fuzz::TARGETS;

use crate::cli::FuzzArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output;
use crate::repository;

/// How long each target runs where all run in turn.
const EACH: u64 = 20;

/// What each target begins with, below the corpus; the others eat bytes that are no scenarios, so there is nothing to
/// begin with, and nothing to explain.
const SEEDS: [(&str, &[&str]); 4] = [
    ("model", &["seeds", "regressions"]),
    ("memory", &["seeds", "regressions"]),
    ("differential", &["seeds", "regressions"]),
    ("scenario_text", &["cases"]),
];

pub(crate) fn run(args: &FuzzArgs) -> Result<Exit, Failure> {
    let root = repository::root().ok_or_else(|| {
        Failure::Usage(
            "fuzzing needs the repository: run this inside a clone of bareflight".to_owned(),
        )
    })?;
    let cargo_fuzz = CargoFuzz::find_or_install(root)?;
    let targets: Vec<&str> = match &args.target {
        Some(target) => vec![target],
        None => TARGETS.iter().map(|(name, _)| *name).collect(),
    };
    let seconds = args.seconds.or(args.target.is_none().then_some(EACH));
    let mut exit = Exit::Holds;
    for target in targets {
        exit = exit.max(cargo_fuzz.fuzz(target, seconds, &args.rest)?);
    }
    Ok(exit)
}

/// cargo-fuzz, and the repository that it works in.
pub(crate) struct CargoFuzz {
    root: PathBuf,
    program: PathBuf,
}

impl CargoFuzz {
    pub(crate) fn find_or_install(root: PathBuf) -> Result<Self, Failure> {
        let tools = root.join("target/tools");
        let own = tools
            .join("bin")
            .join(format!("cargo-fuzz{}", std::env::consts::EXE_SUFFIX));
        for program in [PathBuf::from("cargo-fuzz"), own.clone()] {
            let version = Command::new(&program)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if version.is_ok_and(|status| status.success()) {
                return Ok(Self { root, program });
            }
        }
        output::complain(
            "cargo-fuzz is missing: installing it under target/tools (once, some minutes)",
        );
        let mut install = Command::new("cargo");
        install
            .args(["install", "cargo-fuzz", "--locked", "--root"])
            .arg(&tools);
        let status = install
            .status()
            .map_err(|error| Failure::Program(format!("cargo cannot be started: {error}")))?;
        if !status.success() {
            return Err(Failure::Program(
                "cargo-fuzz could not be installed; its messages are above".to_owned(),
            ));
        }
        Ok(Self { root, program: own })
    }

    /// Fuzzes one target. What is new is kept in `fuzz/corpus/TARGET`, what crashes in `fuzz/artifacts/TARGET`.
    fn fuzz(&self, target: &str, seconds: Option<u64>, rest: &[String]) -> Result<Exit, Failure> {
        // Built apart, so that a build that fails is not taken for a crash.
        self.build(target)?;
        let found = self.root.join("fuzz/corpus").join(target);
        files::create_folder(&found)?;
        let mut arguments = vec![target.to_owned(), found.display().to_string()];
        arguments.extend(
            self.seeds(target)
                .map(|folder| folder.display().to_string()),
        );
        // Scenarios have no natural order by length: -len_control would keep long ones out for hours.
        arguments.extend(["--".to_owned(), "-len_control=0".to_owned()]);
        arguments.extend(seconds.map(|seconds| format!("-max_total_time={seconds}")));
        arguments.extend_from_slice(rest);
        let before = self.artifacts(target);
        if self.call("run", &arguments)? {
            return Ok(Exit::Holds);
        }
        let after = self.artifacts(target);
        let new: Vec<_> = after
            .difference(&before)
            .map(|(path, _)| path.display())
            .collect();
        if new.is_empty() {
            return Err(Failure::Program(format!(
                "{target} ended badly and left no input; the messages are above"
            )));
        }
        for path in &new {
            output::complain(&format!("{target}: found {path}"));
            if SEEDS.iter().any(|(name, _)| *name == target) {
                output::complain(&format!("  bareflight explain {path}"));
                output::complain(&format!(
                    "  bareflight replay {path} --write corpus/regressions/NAME.toml"
                ));
            } else {
                output::complain(&format!(
                    "  cargo fuzz run --sanitizer none {target} {path}"
                ));
            }
        }
        Ok(Exit::Broken)
    }

    /// Builds a target.
    pub(crate) fn build(&self, target: &str) -> Result<(), Failure> {
        if self.call("build", &[target.to_owned()])? {
            return Ok(());
        }
        Err(Failure::Program(format!(
            "the fuzz target {target} could not be built; the messages are above"
        )))
    }

    /// The newest program that was built of a target: cargo-fuzz puts it below a folder named by the machine.
    pub(crate) fn program(&self, target: &str) -> Result<PathBuf, Failure> {
        let built = self.root.join("fuzz/target");
        let machines = fs::read_dir(&built).into_iter().flatten().flatten();
        let name = format!("{target}{}", std::env::consts::EXE_SUFFIX);
        let programs = machines.map(|machine| machine.path().join("release").join(&name));
        let programs =
            programs.filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)));
        let newest = programs.max().map(|(_, path)| path);
        newest.ok_or_else(|| {
            Failure::Program(format!(
                "{target} was built, but not below {}",
                built.display()
            ))
        })
    }

    fn call(&self, verb: &str, arguments: &[String]) -> Result<bool, Failure> {
        let mut command = Command::new(&self.program);
        // Safe Rust gains little from a sanitizer, and without one stable Rust suffices.
        command
            .args(["fuzz", verb, "--sanitizer", "none"])
            .args(arguments)
            .current_dir(&self.root);
        let status = command
            .status()
            .map_err(|error| Failure::Program(format!("cargo-fuzz cannot be started: {error}")))?;
        Ok(status.success())
    }

    fn seeds(&self, target: &str) -> impl Iterator<Item = PathBuf> {
        let folders = SEEDS
            .iter()
            .find(|(name, _)| *name == target)
            .map_or(&[][..], |(_, folders)| folders);
        let corpus = self.root.join("corpus");
        folders
            .iter()
            .map(move |folder| corpus.join(folder))
            .filter(|folder| folder.is_dir())
    }

    /// What crashed so far, and when: the same input found again is written again.
    fn artifacts(&self, target: &str) -> BTreeSet<(PathBuf, Option<SystemTime>)> {
        let folder = self.root.join("fuzz/artifacts").join(target);
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let written = |entry: &DirEntry| entry.metadata().and_then(|it| it.modified()).ok();
        entries
            .map(|entry| (entry.path(), written(&entry)))
            .collect()
    }
}
