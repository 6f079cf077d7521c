//! `portolan digest`.

use crate::{portolan, portolan_with};
use portolan_tests::image::Algorithm;

/// G-04, G-05, G-06.
#[test]
fn every_algorithm_is_computed() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    std::fs::write(&file, b"harbour").unwrap();
    let name = file.to_str().unwrap();
    assert_eq!(portolan(["digest", name]).done(), format!("{}  {name}\n", Algorithm::Sha256.digest(b"harbour")));
    for (word, algorithm) in
        [("sha256", Algorithm::Sha256), ("sha512", Algorithm::Sha512), ("blake3", Algorithm::Blake3)]
    {
        let shown = portolan(["digest", "--algorithm", word, "--json", name]).json();
        assert_eq!(shown[0]["digest"], algorithm.digest(b"harbour"));
        assert_eq!((&shown[0]["size"], &shown[0]["file"]), (&7.into(), &name.into()));
    }
    assert!(portolan(["digest", "-a", "sha384", name]).done().starts_with("sha384:"));
}

#[test]
fn standard_input_is_a_file_too() {
    let digest = Algorithm::Sha256.digest(b"harbour");
    assert_eq!(portolan_with(b"harbour", &["digest", "-"]).done(), format!("{digest}  -\n"));
}

#[test]
fn a_file_that_is_not_there_fails_the_run_and_not_the_others() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let run = portolan(["digest", "/no/such/file", file.to_str().unwrap()]);
    assert_eq!(run.code, Some(2));
    assert_eq!(run.stderr, "error: cannot open /no/such/file\n  caused by: No such file or directory (os error 2)\n");
    assert!(String::from_utf8(run.stdout).unwrap().starts_with(&Algorithm::Sha256.digest(b"")));
}
