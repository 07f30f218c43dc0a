//! Does every function and every test that the table of clauses names exist?

use std::fs;
use std::path::{Path, PathBuf};

const TABLE: &str = include_str!("../src/clauses.md");

/// Every Rust source under a folder of this crate, in one text.
fn sources(folder: &str) -> String {
    let mut text = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path());
        let (subfolders, files): (Vec<PathBuf>, Vec<PathBuf>) =
            entries.partition(|path| path.is_dir());
        folders.extend(subfolders);
        for file in files
            .iter()
            .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        {
            text.push_str(&fs::read_to_string(file).expect("a source"));
        }
    }
    text
}

/// The words in backquotes of a cell.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn rows() -> impl Iterator<Item = (Vec<&'static str>, Vec<&'static str>)> {
    TABLE
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
            assert_eq!(cells.len(), 3, "a row has three cells: {line}");
            (quoted(cells[1]), quoted(cells[2]))
        })
}

/// Whether a function of that name is defined; a test has `#[test]` before it (within a line or two of attributes or comment).
fn defines(sources: &str, name: &str, is_test: bool) -> bool {
    let definition = format!("fn {name}(");
    let generic = format!("fn {name}<");
    let lines: Vec<&str> = sources.lines().collect();
    (0..lines.len()).any(|at| {
        let found = lines[at].contains(&definition) || lines[at].contains(&generic);
        found
            && is_test
                == lines[at.saturating_sub(2)..at]
                    .iter()
                    .any(|line| line.trim() == "#[test]")
    })
}

#[test]
fn every_function_and_test_of_the_table_exists() {
    let code = sources("src");
    let tests = code.clone() + &sources("tests");
    assert!(rows().count() > 50);
    for (functions, facts) in rows() {
        assert!(
            !functions.is_empty() && !facts.is_empty(),
            "{functions:?} {facts:?}"
        );
        for function in functions {
            assert!(defines(&code, function, false), "no function {function}");
        }
        for fact in facts {
            assert!(defines(&tests, fact, true), "no test {fact}");
        }
    }
    assert!(!defines(&code, "no_such_function", false) && !defines(&tests, "no_such_test", true));
}
