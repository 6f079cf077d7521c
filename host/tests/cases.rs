//! The cases of `tests/cases/<interface>/<case>/`, answered by the logic crates and by the component, and what else must
//! be the same on both sides of the border.
//!
//! A case is an `input.json` and an `expected.json`; `cases/driver.rs` says what stands in them. Every driver of the
//! toolkit runs the same cases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "cases/component.rs"]
mod component;
#[path = "cases/driver.rs"]
mod driver;
#[path = "cases/hashing.rs"]
mod hashing;
#[path = "cases/native.rs"]
mod native;

use component::Composed;
use driver::{Driver, LayerInput, answer};
use hashing::{Algorithm, Hasher};
use native::Native;
use portolan_tests::awkward;
use portolan_tests::image::{self, Compression};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn sorted(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("list {}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_case_has_its_answer_natively_and_through_the_component() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let mut composed = Composed::new();
    let mut drivers: [(&str, &mut dyn Driver); 2] = [("native", &mut Native), ("component", &mut composed)];
    let mut wrong = Vec::new();
    let mut count = 0;
    for interface in sorted(&cases) {
        let name = interface.file_name().unwrap().to_str().unwrap();
        for case in sorted(&interface).into_iter().filter(|case| case.is_dir()) {
            count += 1;
            let (input, expected) = (read(&case.join("input.json")), read(&case.join("expected.json")));
            for (driver, answers) in &mut drivers {
                let answer = answer(*answers, name, &input);
                if answer != expected {
                    let case = case.strip_prefix(&cases).unwrap().display();
                    wrong.push(format!("{case}, {driver}:\n{answer:#}\nis not\n{expected:#}"));
                }
            }
        }
    }
    assert!(count >= 40, "only {count} cases were found");
    assert!(wrong.is_empty(), "{} answers are wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Any split of a blob gives the same changes, on both sides of the border.
#[test]
fn however_a_layer_is_split_its_changes_are_the_same() {
    let mut composed = Composed::new();
    for (number, (name, tar)) in awkward::layers().into_iter().chain(awkward::gnu_layers()).enumerate() {
        let compression = [
            Compression::None,
            Compression::Gzip,
            Compression::GzipMembers(3),
            Compression::Zstd,
            Compression::ZstdSkippable,
        ][number % 5];
        let input = LayerInput::plain(compression.compress(&tar.build()));
        let expected = Native.layer(&input, usize::MAX).unwrap_or_else(|code| panic!("{name}: {code}"));
        for chunk in [1, 7, 511, 512, 513, 65_536, usize::MAX] {
            // A call a byte is slow in a large layer, and shows nothing that a small one does not.
            if chunk < 100 && input.blob.len() > 8_192 {
                continue;
            }
            assert_eq!(Native.layer(&input, chunk).as_ref(), Ok(&expected), "{name} natively by {chunk}");
            assert_eq!(composed.layer(&input, chunk).as_ref(), Ok(&expected), "{name} as component by {chunk}");
        }
    }
}

/// The component that imports nothing verifies a layer against what its descriptor and config promise.
#[test]
fn the_composed_component_verifies_a_layer() {
    let mut composed = Composed::new();
    let tar = awkward::layers().swap_remove(0).1.build();
    let blob = Compression::Gzip.compress(&tar);
    let digest = |bytes: &[u8]| Some(image::Algorithm::Sha256.digest(bytes));
    let input = LayerInput { digest: digest(&blob), diff_id: digest(&tar), ..LayerInput::plain(blob.clone()) };
    assert!(composed.layer(&input, 4096).is_ok());
    let wrong = LayerInput { diff_id: digest(b"another"), ..LayerInput::plain(blob.clone()) };
    assert_eq!(composed.layer(&wrong, 4096), Err("diff-id-mismatch".to_owned()));
    let wrong = LayerInput { digest: digest(b"another"), ..LayerInput::plain(blob) };
    assert_eq!(composed.layer(&wrong, 4096), Err("digest-mismatch".to_owned()));
}

/// G-04 to G-07: the host's hasher, `hasher.wasm` by itself and `hasher.wasm` within the toolkit.
#[test]
fn all_hashers_give_the_same_digests() {
    let toolkit = portolan::Toolkit::shared().unwrap();
    let (mut composed, mut hasher) = (Composed::new(), Hasher::new());
    let bytes: Vec<u8> = (0..300_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let algorithms = [
        ("sha256", Algorithm::Sha256),
        ("sha384", Algorithm::Sha384),
        ("sha512", Algorithm::Sha512),
        ("blake3", Algorithm::Blake3),
    ];
    for length in [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 1023, 1024, 1025, 65_536, 300_000] {
        let bytes = &bytes[..length];
        for (name, algorithm) in algorithms {
            let (expected, size) = portolan::digest::compute(toolkit, name, bytes).unwrap();
            assert_eq!(size, length as u64);
            for chunk in [61, 1024, 1 << 20] {
                let alone = hasher.hash(algorithm, bytes, chunk);
                assert_eq!(format!("{name}:{alone}"), expected, "{length} bytes by {chunk}");
                assert_eq!(composed.compute(name, bytes, chunk), expected, "{length} bytes by {chunk}");
            }
        }
        if length > 0 {
            // The last eight bytes of a gzip member are the checksum and the length.
            let gzip = image::gzip(bytes);
            let crc = u32::from_le_bytes(gzip[gzip.len() - 8..gzip.len() - 4].try_into().unwrap());
            assert_eq!((hasher.crc32(bytes, 61), hasher.crc32(bytes, 1 << 20)), (crc, crc), "{length} bytes");
        }
    }
}
