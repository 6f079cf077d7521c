//! Programs that nobody here wrote, and the same ones under another wasmtime.

use crate::{BOTH, Program, portolan, text};
use portolan_tests::guests;
use std::process::{Command, Output, Stdio};

/// What a program said and how it ended, without the names of the engines.
fn said(output: &Output) -> (Option<i32>, String, String) {
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn theirs(file: &str, args: &[&str]) -> Output {
    let mut command = Command::new(guests::fetched("wasmtime"));
    command.arg("run").arg(file).args(args).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn programs_of_others_run_unchanged_and_say_the_same() {
    let programs: [(&str, &[&str]); 8] = [
        ("icepll.wasm", &["-i", "12", "-o", "48"]),
        ("icepll.wasm", &["--no-such-option"]),
        ("icepack.wasm", &["--help"]),
        ("icemulti.wasm", &["--help"]),
        ("icebram.wasm", &["-g", "-s", "7", "8", "256"]),
        ("boolector.wasm", &["--version"]),
        ("esbuild.wasm", &["--version"]),
        ("esbuild.wasm", &["--help"]),
    ];
    for (name, args) in programs {
        let file = guests::fetched(name);
        let file = file.to_str().unwrap();
        let ours = portolan(&["run", file]).args(args).output().unwrap();
        let (ours, theirs) = (said(&ours), said(&theirs(file, args)));
        assert!(!ours.1.is_empty() || !ours.2.is_empty(), "{name} {args:?} says nothing");
        assert_eq!(ours, theirs, "{name} {args:?}");
    }
}

#[test]
fn our_own_programs_do_the_same_under_another_wasmtime() {
    for triple in BOTH {
        let program = Program::new("command", triple);
        for args in [&["args", "a", "b"][..], &["exit", "3"], &["clock"], &["list", "/"], &["cat", "/etc/passwd"], &[]]
        {
            let ours = portolan(&["run", &program.file]).args(args).output().unwrap();
            assert_eq!(said(&ours), said(&theirs(&program.file, args)), "{args:?}");
        }
    }
}
