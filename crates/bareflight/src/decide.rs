//! `bareflight decide`: cases in, the policy's decisions out, a line for each, so that any project can compare itself.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bareflight_policy::decide::{Case, Explanation, Input, InputError, Output, decide};
use serde::Serialize;
use thiserror::Error;

use crate::cli::DecideArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::is_read;

/// The most bytes of a line; a longer one is refused without being kept.
const MOST: usize = 1 << 20;

/// Why a line has no decision.
#[derive(Debug, Error)]
enum LineError {
    #[error("the line has more than {MOST} bytes: give each case a line of its own")]
    TooLong,
    #[error(
        "{message} (column {column}): a line is one JSON object, as `bareflight decide --help` shows one"
    )]
    Json { message: String, column: usize },
    #[error(transparent)]
    Case(#[from] InputError),
}

/// What is written in place of a decision.
#[derive(Serialize)]
struct Refusal {
    error: String,
    line: u64,
}

/// Decides what a file or standard input holds.
pub(crate) fn run(args: &DecideArgs) -> Result<Exit, Failure> {
    let out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match args.file.as_deref().filter(|path| *path != Path::new("-")) {
        None => all(
            &mut buffered(io::stdin().lock()),
            "standard input",
            out,
            args.explain,
        ),
        Some(path) => {
            let file = File::open(path).map_err(Failure::io("read", path))?;
            all(&mut buffered(file), path, out, args.explain)
        }
    }
}

fn buffered<R: Read>(reader: R) -> BufReader<R> {
    BufReader::with_capacity(1 << 16, reader)
}

/// Line by line; what is written is flushed whenever the next line is not there yet, so that a program can ask and wait.
fn all<R: Read>(
    reader: &mut BufReader<R>,
    name: impl Into<PathBuf>,
    mut out: impl Write,
    explain: bool,
) -> Result<Exit, Failure> {
    let (mut exit, mut line, mut number) = (Exit::Holds, Vec::new(), 0);
    let name = name.into();
    loop {
        if !reader.buffer().contains(&b'\n') && !is_read(out.flush())? {
            break;
        }
        if !next_line(reader, &mut line).map_err(Failure::io("read", &name))? {
            break;
        }
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let written = match case(&line) {
            Ok(case) => answer(&mut out, &case, explain),
            Err(error) => {
                exit = Exit::Unusable;
                refuse(&mut out, &error, number, explain)
            }
        };
        if !is_read(written)? {
            break;
        }
    }
    Ok(exit)
}

/// Reads the next line, one byte of it beyond the bound at most; the rest of a longer one is skipped. False at the end.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let bound = u64::try_from(MOST + 1).unwrap_or(u64::MAX);
    let read = reader.by_ref().take(bound).read_until(b'\n', line)?;
    if line.len() > MOST && !line.ends_with(b"\n") {
        reader.skip_until(b'\n')?;
    }
    Ok(read > 0)
}

fn case(line: &[u8]) -> Result<Case, LineError> {
    if line.strip_suffix(b"\n").unwrap_or(line).len() > MOST {
        return Err(LineError::TooLong);
    }
    let input: Input = serde_json::from_slice(line.trim_ascii_end()).map_err(|error| {
        let text = error.to_string();
        // The parser counts lines too, and knows of one.
        let place = format!(" at line {} column {}", error.line(), error.column());
        LineError::Json {
            message: text.strip_suffix(&place).unwrap_or(&text).to_owned(),
            column: error.column(),
        }
    })?;
    Ok(Case::parse(&input)?)
}

fn answer(out: &mut impl Write, case: &Case, explain: bool) -> io::Result<()> {
    let decision = decide(case);
    if explain {
        let decision = &decision;
        return writeln!(out, "{}\n", Explanation { case, decision });
    }
    serde_json::to_writer(&mut *out, &Output::new(case, &decision))?;
    out.write_all(b"\n")
}

fn refuse(out: &mut impl Write, error: &LineError, line: u64, explain: bool) -> io::Result<()> {
    if explain {
        return writeln!(out, "line {line}: {error}\n");
    }
    let error = error.to_string();
    serde_json::to_writer(&mut *out, &Refusal { error, line })?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(text: &[u8]) -> (Exit, Vec<String>) {
        let mut out = Vec::new();
        let exit = all(&mut buffered(text), "test", &mut out, false).unwrap();
        let out = String::from_utf8(out).unwrap();
        (exit, out.lines().map(str::to_owned).collect())
    }

    fn padded(length: usize) -> Vec<u8> {
        let case = r#"{"url":"https://api.test/","origin":"https://app.test"}"#;
        let mut line = case.as_bytes().to_vec();
        line.resize(length, b' ');
        line
    }

    #[test]
    fn a_line_has_a_bound_and_the_next_one_is_read() {
        for (length, refused) in [
            (MOST - 1, false),
            (MOST, false),
            (MOST + 1, true),
            (3 * MOST, true),
        ] {
            let text = [padded(length), padded(60), padded(length)].join(&b'\n');
            let (exit, lines) = decided(&text);
            let starts: Vec<bool> = lines
                .iter()
                .map(|line| line.starts_with(r#"{"error":"the line has more"#))
                .collect();
            assert_eq!(starts, [refused, false, refused], "{length}");
            assert_eq!(exit, if refused { Exit::Unusable } else { Exit::Holds });
        }
    }

    #[test]
    fn what_is_written_is_flushed_before_waiting_for_more() {
        /// Gives a line at a time, and checks that the answer to the one before it is out.
        struct Dialogue<'a>(&'a std::cell::RefCell<Vec<u8>>, usize);
        impl Read for Dialogue<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let answers = self
                    .0
                    .borrow()
                    .iter()
                    .filter(|&&byte| byte == b'\n')
                    .count();
                assert_eq!(answers, self.1);
                if self.1 == 3 {
                    return Ok(0);
                }
                self.1 += 1;
                let mut line = padded(60);
                line.push(b'\n');
                line.as_slice().read(buffer)
            }
        }
        struct Shared<'a>(&'a std::cell::RefCell<Vec<u8>>);
        impl Write for Shared<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.borrow_mut().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let written = std::cell::RefCell::new(Vec::new());
        let out = io::BufWriter::new(Shared(&written));
        all(&mut buffered(Dialogue(&written, 0)), "test", out, false).unwrap();
        assert_eq!(
            written
                .borrow()
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count(),
            3
        );
    }

    #[test]
    fn a_reader_that_goes_away_ends_it_and_a_full_disk_is_an_error() {
        struct Gone(io::ErrorKind);
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut line = padded(60);
        line.push(b'\n');
        let endless = |kind| {
            let lines = line.repeat(1 << 10);
            let reader = lines.as_slice().chain(io::repeat(b'\n'));
            all(&mut buffered(reader), "endless", Gone(kind), false)
        };
        assert_eq!(endless(io::ErrorKind::BrokenPipe).unwrap(), Exit::Holds);
        let full = endless(io::ErrorKind::StorageFull).unwrap_err();
        assert!(
            full.to_string()
                .starts_with("standard output cannot be written: "),
            "{full}"
        );
    }
}
