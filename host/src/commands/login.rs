//! `login`: keeping what lets us into a registry.

use super::{Context, Outcome};
use portolan::credentials;
use portolan::registry::{Credentials, Password};
use portolan::{Error, Result};
use serde_json::json;
use std::io::{IsTerminal as _, Write as _};

/// Log in to a registry
///
/// The credentials are tried first. They are kept where Docker keeps them: with the credential helper that its
/// configuration names, or in ~/.docker/config.json, which only the user can read.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan login ghcr.io --username octocat --password-stdin < token\n  \
    portolan login registry.example:5000")]
pub(crate) struct Args {
    /// Such as ghcr.io or localhost:5000
    #[arg(value_name = "REGISTRY", default_value = "docker.io")]
    pub(super) registry: String,
    /// Keep a refresh token from standard input, for registries that give out such tokens
    #[arg(long, conflicts_with_all = ["username", "password_stdin", "token_stdin"])]
    identity_token_stdin: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let registry = registry(&args.registry);
    let credentials = match (&context.given, &context.username) {
        _ if args.identity_token_stdin => Credentials::Identity(super::registry::secret()?),
        (Some(credentials), _) => credentials.clone(),
        (None, username) => ask(registry, username.as_deref())?,
    };
    context.registries.authorize(registry, credentials.clone());
    context.waiting.during(|| context.registries.ping(registry))?;
    let place = credentials::store(&context.toolkit, registry, Some(&credentials))?;
    if context.output.json {
        context.print_json(&json!({ "registry": registry, "stored": place }))?;
    } else if !context.output.quiet {
        context.output.line(format!("logged in to {registry}; the credentials are in {place}"))?;
    }
    Ok(Outcome::Done)
}

/// The registry of what somebody may type: an address, or one of the names of Docker Hub.
pub(super) fn registry(text: &str) -> &str {
    let host = text.trim_start_matches("https://").trim_start_matches("http://");
    match host.split('/').next().unwrap_or_default() {
        "index.docker.io" | "registry-1.docker.io" | "hub.docker.com" => "docker.io",
        host => host,
    }
}

/// Asks on the terminal.
fn ask(registry: &str, username: Option<&str>) -> Result<Credentials> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::Usage(format!(
            "give --username NAME --password-stdin and the password on standard input; \
             there is no terminal to ask for the credentials of {registry}"
        )));
    }
    let failed = Error::io("read", "the terminal");
    let ask = || -> std::io::Result<(String, String)> {
        let mut stderr = std::io::stderr();
        let username = match username {
            Some(username) => username.to_owned(),
            None => {
                write!(stderr, "user name at {registry}: ")?;
                let mut line = String::new();
                std::io::stdin().read_line(&mut line)?;
                line.trim().to_owned()
            }
        };
        write!(stderr, "password: ")?;
        let password = hidden()?;
        writeln!(stderr)?;
        Ok((username, password))
    };
    let (username, password) = ask().map_err(failed)?;
    if username.is_empty() || password.is_empty() {
        return Err(Error::Usage("a name and a password are needed".to_owned()));
    }
    Ok(Credentials::Password(Password { username, password }))
}

/// A line of the terminal that it does not show.
fn hidden() -> std::io::Result<String> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    let shown = tcgetattr(&stdin)?;
    let mut silent = shown.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &shown)?;
    read.map(|_| line.trim_end_matches(['\r', '\n']).to_owned())
}
