//! What is fetched, and that it is fetched once.

use crate::proxy::{Fault, Proxy};
use crate::{command, portolan, wire};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::tar;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Bytes that do not compress.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length / 8).flat_map(|_| next()).collect()
}

/// A registry with this image as `x:t`, and the digests of its layers.
fn served(root: &Path, image: Builder) -> (wire::Running, Vec<String>) {
    let layout = Layout::single("t", image);
    let manifest = layout.document(layout.entries()[0].digest());
    let layers = manifest["layers"].as_array().unwrap().iter();
    let layers = layers.map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect();
    layout.write(&root.join("x"));
    (wire::Running::root(root), layers)
}

/// After kill -9 in the middle of a blob the next run begins where the last one was.
#[test]
fn y_12_what_a_killed_copy_has_fetched_is_not_fetched_again() {
    let scratch = tempfile::tempdir().unwrap();
    let large = Layer::plain(tar::Builder::new().file("x", noise(1, 8 << 20)).build());
    let (server, layers) = served(&scratch.path().join("root"), Builder::new("linux/amd64").layer(large));
    let digest = layers[0].clone();
    let slow = Proxy::new(server.address, move |asked| match asked.is("GET", &digest) {
        true => Fault::Drip(64 << 10, Duration::from_millis(20)),
        false => Fault::None,
    });
    let layout = scratch.path().join("layout");
    let to = format!("oci:{}:t", layout.display());
    let mut child =
        command(["copy", "--quiet", &format!("{}/x:t", slow.address), &to]).stdin(Stdio::null()).spawn().unwrap();
    let partial = layout.join("blobs/.partial").join(layers[0].replace(':', "-"));
    let length = || std::fs::metadata(&partial).map_or(0, |metadata| metadata.len());
    let started = Instant::now();
    while length() < 2 << 20 {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", length());
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let had = usize::try_from(length()).unwrap();
    let size = std::fs::metadata(scratch.path().join("root/x/blobs").join(layers[0].replace(':', "/"))).unwrap().len();
    let honest = Proxy::honest(server.address);
    portolan(&["copy", "--quiet", &format!("{}/x:t", honest.address), &to]).done();
    assert_eq!(honest.down("GET", &layers[0]) + had, usize::try_from(size).unwrap());
    portolan(&["verify", "--quiet", &to]).done();
}

/// More layers than are fetched at once, which all wait.
#[test]
fn many_layers_come_through_few_connections() {
    let scratch = tempfile::tempdir().unwrap();
    let layers = (0..30).map(|n| Layer::gzip(tar::Builder::new().file(format!("f{n}"), noise(n, 20_000)).build()));
    let (server, _) = served(&scratch.path().join("root"), Builder::new("linux/amd64").layers(layers));
    let proxy = Proxy::new(server.address, |asked| match asked.is("GET", "/blobs/") {
        true => Fault::Delay(Duration::from_millis(30)),
        false => Fault::None,
    });
    let from = format!("{}/x:t", proxy.address);
    for (n, args) in [["copy", "--jobs=2"], ["unpack", "--jobs=2"], ["verify", "--jobs=2"]].iter().enumerate() {
        let there = scratch.path().join(n.to_string());
        let to = match args[0] {
            "copy" => vec![format!("oci:{}:t", there.display())],
            "unpack" => vec![there.display().to_string()],
            _ => Vec::new(),
        };
        let mut all = vec![args[0], "--quiet", args[1], &from];
        all.extend(to.iter().map(String::as_str));
        portolan(&all).done();
    }
    let to = format!("{}/y:t", proxy.address);
    portolan(&["copy", "--quiet", "--jobs", "2", &format!("oci:{}:t", scratch.path().join("0").display()), &to]).done();
}

/// Documents alone are fetched where documents are asked for, and of the layers those that are needed.
#[test]
fn what_is_not_needed_is_not_fetched() {
    let scratch = tempfile::tempdir().unwrap();
    let layer = |name: &str, seed| {
        let tar = tar::Builder::new().file(name, b"here\n").file(format!("{name}.large"), noise(seed, 2 << 20));
        Layer::plain(tar.build())
    };
    let image = Builder::new("linux/amd64").layers([layer("low", 1), layer("middle", 2), layer("high", 3)]);
    let (server, layers) = served(&scratch.path().join("root"), image);
    let fetched = |args: &[&str]| {
        let proxy = Proxy::honest(server.address);
        let place = format!("{}/x:t", proxy.address);
        let args: Vec<&str> = args.iter().map(|arg| if *arg == "IMAGE" { place.as_str() } else { arg }).collect();
        let said = portolan(&args).done();
        (said, layers.iter().map(|layer| proxy.down("GET", layer)).collect::<Vec<_>>())
    };
    for args in [&["inspect", "IMAGE"][..], &["platforms", "IMAGE"], &["tags", "IMAGE"], &["referrers", "IMAGE"]] {
        let (_, bytes) = fetched(args);
        assert_eq!(bytes, [0, 0, 0], "{args:?}");
    }
    // One pass over all layers finds out which one the file is from, whose contents a second one reads.
    for (file, most) in [("high", [1, 1, 2]), ("low", [2, 1, 1])] {
        let (said, bytes) = fetched(&["cat", "IMAGE", file]);
        assert_eq!(said, "here\n");
        for (bytes, most) in bytes.iter().zip(most) {
            assert!(*bytes <= most * ((2 << 20) + 4096), "{file}: {bytes}");
        }
    }
}
