//! A client's own pool under the harness: the (scheme, authority) kind, which most HTTP clients have, and which is caught.
//!
//! `cargo run -p bareflight-harness --example scheme_authority`

use std::collections::HashMap;
use std::process::ExitCode;

use bareflight_harness::downstream::{ConnectionPool, Examination, Wants};

/// The pool as the client has it: connections by scheme and authority.
#[derive(Default)]
struct ByAuthority {
    open: HashMap<(String, String), Vec<u32>>,
}

impl ConnectionPool for ByAuthority {
    fn put(&mut self, opened_for: &Wants, connection: u32) {
        self.of(opened_for).push(connection);
    }

    fn get(&mut self, wants: &Wants, free: &[u32]) -> Option<u32> {
        let known = self.of(wants).iter().rev();
        known.copied().find(|connection| free.contains(connection))
    }
}

impl ByAuthority {
    fn of(&mut self, wants: &Wants) -> &mut Vec<u32> {
        let key = (wants.scheme.clone(), wants.authority.clone());
        self.open.entry(key).or_default()
    }
}

/// In a client this is a test, which fails if there is a finding. Here it is the other way round.
fn main() -> ExitCode {
    match Examination::default().of(ByAuthority::default) {
        Ok(Some(finding)) => {
            print!("{finding}");
            ExitCode::SUCCESS
        }
        Ok(None) => {
            eprintln!("a pool that knows neither credentials nor partitions was not caught");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[test]
fn the_readme_shows_what_is_found() {
    let finding = Examination::default().of(ByAuthority::default);
    let finding = finding.expect("the model needs nothing").expect("caught");
    assert!(include_str!("../README.md").contains(&finding.to_string()));
}
