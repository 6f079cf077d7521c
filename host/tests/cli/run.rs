//! Pipes, signals, progress: what happens around a command.

use crate::{command, demo, portolan, portolan_with, small};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::{peers, tar};
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_closed_pipe_is_no_error() {
    for args in [&["help", "limits"][..], &["completion", "bash"], &["inspect", "--json", &demo()], &["--help"]] {
        let mut child = command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), error.as_ref()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_full_disk_is_one() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command(["inspect", &demo()]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
}

fn signal(child: &Child, name: &str) {
    peers::succeed("kill", [format!("-{name}"), child.id().to_string()]);
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Waits until something is so, or fails.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A layout whose only layer takes long to read: its header promises 64 GiB, which a sparse file has.
fn endless(directory: &Path) {
    let size = 64_u64 << 30;
    // A size this large stands in the header in binary.
    let mut header = tar::Builder::new().file("big", b"").build()[..512].to_vec();
    header[124..136].copy_from_slice(&[&[0x80, 0, 0, 0][..], &size.to_be_bytes()].concat());
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let layer = Layer::plain(header.clone()).with("size", size + 1536);
    let layout = Layout::single("1.0", Builder::new("linux/amd64").layer(layer));
    let manifest = layout.document(layout.entries()[0].digest());
    let digest = manifest["layers"][0]["digest"].as_str().unwrap();
    layout.write(directory);
    let blob = directory.join("blobs").join(digest.replace(':', "/"));
    std::fs::OpenOptions::new().write(true).open(blob).unwrap().set_len(size + 1536).unwrap();
}

/// Stopped at any time, an unpacking leaves nothing behind.
#[test]
fn a_signal_ends_an_unpacking_and_nothing_stays() {
    let layout = tempfile::tempdir().unwrap();
    endless(layout.path());
    for name in ["INT", "TERM"] {
        let scratch = tempfile::tempdir().unwrap();
        let destination = scratch.path().join("rootfs");
        let args = ["unpack", layout.path().to_str().unwrap(), destination.to_str().unwrap()];
        let child = command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("the staging directory appears", || !names(scratch.path()).is_empty());
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "error: stopped by a signal\n");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        assert_eq!(names(scratch.path()), [""; 0]);
    }
}

#[test]
fn a_signal_ends_a_verification() {
    let layout = tempfile::tempdir().unwrap();
    endless(layout.path());
    let mut child = command(["verify", "--progress=json", layout.path().to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    child.stderr.as_mut().unwrap().read_exact(&mut first).unwrap();
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).ends_with("error: stopped by a signal\n"));
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
}

/// Whoever waits for a pipe that says nothing is not kept waiting.
#[test]
fn a_signal_ends_a_run_that_waits_for_its_input() {
    for command_line in [&["inspect", "-"][..], &["digest", "-"], &["verify", "--json", "-"]] {
        let mut child =
            command(command_line).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&[0; 100]).unwrap();
        let waits = format!("/proc/{}/status", child.id());
        // The handler is there when the kernel says so.
        until("the signal is caught", || {
            let status = std::fs::read_to_string(&waits).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim().to_owned();
            u64::from_str_radix(&caught, 16).unwrap() & (1 << (15 - 1)) != 0
        });
        std::thread::sleep(Duration::from_millis(50));
        signal(&child, "TERM");
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command_line:?} {:?} {said}", output.status.signal());
        assert!(said.contains("stopped by a signal"), "{said}");
        drop(stdin);
    }
}

#[test]
fn a_time_limit_ends_a_run() {
    let scratch = tempfile::tempdir().unwrap();
    endless(scratch.path());
    let error = portolan(["verify", "--limits", "seconds=1", scratch.path().to_str().unwrap()]).failed(2);
    assert!(error.contains("time limit of 1 s"), "{error}");
}

/// A program that watches gets one JSON object a line: begin, how far it is, end.
#[test]
fn progress_can_be_read_by_programs() {
    let run = portolan_with(&small().oci_archive(), &["verify", "--progress=json", "-"]);
    assert_eq!(run.code, Some(0));
    let events: Vec<serde_json::Value> = run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    assert_eq!((of("begin"), of("end")), (2, 2), "{}", run.stderr);
    for event in events.iter().filter(|event| event["event"] == "end") {
        assert!(event["digest"].as_str().unwrap().starts_with("sha256:"));
        assert_eq!(event["bytes"], event["size"]);
    }
}

#[test]
fn jobs_change_nothing_but_the_time() {
    let one = portolan(["verify", "--jobs", "1", &demo()]).done();
    assert_eq!(portolan(["verify", "--jobs", "16", &demo()]).done(), one);
}
