//! The command line, run as users run it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arguments;
mod cat;
mod digest;
mod inspect;
mod ls;
mod platforms;
mod registry;
mod run;
mod tree;
mod unpack;
mod verify;
mod wasm;
mod waste;

use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::{demo, tar};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// What a run of `portolan` did.
struct Run {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
}

impl Run {
    /// Standard output of a run that is done.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", String::from_utf8_lossy(&self.stdout));
        String::from_utf8(self.stdout).unwrap()
    }

    /// The JSON on standard output, whatever the exit code.
    #[track_caller]
    fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.stdout);
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {text}{}", self.stderr))
    }

    /// Standard error of a run that failed with this exit code and answered nothing.
    #[track_caller]
    fn failed(self, code: i32) -> String {
        assert_eq!((self.code, String::from_utf8_lossy(&self.stdout).as_ref()), (Some(code), ""), "{}", self.stderr);
        self.stderr
    }
}

fn command<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.args(args).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// Runs `portolan` without standard input.
fn portolan<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Run {
    let output = command(args).output().unwrap();
    Run { code: output.status.code(), stdout: output.stdout, stderr: String::from_utf8(output.stderr).unwrap() }
}

/// Runs `portolan` with these bytes on standard input, through a pipe.
fn portolan_with(input: &[u8], args: &[&str]) -> Run {
    let mut command = command(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A run that fails early does not read to the end.
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().unwrap()
    });
    Run { code: output.status.code(), stdout: output.stdout, stderr: String::from_utf8(output.stderr).unwrap() }
}

/// The demo image as a reference.
fn demo() -> String {
    format!("oci:{}:{}", demo::directory().display(), demo::TAG)
}

/// A small image for linux/amd64 with two layers, named `1.0`.
fn small() -> Layout {
    let lower = tar::Builder::new().dir("etc/").file("etc/motd", b"hello\n").file("etc/issue", b"none\n");
    let upper = tar::Builder::new().dir("etc/").whiteout("etc/issue").file("etc/hostname", b"here\n");
    let image = Builder::new("linux/amd64")
        .layer(Layer::gzip(lower.build()).created_by("COPY lower /"))
        .layer(Layer::gzip(upper.build()).created_by("COPY upper /"));
    Layout::single("1.0", image)
}

/// A layout in a directory of its own.
struct Written {
    directory: tempfile::TempDir,
}

impl Written {
    fn new(layout: &Layout) -> Self {
        let directory = tempfile::tempdir().unwrap();
        layout.write(directory.path());
        Self { directory }
    }

    /// An image of these layers.
    fn of(layers: impl IntoIterator<Item = tar::Builder>) -> Self {
        let layers = layers.into_iter().map(|tar| Layer::gzip(tar.build()));
        Self::new(&Layout::single("1.0", Builder::new("linux/amd64").layers(layers)))
    }

    fn reference(&self) -> &str {
        self.directory.path().to_str().unwrap()
    }
}
