//! Saying what went wrong: the error, its causes, what to do next, and the exit code.

use crate::output::{self, Style, complain, stderr_colours};
use portolan::{Error, ErrorCode, text};
use serde_json::json;
use std::error::Error as _;
use std::process::ExitCode;

/// The exit code of a run that could not do what it was asked for.
pub(crate) const FAILED: u8 = 2;
/// The exit code of a run that found the image to be wrong.
pub(crate) const WRONG: u8 = 1;

/// The exit code of a program that was run and failed other than by its own word, as `wasmtime run` has it.
pub(crate) const GUEST: u8 = 134;

/// Prints the error that ended a run and answers the exit code. Whoever closed the pipe has seen enough: that is no error.
pub(crate) fn report(error: &Error, json: bool) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    print(error, json);
    ExitCode::from(exit_code(error))
}

/// Prints an error to standard error.
pub(crate) fn print(error: &Error, json: bool) {
    let mut causes: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        // A backtrace has a line for every call.
        let lines = error.to_string();
        causes.push(lines.lines().map(text::printable).collect::<Vec<_>>().join("\n  "));
        cause = error.source();
    }
    let help = help(error);
    if json {
        let mut object = json!({ "code": error.word(), "message": error.to_string() });
        if !causes.is_empty() {
            object["causes"] = json!(causes);
        }
        if let Some(help) = help {
            object["help"] = json!(help);
        }
        complain(&json!({ "error": object }).to_string());
        return;
    }
    let colour = stderr_colours();
    complain(&format!("{} {}", Style::Bad.paint(colour, "error:"), text::printable(&error.to_string())));
    for cause in causes {
        complain(&format!("  {} {cause}", Style::Dim.paint(colour, "caused by:")));
    }
    if let Some(help) = help {
        complain(&format!("{} {}", Style::Good.paint(colour, "help:"), text::printable(&help)));
    }
}

/// Prints what is wrong with the arguments, or the help that was asked for, and answers the exit code.
pub(crate) fn arguments(error: &clap::Error) -> ExitCode {
    let wants_json =
        std::env::args_os().skip(1).take_while(|argument| argument != "--").any(|argument| argument == "--json");
    if error.use_stderr() && wants_json {
        // Up to the empty line stands what is wrong; behind it, advice for a person.
        let rendered = error.to_string();
        let lines = rendered.lines().map(str::trim).take_while(|line| !line.is_empty());
        let message = lines.collect::<Vec<_>>().join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        complain(&json!({ "error": { "code": "usage", "message": message } }).to_string());
    } else {
        // Clap writes help to standard output; a closed pipe is no error there either.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(FAILED))
}

fn exit_code(error: &Error) -> u8 {
    match error {
        Error::Image { code, .. } => match code {
            ErrorCode::InvalidReference
            | ErrorCode::ReferenceNotFound
            | ErrorCode::InvalidPlatform
            | ErrorCode::PlatformNotFound
            | ErrorCode::PathNotFound
            | ErrorCode::Unauthorized
            | ErrorCode::RegistryUnreachable
            | ErrorCode::RegistryRefused
            | ErrorCode::InvalidResponse
            | ErrorCode::InsecureLocation
            | ErrorCode::InvalidState => FAILED,
            _ => WRONG,
        },
        Error::Guest { .. } => GUEST,
        _ => FAILED,
    }
}

fn is_broken_pipe(error: &Error) -> bool {
    matches!(error, Error::Io { path, source, .. }
        if path.as_os_str() == output::STDOUT && source.kind() == std::io::ErrorKind::BrokenPipe)
}

/// The obvious next step, where there is one.
fn help(error: &Error) -> Option<String> {
    let help = match error {
        Error::Image { code, .. } => match code {
            ErrorCode::InvalidReference => "`portolan help references` shows how images are named",
            ErrorCode::ReferenceNotFound => "`portolan tags` with the place alone lists what is there",
            ErrorCode::InvalidPlatform => {
                "platforms are written os/architecture or os/architecture/variant, such as linux/arm/v7"
            }
            ErrorCode::PlatformNotFound => "choose one with --platform; `portolan platforms` lists what is there",
            ErrorCode::LimitExceeded => {
                "limits are raised with --limits KEY=VALUE if the image is trusted; see `portolan help limits`"
            }
            ErrorCode::InvalidWorkload => "`portolan inspect` shows what the image is",
            ErrorCode::UserNotFound => "unpack without --bundle, or with a user that the image knows",
            _ => return None,
        },
        Error::Source { .. } => "`portolan help references` shows how images are named",
        Error::Destination { .. } => "choose a destination that does not exist yet",
        Error::Privilege { .. } => {
            "--rootless records owners instead of setting them and leaves devices out; --keep-going leaves out whatever fails"
        }
        Error::Component(_) => {
            "please report it with the command line, this message and, if you may share it, the image: \
             https://github.com/portolan/portolan/issues"
        }
        _ => return None,
    };
    Some(help.to_owned())
}
