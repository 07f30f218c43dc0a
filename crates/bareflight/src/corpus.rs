//! The corpus: cases that people wrote, regressions that fuzzing found, and seeds for fuzzing made from the cases.

use std::fs;
use std::path::{Path, PathBuf};

use bareflight_harness::scenario::Scenario;

use crate::cli::PackArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::input::{self, Input, InputError};
use crate::output::{self, count};
use crate::repository;

/// The folders of a corpus, in the order in which they are read.
const FOLDERS: [&str; 3] = ["cases", "regressions", "seeds"];

/// Files beyond which a folder is not read on.
const MOST: usize = 100_000;

/// A folder of scenarios.
#[derive(Debug)]
pub(crate) struct Corpus {
    folder: PathBuf,
}

/// One scenario, or one recorded log, of a corpus.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its file.
    pub(crate) path: PathBuf,
    /// What is in it.
    pub(crate) input: Input,
}

impl Corpus {
    /// The corpus in a folder, or the one that is found from here.
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self, Failure> {
        let folder = folder.map_or_else(|| repository::at_root("corpus"), Path::to_owned);
        if folder.is_dir() {
            return Ok(Self { folder });
        }
        Err(Failure::Usage(format!(
            "there is no corpus at {}: name its folder with --corpus",
            folder.display()
        )))
    }

    /// Where the witnesses of faults are kept: scenarios that hold, and break where their fault is loose.
    pub(crate) fn faults(&self) -> PathBuf {
        self.folder.join("faults")
    }

    /// All scenarios, in the order of their paths, and what is not usable.
    pub(crate) fn read(&self) -> (Vec<Entry>, Vec<InputError>) {
        self.read_folders(&FOLDERS)
    }

    /// As [`read`](Self::read), without the seeds: they say nothing that their cases do not.
    pub(crate) fn read_written(&self) -> (Vec<Entry>, Vec<InputError>) {
        self.read_folders(&FOLDERS[..2])
    }

    fn read_folders(&self, folders: &[&str]) -> (Vec<Entry>, Vec<InputError>) {
        let mut entries = Vec::new();
        let mut unusable = Vec::new();
        for folder in folders {
            for path in files_in(&self.folder.join(folder)) {
                match input::read(&path) {
                    Ok(input) => entries.push(Entry { path, input }),
                    Err(error) => unusable.push(*error),
                }
            }
        }
        (entries, unusable)
    }

    /// The seeds as they should be: path and bytes, one for each case.
    fn seeds(&self) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
        let cases = files_in(&self.folder.join("cases"))
            .into_iter()
            .filter(|path| has_extension(path, "toml"));
        let seed = |case: PathBuf| {
            let mut scenario = input::read(&case)?.scenario;
            strip(&mut scenario);
            let name = Path::new(case.file_stem().unwrap_or_default()).with_extension("bin");
            Ok((self.folder.join("seeds").join(name), scenario.to_bytes()))
        };
        cases.map(seed).collect()
    }
}

/// What says nothing to a fuzzer is left out of a seed.
fn strip(scenario: &mut Scenario) {
    scenario.title.clear();
    for step in &mut scenario.steps {
        step.expect = None;
    }
}

/// The files in a folder, sorted; hidden ones and `README.md` are not scenarios. None if there is no such folder.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries
        .take(MOST)
        .filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> = paths
        .filter(|path| path.is_file() && !is_hidden(path) && !has_extension(path, "md"))
        .collect();
    paths.sort();
    paths
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension()
        .is_some_and(|extension| extension == wanted)
}

/// `bareflight corpus pack`.
pub(crate) fn pack(args: &PackArgs) -> Result<Exit, Failure> {
    let corpus = Corpus::open(args.corpus.as_deref())?;
    let seeds = corpus.seeds()?;
    let stale: Vec<_> = seeds
        .iter()
        .filter(|(path, bytes)| fs::read(path).ok().as_ref() != Some(bytes))
        .collect();
    let known = |path: &PathBuf| seeds.iter().any(|(seed, _)| seed == path);
    let orphans: Vec<_> = files_in(&corpus.folder.join("seeds"))
        .into_iter()
        .filter(|path| !known(path))
        .collect();
    for orphan in &orphans {
        output::complain(&format!(
            "{}: no case has this name; delete it, or make it a case",
            orphan.display()
        ));
    }
    if args.check {
        for (path, _) in &stale {
            output::complain(&format!(
                "{}: is not what its case says; run `bareflight corpus pack`",
                path.display()
            ));
        }
        let fresh = stale.is_empty() && orphans.is_empty();
        let seeds = count(seeds.len() as u64, "seed");
        output::print(&format!(
            "{seeds}: {}\n",
            if fresh {
                "up to date"
            } else {
                "not up to date"
            }
        ))?;
        return Ok(if fresh { Exit::Holds } else { Exit::Broken });
    }
    for (path, bytes) in &stale {
        files::replace(path, bytes)?;
    }
    output::print(&format!(
        "{}, {} written\n",
        count(seeds.len() as u64, "seed"),
        stale.len()
    ))?;
    Ok(Exit::Holds)
}
