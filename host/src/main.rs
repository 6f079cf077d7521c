//! The command line: `portolan COMMAND`.

mod commands;
mod failure;
mod listing;
mod output;
mod signals;
mod watching;

use clap::Parser as _;
use commands::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return failure::arguments(&error),
    };
    let json = cli.global.json;
    match cli.run() {
        Ok(outcome) => outcome.into(),
        Err(error) => failure::report(&error, json),
    }
}
