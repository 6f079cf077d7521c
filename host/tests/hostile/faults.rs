//! A machine that fails: processes killed at any moment, disks that are full, archives cut short.

use crate::Source;
use crate::run::{Run, is_root, skip};
use crate::sandbox::Sandbox;
use portolan::interrupt::Interrupt;
use portolan::progress::Quiet;
use portolan::registry::{Options, Registries};
use portolan::verify::Verify;
use portolan::{Toolkit, reference, source};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::tar::{self, Entry};
use portolan_tests::tree;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Numbers that look random and are the same each time.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most.max(1)
    }
}

/// An image of so many files in two layers.
fn image(files: usize) -> Layout {
    let layer = |name: &'static str| {
        let entries = (0..files).map(move |number| {
            Entry::file(
                format!("{name}{}/f{number}", number % 50),
                vec![u8::try_from(number % 251).unwrap_or_default(); 1_000],
            )
        });
        let archive = tar::Builder::new().entry(Entry::dir(name).mode(0o500)).file(format!("{name}/f"), "x");
        Layer::plain(archive.entries(entries).build())
    };
    Layout::single("latest", Builder::new("linux/amd64").layer(layer("a")).layer(layer("b")))
}

#[test]
fn whoever_is_killed_leaves_all_or_nothing_and_the_next_run_clears_up() {
    let sandbox = Sandbox::new();
    let reference = sandbox.image(&image(800), Source::Layout);
    let before = sandbox.snapshot();
    let run = || Run::new(&sandbox).arguments(&["unpack", "--quiet", "--platform", "linux/amd64", &reference, "dest"]);
    let start = Instant::now();
    let ended = run().run();
    assert_eq!(ended.code, Some(0), "{ended}");
    let whole = u64::try_from(start.elapsed().as_micros()).unwrap();
    let complete = tree::snapshot(&sandbox.destination());

    let (mut numbers, mut killed, mut finished, mut dead) = (Numbers(7), 0, 0, 0);
    for _ in 0..200 {
        sandbox.clear();
        let mut child = run().spawn(Stdio::null(), Stdio::null());
        std::thread::sleep(Duration::from_micros(numbers.below(whole * 6 / 5)));
        child.kill().unwrap();
        child.wait().unwrap();
        // At most that of this run: it removed those of the runs before, if it came so far.
        dead = dead.max(sandbox.partial().len());
        if sandbox.destination().symlink_metadata().is_ok() {
            tree::assert_same(&complete, &tree::snapshot(&sandbox.destination()));
            finished += 1;
        } else {
            killed += 1;
        }
    }
    eprintln!("killed {killed}, finished {finished}, at most {dead} staging directories at once");
    assert!(killed > 20, "{killed} runs of 200 were killed before their end");
    sandbox.clear();
    let ended = run().run();
    assert_eq!(ended.code, Some(0), "{ended}");
    sandbox.unharmed(&before).unwrap();
    tree::assert_same(&complete, &tree::snapshot(&sandbox.destination()));
}

#[test]
fn a_full_disk_is_an_error_that_leaves_nothing_behind() {
    if !is_root() {
        return skip("mounting takes root");
    }
    let sandbox = Sandbox::new();
    let reference = sandbox.image(&image(800), Source::Layout);
    let mount = sandbox.parent();
    // So many KiB: the objects do not fit, or only just, or the inodes run out.
    for options in [
        "size=256k",
        "size=1m",
        "size=3m",
        "size=64m,nr_inodes=40",
        "size=64m,nr_inodes=700",
        "size=64m,nr_inodes=1630",
    ] {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&mount).status();
        if !mounted.is_ok_and(|status| status.success()) {
            return skip("no file system can be mounted here");
        }
        let ended = Run::new(&sandbox).arguments(&["unpack", "--platform", "linux/amd64", &reference, "dest"]).run();
        let left: Vec<_> = fs::read_dir(&mount).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(Command::new("umount").arg(&mount).status().unwrap().success());
        ended.is_sane().unwrap_or_else(|failure| panic!("{options}: {failure}"));
        assert_eq!(ended.code, Some(2), "{options}: {ended}");
        let errors = ended.stderr.lines().filter(|line| line.starts_with("error: cannot ")).count();
        assert_eq!(errors, 1, "{options}: {ended}");
        assert!(ended.stderr.contains("No space left on device"), "{options}: {ended}");
        assert!(left.is_empty(), "{options}: {left:?}");
    }
}

#[test]
fn an_archive_cut_short_anywhere_is_an_error() {
    let toolkit = Toolkit::shared().unwrap();
    let sandbox = Sandbox::new();
    let layout = image(10);
    let mut numbers = Numbers(11);
    for source in [Source::LayoutArchive, Source::DockerArchive] {
        let name = sandbox.image(&layout, source);
        let path = sandbox.path().join(format!("image-{source:?}"));
        let whole = fs::read(&path).unwrap();
        // Two blocks of zeros end the archive, whose loss is only a warning.
        let last = whole.len() as u64 - 1024;
        let mut lengths: Vec<u64> = (0..200).map(|_| numbers.below(last)).collect();
        lengths.extend([0, 1, 511, 512, 513, last - 1, last - 512]);
        for length in lengths {
            fs::write(&path, &whole[..usize::try_from(length).unwrap()]).unwrap();
            let reference = reference::parse(toolkit, &name).unwrap();
            let Ok(opened) = source::open(toolkit, &Registries::new(toolkit, Options::default()), &reference) else {
                continue;
            };
            let verify = Verify {
                toolkit,
                source: opened.source.as_ref(),
                root: None,
                strict: false,
                jobs: 1,
                progress: &Quiet,
                interrupt: &Interrupt::default(),
            };
            let found = verify.run().map_or(1, |verified| verified.errors);
            assert!(found > 0, "{source:?} cut to {length} of {} bytes passes", whole.len());
        }
    }
}
