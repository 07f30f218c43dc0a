//! The `bareflight` command line: scenarios in, verdicts out.

mod capture;
mod check;
mod cli;
mod corpus;
mod decide;
mod drawing;
mod exit;
mod explain;
mod failure;
mod faults;
mod files;
mod fuzz;
mod input;
mod judge;
mod list;
mod observe;
mod output;
mod page;
mod progress;
mod replay;
mod repository;
mod statistics;
mod story;
mod table;
mod work;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, CorpusCommand};
use exit::Exit;
use failure::Failure;

fn main() -> ExitCode {
    let exit = run(Cli::parse()).unwrap_or_else(|failure| {
        failure.report();
        failure.exit()
    });
    exit.into()
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    match cli.command.unwrap_or(Command::Check(cli.check)) {
        Command::Check(args) => check::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Decide(args) => decide::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Faults(args) => faults::run(&args),
        Command::Observe(args) => observe::run(&args),
        Command::Serve(args) => observe::serve(&args),
        Command::List(args) => list::run(&args),
        Command::Corpus(CorpusCommand::Pack(args)) => corpus::pack(&args),
    }
}
