//! Another process at work in the same place (row 11): the library in a thread of this process, so that a round is short.

use crate::Source;
use crate::run::Run;
use crate::sandbox::Sandbox;
use portolan::interrupt::Interrupt;
use portolan::layers::Layers;
use portolan::progress::Quiet;
use portolan::registry::Registries;
use portolan::rootfs::Privileges;
use portolan::unpack::{Options, unpack};
use portolan::{Toolkit, manifest, platform, reference, source};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::tar::{self, Entry};
use portolan_tests::tree;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const ROUNDS: usize = 1_000;

fn small() -> Layout {
    let archive = tar::Builder::new()
        .entry(Entry::dir("d").mode(0o711))
        .file("d/run", "of the image")
        .entry(Entry::file("d/secret", "of the image").mode(0o4755).owner(1000, 1000))
        .entry(Entry::dir("d/e").mode(0o700))
        .file("d/e/run", "of the image")
        .hardlink("d/e/secret", "d/secret")
        .symlink("d/link", "run")
        .fifo("d/pipe")
        .entry(Entry::dir("g").mode(0o2755))
        .file("g/run", "of the image");
    Layout::single("latest", Builder::new("linux/amd64").layer(Layer::plain(archive.build())))
}

/// Swaps every directory that it finds below `parent/.dest.*` for a link to a directory outside, and back.
fn swap(parent: &Path, outside: &Path, done: &AtomicBool, swaps: &AtomicU64) {
    while !done.load(Ordering::Relaxed) {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        for staging in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with("partial")) {
            let rootfs = staging.path().join("rootfs");
            for (number, name) in ["d", "d/e", "g", "d/pipe", "d/run"].iter().enumerate() {
                let (path, aside) = (rootfs.join(name), staging.path().join(format!("aside{number}")));
                if fs::rename(&path, &aside).is_err() {
                    continue;
                }
                let target = if number < 3 { outside.to_owned() } else { outside.join("run") };
                if std::os::unix::fs::symlink(target, &path).is_ok() {
                    swaps.fetch_add(1, Ordering::Relaxed);
                    std::thread::yield_now();
                    let _ = fs::remove_file(&path);
                }
                let _ = fs::rename(&aside, &path);
            }
        }
    }
}

#[test]
fn row_11_directories_that_become_links_while_we_unpack_lead_nowhere() {
    let toolkit = Toolkit::shared().unwrap();
    let sandbox = Sandbox::new();
    let name = sandbox.image(&small(), Source::Layout);
    let before = sandbox.snapshot();
    let (done, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    let outside = sandbox.path().join("outside");
    let options = Options {
        bundle: false,
        privileges: Privileges { rootless: !crate::run::is_root(), keep_going: false, ..Privileges::default() },
        only: None,
    };
    let (mut unpacked, mut failed) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| swap(&sandbox.parent(), &outside, &done, &swaps));
        let opened = source::open(
            toolkit,
            &Registries::new(toolkit, portolan::registry::Options::default()),
            &reference::parse(toolkit, &name).unwrap(),
        )
        .unwrap();
        let wanted = platform::wanted(&[platform::parse(toolkit, "linux/amd64").unwrap()]);
        let image = manifest::resolve(toolkit, opened.source.as_ref(), &opened.selector, wanted).unwrap();
        let interrupt = Interrupt::default();
        let layers = Layers {
            toolkit,
            source: opened.source.as_ref(),
            image: &image,
            count: None,
            strict: false,
            jobs: 1,
            progress: &Quiet,
            interrupt: &interrupt,
        };
        for _ in 0..ROUNDS {
            match unpack(&layers, &sandbox.destination(), &options) {
                Ok(_) => unpacked += 1,
                Err(_) => failed += 1,
            }
            let _ = fs::remove_dir_all(sandbox.destination());
            // The other side may have put something into a staging directory while it was removed.
            for left in sandbox.partial() {
                let _ = fs::remove_dir_all(sandbox.parent().join(left));
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    for left in sandbox.partial() {
        fs::remove_dir_all(sandbox.parent().join(left)).unwrap();
    }
    eprintln!("{unpacked} unpacked, {failed} failed, {} swaps", swaps.load(Ordering::Relaxed));
    assert!(swaps.load(Ordering::Relaxed) > 100, "the other side was too slow");
    sandbox.unharmed(&before).unwrap();
}

#[test]
fn of_two_runs_to_one_destination_one_wins_whole_and_the_other_says_so() {
    let sandbox = Sandbox::new();
    let reference = sandbox.image(&small(), Source::Layout);
    let before = sandbox.snapshot();
    let run = || Run::new(&sandbox).arguments(&["unpack", "--platform", "linux/amd64", &reference, "dest"]);
    assert_eq!(run().run().code, Some(0));
    let complete = tree::snapshot(&sandbox.destination());
    for round in 0..60 {
        sandbox.clear();
        let mut children: Vec<_> = (0..3).map(|_| run().spawn(Stdio::null(), Stdio::piped())).collect();
        let mut won = 0;
        for child in children.drain(..) {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.code() {
                Some(0) => won += 1,
                Some(2) => {
                    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error:")).collect();
                    assert_eq!(errors.len(), 1, "{said}");
                    assert!(errors[0].contains("cannot write to ../parent/dest"), "round {round}: {said}");
                }
                other => panic!("round {round}: {other:?}: {said}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
        tree::assert_same(&complete, &tree::snapshot(&sandbox.destination()));
        assert!(sandbox.partial().is_empty(), "round {round}");
        sandbox.unharmed(&before).unwrap();
    }
}
