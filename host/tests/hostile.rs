//! The hostile images of `tests/cases/hostile`, against the command line and, where they are about layers, the library
//! crates natively; and what faults of the machine and other processes can do.
//!
//! Every run happens in a sandbox with something to be harmed everywhere an attack could reach: beside the destination,
//! in the working directory, and where the links of the images point to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "../../tests/cases/hostile/mod.rs"]
mod cases;
#[path = "hostile/faults.rs"]
mod faults;
#[path = "hostile/flips.rs"]
mod flips;
#[path = "hostile/native.rs"]
mod native;
#[path = "hostile/privileges.rs"]
mod privileges;
#[path = "hostile/race.rs"]
mod race;
#[path = "hostile/run.rs"]
mod run;
#[path = "hostile/sandbox.rs"]
mod sandbox;
#[path = "hostile/steering.rs"]
mod steering;

use cases::{Attack, Case, Expected};
use run::{Ended, Run};
use sandbox::Sandbox;

/// Where the image lies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    Layout,
    LayoutArchive,
    DockerArchive,
}

#[test]
fn paths() {
    table("paths");
}

#[test]
fn symlinks() {
    table("symlinks");
}

#[test]
fn hard_links() {
    table("hard links");
}

#[test]
fn whiteouts() {
    table("whiteouts");
}

#[test]
fn tar_grammar() {
    table("tar grammar");
}

#[test]
fn compression() {
    table("compression");
}

#[test]
fn content() {
    table("content");
}

#[test]
fn metadata() {
    if !run::is_root() {
        return run::skip("owners and devices take root");
    }
    table("metadata");
}

#[test]
fn config() {
    table("config");
}

/// Runs every case of a table and tells all that fail.
fn table(name: &str) {
    let (_, cases) = cases::tables().into_iter().find(|(table, _)| *table == name).unwrap();
    let only = std::env::var("HOSTILE_CASE").unwrap_or_default();
    let mut failures = Vec::new();
    for case in cases.iter().filter(|case| case.name.contains(&only)) {
        failures.extend(check(case).into_iter().map(|failure| format!("row {}, {}: {failure}", case.row, case.name)));
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// Runs a case from every kind of source, and natively where it is about layers.
fn check(case: &Case) -> Vec<String> {
    let mut failures = Vec::new();
    let sandbox = Sandbox::new();
    let attack = (case.make)(&sandbox.place());
    if !attack.layers.is_empty()
        && let Err(failure) = native::check(&attack)
    {
        failures.push(format!("natively: {failure}"));
    }
    let mut sources = vec![Source::Layout, Source::LayoutArchive];
    if attack.docker {
        sources.push(Source::DockerArchive);
    }
    for source in sources {
        let reference = sandbox.image(&attack.layout, source);
        let before = sandbox.snapshot();
        let mut look = |what: &str, result: Result<(), String>| {
            if let Err(failure) = result {
                failures.push(format!("{what} from {source:?}: {failure}"));
            }
        };
        let unpack = |json: bool| {
            let mut run = Run::new(&sandbox).global(&attack.arguments).memory(attack.memory);
            if json {
                run = run.global(&["--json"]);
            }
            if !attack.limits.is_empty() {
                run = run.global(&["--limits", attack.limits]);
            }
            run.arguments(&["unpack", "--platform", "linux/amd64", &reference, "dest"]).run()
        };
        let ended = unpack(false);
        look("unpack", outcome(&attack, &ended, &sandbox));
        look("unpack", sandbox.unharmed(&before));
        if let Expected::Refused { code, .. } = &attack.expected {
            let ended = unpack(true);
            look("unpack --json", ended.has_code(code));
            look("unpack --json", sandbox.unharmed(&before));
        }
        sandbox.clear();
        let ended = Run::new(&sandbox).memory(attack.memory).arguments(&["verify", &reference]).run();
        look("verify", verified(&attack, &ended));
        look("verify", sandbox.unharmed(&before));
    }
    failures
}

fn outcome(attack: &Attack, ended: &Ended, sandbox: &Sandbox) -> Result<(), String> {
    ended.is_sane()?;
    match &attack.expected {
        Expected::Refused { says, .. } => {
            let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error:")).collect();
            let [line] = lines[..] else { return Err(format!("{} lines of errors: {ended}", lines.len())) };
            if ended.code != Some(1) && ended.code != Some(2) {
                return Err(format!("not refused: {ended}"));
            }
            if let Some(missing) = says.iter().find(|&what| !line.contains(&escaped(what)) && !line.contains(what)) {
                return Err(format!("the error does not say {missing:?}: {line}"));
            }
            if sandbox.destination().symlink_metadata().is_ok() {
                return Err("the destination exists".to_owned());
            }
            Ok(())
        }
        Expected::Unpacked { tree, warns } => {
            if ended.code != Some(0) {
                return Err(format!("refused: {ended}"));
            }
            if let Some(missing) = warns.iter().find(|what| !ended.stderr.contains(*what)) {
                return Err(format!("no warning says {missing:?}: {ended}"));
            }
            sandbox.holds(tree)
        }
    }
}

/// A text as it looks after the escaping of messages and of the terminal.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
}

fn verified(attack: &Attack, ended: &Ended) -> Result<(), String> {
    ended.is_sane()?;
    match (&attack.expected, ended.code) {
        (Expected::Unpacked { .. }, Some(0)) | (Expected::Refused { .. }, Some(0..=2)) => Ok(()),
        _ => Err(format!("ended otherwise: {ended}")),
    }
}
