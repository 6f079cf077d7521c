//! Real programs under `portolan run`: what they do, in every place they can be, and the same as under another wasmtime.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "guests/forms.rs"]
mod forms;
#[path = "guests/http.rs"]
mod http;
#[path = "guests/later.rs"]
mod later;
#[path = "guests/others.rs"]
mod others;
#[path = "guests/service.rs"]
mod service;

use portolan_tests::guests;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A file with a program of `tests/guests`.
struct Program {
    directory: tempfile::TempDir,
    file: String,
}

impl Program {
    fn new(name: &str, triple: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(format!("{name}.wasm"));
        std::fs::write(&file, guests::built(name, triple)).unwrap();
        Self { file: file.to_str().unwrap().to_owned(), directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn portolan(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs a program with options before and arguments behind it.
fn run(options: &[&str], file: &str, args: &[&str]) -> Output {
    portolan(&["run"]).args(options).arg(file).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn done(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The same source, as a core module and as a component.
const BOTH: [&str; 2] = ["wasm32-wasip1", "wasm32-wasip2"];

#[test]
fn programs_have_arguments_streams_a_clock_and_exit_codes() {
    for triple in BOTH {
        let program = Program::new("command", triple);
        assert_eq!(done(&run(&[], &program.file, &[])), "hello\n");
        assert_eq!(done(&run(&[], &program.file, &["args", "--flag", "a b", ""])), "--flag|a b|\n");
        assert_eq!(done(&run(&["-e", "B=2", "--env", "A=1"], &program.file, &["env"])), "A=1|B=2\n");
        assert_eq!(done(&run(&[], &program.file, &["clock"])), "true\n");
        let mut child = portolan(&["run", &program.file, "stdin"]);
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"quiet\n").unwrap();
        assert_eq!(text(&child.wait_with_output().unwrap().stdout), "QUIET\n");
        // WASI 0.1 takes codes below 126 alone.
        for code in [1, 7, 125] {
            let output = run(&[], &program.file, &["exit", &code.to_string()]);
            // A component of WASI 0.2 can only say whether it is well, unless it asks for more.
            assert!(output.status.code() == Some(code) || (triple == BOTH[1] && output.status.code() == Some(1)));
        }
    }
}

#[test]
fn what_is_not_granted_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"ahoy").unwrap());
    let program = Program::new("command", BOTH[1]);
    assert_eq!(done(&run(&[], &program.file, &["env"])), "\n");
    assert_eq!(run(&[], &program.file, &["list", "/"]).status.code(), Some(1));
    assert_ne!(run(&[], &program.file, &["connect", &address]).status.code(), Some(0));
    assert_ne!(run(&["--allow-net", "127.0.0.1:1"], &program.file, &["connect", &address]).status.code(), Some(0));
    assert_eq!(done(&run(&["--allow-net", &address], &program.file, &["connect", &address])), "ahoy");
    answering.join().unwrap();
}

#[test]
fn directories_are_read_and_written_as_they_are_granted() {
    for triple in BOTH {
        let program = Program::new("command", triple);
        std::fs::create_dir(program.path("data")).unwrap();
        let mount = format!("{}:/data", program.path("data").display());
        done(&run(&["--mount", &mount], &program.file, &["write", "/data/new", "written"]));
        assert_eq!(std::fs::read_to_string(program.path("data/new")).unwrap(), "written");
        let read_only = format!("{mount}:ro");
        assert_eq!(done(&run(&["--mount", &read_only], &program.file, &["cat", "/data/new"])), "written");
        assert_ne!(run(&["--mount", &read_only], &program.file, &["write", "/data/other", "x"]).status.code(), Some(0));
        assert_ne!(run(&["--mount", &mount], &program.file, &["cat", "/data/../../etc/passwd"]).status.code(), Some(0));
        assert_eq!(done(&run(&["--mount", &mount], &program.file, &["list", "/data"])), "new\n");
    }
}

/// Row 57.
#[test]
fn programs_that_take_too_much_end() {
    for triple in BOTH {
        let program = Program::new("command", triple);
        for what in ["loop", "sleep"] {
            let output = run(&["--timeout", "1s"], &program.file, &[what]);
            assert_eq!(output.status.code(), Some(134), "{what}");
            assert!(text(&output.stderr).contains("it did not end within 1s"), "{}", text(&output.stderr));
        }
        let output = run(&["--memory", "128M"], &program.file, &["memory"]);
        assert_eq!(output.status.code(), Some(134));
        assert!(text(&output.stderr).contains("134217728 are allowed"), "{}", text(&output.stderr));
        let output = run(&[], &program.file, &["panic"]);
        assert_eq!(output.status.code(), Some(134));
        assert!(text(&output.stderr).contains("on purpose"), "{}", text(&output.stderr));
    }
}
