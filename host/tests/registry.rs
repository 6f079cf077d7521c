//! The client of registries against networks, token servers and registries at their worst, and against those of others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "registry/answers.rs"]
mod answers;
#[path = "registry/credentials.rs"]
mod credentials;
#[path = "registry/load.rs"]
mod load;
#[path = "registry/others.rs"]
mod others;
#[path = "registry/proxy.rs"]
mod proxy;
#[path = "registry/pulls.rs"]
mod pulls;
#[path = "registry/pushes.rs"]
mod pushes;
#[path = "registry/resume.rs"]
mod resume;
#[path = "registry/tokens.rs"]
mod tokens;
#[path = "registry/weather.rs"]
mod weather;
#[allow(dead_code)]
#[path = "serve/wire.rs"]
mod wire;

use portolan::registry::{Options, Registries};
use portolan::{Toolkit, reference};
use portolan_tests::demo;
use std::ffi::OsStr;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// The largest layer of the demo image.
const LAYER: &str = "sha256:d9b0f21251b5b9a874477c2643973147b3bf879e49c2f96cfa85b4870e0f9227";
const LAYER_BYTES: usize = 3_273;
const IMAGE: &str = "sha256:171a1ba931bb4c6b8482a4784b3f5c3eadf01a2653e48ffa223d0489de9a3a24";

fn toolkit() -> &'static Toolkit {
    Toolkit::shared().unwrap()
}

fn registries(options: Options) -> Registries {
    Registries::new(toolkit(), options)
}

fn repository(at: SocketAddr, name: &str) -> portolan::registry::Repository {
    portolan::registry::Repository { registry: at.to_string(), name: name.to_owned() }
}

fn selector(text: &str) -> reference::Selector {
    match text.contains(':') {
        true => reference::Selector { tag: None, digest: Some(text.to_owned()) },
        false => reference::Selector { tag: Some(text.to_owned()), digest: None },
    }
}

/// What came of a run of the program.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    #[track_caller]
    fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// One error, and that it says this.
    #[track_caller]
    fn failed(self, with: &str) -> String {
        let errors = self.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!((errors, self.stdout.as_str()), (1, ""), "{}", self.stderr);
        // 1 where the image is wrong, 2 where it cannot be had.
        assert!(matches!(self.code, Some(1 | 2)), "{:?} {}", self.code, self.stderr);
        assert!(self.stderr.contains(with), "{with:?} is not in {:?}", self.stderr);
        self.stderr
    }
}

/// The program, knowing no credentials of whoever runs the tests.
fn command<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.args(args).env("DOCKER_CONFIG", "/nonexistent").env("HOME", "/nonexistent");
    for variable in ["REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "HTTP_PROXY", "http_proxy", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command
}

fn portolan(args: &[&str]) -> Run {
    run(command(args), "")
}

/// Runs it with this on standard input.
fn run(mut command: Command, input: &str) -> Run {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn demo_place() -> String {
    format!("oci:{}:{}", demo::directory().display(), demo::TAG)
}

/// A registry that has the demo image as `demo:1.0`: its repository is a layout like any other.
fn demo_registry(root: &Path) -> wire::Running {
    let to = format!("oci:{}:{}", root.join("demo").display(), demo::TAG);
    portolan(&["copy", "--quiet", &demo_place(), &to]).done();
    wire::Running::root(root)
}

/// That a directory has the whole demo image.
#[track_caller]
fn verify_demo(layout: &Path) {
    let place = format!("oci:{}:{}", layout.display(), demo::TAG);
    portolan(&["verify", "--quiet", &place]).done();
    assert_eq!(portolan(&["inspect", "--json", &place]).done().matches(IMAGE).count().min(1), 1);
}

/// That nothing in a directory looks like an image.
#[track_caller]
fn verify_nothing(layout: &Path) {
    for name in ["index.json", "oci-layout"] {
        assert!(!layout.join(name).exists(), "{name}");
    }
}

/// What names a blob.
fn descriptor(digest: &str, size: usize) -> portolan::manifest::Descriptor {
    portolan::manifest::Descriptor {
        media_type: "application/octet-stream".to_owned(),
        digest: digest.to_owned(),
        size: size as u64,
        urls: Vec::new(),
        annotations: Vec::new(),
        data: None,
        platform: None,
        artifact_type: None,
    }
}
