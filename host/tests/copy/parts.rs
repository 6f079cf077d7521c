//! Parts of indexes, and what refers to them.

use crate::{digest, portolan, several, written};
use serde_json::Value;

/// L-14: attestations of what is kept are kept.
#[test]
fn a_trimmed_index_is_valid_and_says_both_digests() {
    let (layout, [amd64, attestation, signature]) = several();
    let layout = written(&layout);
    let source = format!("oci:{}:1.0", layout.path().display());
    let scratch = tempfile::tempdir().unwrap();
    let to = format!("oci:{}:t", scratch.path().join("trimmed").display());
    let said = portolan(&["copy", "--platform", "linux/amd64", "--referrers", &source, &to]);
    let (old, new) = (digest(&source), digest(&to));
    assert_ne!(old, new);
    assert_eq!(said, format!("{new} (trimmed from {old}) -> {to}\n"));
    let index: Value = serde_json::from_str(&portolan(&["inspect", "--raw", &to])).unwrap();
    let digests: Vec<&str> =
        index["manifests"].as_array().unwrap().iter().map(|entry| entry["digest"].as_str().unwrap()).collect();
    assert_eq!(digests, [&amd64, &attestation]);
    let place = scratch.path().join("trimmed");
    portolan(&["verify", place.to_str().unwrap()]);
    assert_eq!(digest(&format!("oci:{}@{signature}", place.display())), signature);
}

/// Y-07: a layout may lack what it lists.
#[test]
fn a_sparse_copy_keeps_the_index() {
    let (layout, _) = several();
    let layout = written(&layout);
    let source = format!("oci:{}:1.0", layout.path().display());
    let scratch = tempfile::tempdir().unwrap();
    let to = format!("oci:{}:t", scratch.path().join("sparse").display());
    portolan(&["copy", "--platform", "linux/arm64", "--sparse", &source, &to]);
    assert_eq!(digest(&to), digest(&source));
    portolan(&["verify", "--platform", "linux/arm64", &to]);
    let again = format!("oci:{}:t", scratch.path().join("again").display());
    let said = portolan(&["copy", "--sparse", "--json", &to, &again]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["skipped"].as_array().unwrap().len(), 2, "{said:#}");
    assert_eq!((&said["copied"], &said["present"]), (&said["blobs"], &Value::from(0)));
}
