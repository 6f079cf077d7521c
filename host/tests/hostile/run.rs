//! The command line in a process of its own, with bounds on its time and memory.

use crate::sandbox::Sandbox;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long any run may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Some user without privileges.
pub const NOBODY: u32 = 65_534;

/// The program under test; another build of it where the environment says so.
pub fn program() -> PathBuf {
    std::env::var_os("PORTOLAN").unwrap_or_else(|| OsString::from(env!("CARGO_BIN_EXE_portolan"))).into()
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says why a test cannot be run here.
pub fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// A run to be.
pub struct Run {
    command: Command,
    arguments: Vec<OsString>,
    memory: u64,
}

/// A run that has ended.
pub struct Ended {
    /// Nothing when a signal ended it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// The most memory that was resident, in KiB, as far as it was seen.
    pub memory: u64,
    most: u64,
    pub took: Duration,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = |text: &str| text.chars().take(1_500).collect::<String>();
        write!(f, "exit code {:?}, signal {:?}, ", self.code, self.signal)?;
        write!(f, "stdout {:?}, stderr {:?}", cut(&self.stdout), cut(&self.stderr))
    }
}

impl Run {
    /// A run with the sandbox's working directory.
    pub fn new(sandbox: &Sandbox) -> Self {
        let mut command = Command::new(program());
        command
            .current_dir(sandbox.working_directory())
            .env("TMPDIR", sandbox.temporary())
            .env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null());
        Self { command, arguments: Vec::new(), memory: 300 }
    }

    /// Arguments before the command.
    pub fn global(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(OsString::from));
        self
    }

    /// The command and its arguments. The argument `dest` stands for the destination.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        let destination = "../parent/dest";
        self.arguments.extend(
            arguments.iter().map(|&argument| OsString::from(if argument == "dest" { destination } else { argument })),
        );
        self
    }

    /// The most memory, in MiB.
    pub fn memory(mut self, mebibytes: u64) -> Self {
        self.memory = mebibytes;
        self
    }

    /// As a user without privileges, by a copy of the program that this user can reach.
    pub fn by_nobody(mut self, program: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir(self.command.get_current_dir().unwrap());
        for (key, value) in self.command.get_envs() {
            command.env(key, value.unwrap_or_default());
        }
        command.stdin(Stdio::null()).uid(NOBODY).gid(NOBODY);
        self.command = command;
        self
    }

    pub fn spawn(&mut self, stdout: Stdio, stderr: Stdio) -> Child {
        self.command.args(&self.arguments).stdout(stdout).stderr(stderr).spawn().expect("portolan can be started")
    }

    pub fn run(mut self) -> Ended {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let file = |name: &str| Stdio::from(std::fs::File::create(path(name)).unwrap());
        let start = Instant::now();
        let mut child = self.spawn(file("out"), file("err"));
        let mut memory = 0;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            memory = memory.max(high_water(child.id()));
            if start.elapsed() > PATIENCE {
                child.kill().unwrap();
                break child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(3));
        };
        let read = |name: &str| String::from_utf8_lossy(&std::fs::read(path(name)).unwrap()).into_owned();
        ended(status, read("out"), read("err"), memory, self.memory, start.elapsed())
    }
}

fn ended(status: ExitStatus, stdout: String, stderr: String, memory: u64, most: u64, took: Duration) -> Ended {
    Ended { code: status.code(), signal: status.signal(), stdout, stderr, memory, most: most * 1024, took }
}

/// The most memory that a process has had resident, in KiB. A process that has only just begun may still show the memory
/// of this one, and has the name of this one as long as it does.
fn high_water(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if field("Name:") != program().file_name().and_then(|name| name.to_str()) {
        return 0;
    }
    field("VmHWM:").and_then(|value| value.trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

impl Ended {
    /// No crash, no defect, no control characters, and within bounds.
    pub fn is_sane(&self) -> Result<(), String> {
        if self.code.is_none_or(|code| !(0..=2).contains(&code)) {
            return Err(format!("crashed: {self}"));
        }
        if self.stderr.contains("panicked") || self.stderr.contains("defect of portolan") {
            return Err(format!("a defect: {self}"));
        }
        let obeyed = |character: char| {
            character.is_control() && character != '\n' || ('\u{202a}'..='\u{202e}').contains(&character)
        };
        if self.stdout.chars().chain(self.stderr.chars()).any(obeyed) {
            return Err(format!("control characters: {self}"));
        }
        if self.memory > self.most {
            return Err(format!("took {} KiB of memory, {} are allowed", self.memory, self.most));
        }
        if self.took > PATIENCE {
            return Err(format!("took {:?}", self.took));
        }
        Ok(())
    }

    /// Whether the error, told as JSON, has a word; any where it is empty.
    pub fn has_code(&self, code: &str) -> Result<(), String> {
        let errors: Vec<serde_json::Value> = self
            .stderr
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|line: &serde_json::Value| line["error"].is_object())
            .collect();
        match errors.as_slice() {
            [error] if code.is_empty() || error["error"]["code"] == code => Ok(()),
            _ => Err(format!("expected the error {code}: {self}")),
        }
    }
}
