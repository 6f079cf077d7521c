//! Every JSON document: what parses keeps its bytes and parses again to the same; what is written parses.
//!
//! The first byte chooses the document. A number with a fraction or an exponent may be read as the neighbour of the nearest
//! double (RFC 7493 section 2.2 promises no more), so only documents without one are compared as values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portolan_image::digest::SoftwareHashes;
use portolan_image::docker::Archive;
use portolan_image::json::Value;
use portolan_image::runtime::{self, Inputs};
use portolan_image::{Algorithm, Config, Descriptor, DiffId, Digest, Document, Index, Layout, Limits, Manifest};

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let limits = Limits::default();
    json(bytes, &limits);
    match choice % 7 {
        0 => descriptor(bytes, &limits),
        1 => index(bytes, &limits),
        2 => manifest(bytes, &limits),
        3 => config(bytes, &limits),
        4 => layout(bytes, &limits),
        5 => archive(bytes, &limits),
        _ => document(bytes, &limits),
    }
});

fn json(bytes: &[u8], limits: &Limits) {
    let parse = |bytes: &[u8]| Value::parse("document", bytes, ("manifest-bytes", limits.manifest_bytes), limits);
    let Ok(value) = parse(bytes) else { return };
    assert!(serde_json::from_slice::<serde_json::Value>(bytes).is_ok(), "serde_json refuses");
    let written = value.to_bytes();
    let again = parse(&written).unwrap();
    if !has_float(&value) {
        assert_eq!(again, value);
        assert_eq!(again.to_bytes(), written, "equal values have equal bytes");
    }
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Float(_) => true,
        Value::Array(values) => values.iter().any(has_float),
        Value::Object(members) => members.iter().any(|(_, value)| has_float(value)),
        _ => false,
    }
}

fn descriptor(bytes: &[u8], limits: &Limits) {
    let Ok(descriptor) = Descriptor::parse(bytes, limits) else { return };
    check_descriptor(&descriptor, limits);
}

fn check_descriptor(descriptor: &Descriptor, limits: &Limits) {
    let written = descriptor.to_value().to_bytes();
    assert_eq!(Descriptor::parse(&written, limits).as_ref(), Ok(descriptor));
    _ = (descriptor.verify_data(&SoftwareHashes), descriptor.is_attestation(), descriptor.attestation_of());
}

fn index(bytes: &[u8], limits: &Limits) {
    let Ok(index) = Index::parse(bytes, limits) else { return };
    check_index(&index, bytes, limits);
}

fn check_index(index: &Index, bytes: &[u8], limits: &Limits) {
    assert_eq!(index.raw, bytes);
    assert_eq!(Index::parse(&index.raw, limits).as_ref(), Ok(index));
    assert!(Manifest::parse(bytes, limits).is_err(), "an index that is a manifest too (CVE-2021-41190)");
    index.manifests.iter().chain(&index.subject).for_each(|descriptor| check_descriptor(descriptor, limits));
}

fn manifest(bytes: &[u8], limits: &Limits) {
    let Ok(manifest) = Manifest::parse(bytes, limits) else { return };
    check_manifest(&manifest, bytes, limits);
}

fn check_manifest(manifest: &Manifest, bytes: &[u8], limits: &Limits) {
    assert_eq!(manifest.raw, bytes);
    assert_eq!(Manifest::parse(&manifest.raw, limits).as_ref(), Ok(manifest));
    assert!(Index::parse(bytes, limits).is_err(), "a manifest that is an index too (CVE-2021-41190)");
    let descriptors = manifest.layers.iter().chain(&manifest.subject).chain([&manifest.config]);
    descriptors.for_each(|descriptor| check_descriptor(descriptor, limits));
    _ = (manifest.artifact_type(), manifest.is_image());
}

fn config(bytes: &[u8], limits: &Limits) {
    let Ok(config) = Config::parse(bytes, limits) else { return };
    assert_eq!(config.raw, bytes);
    assert_eq!(Config::parse(&config.raw, limits).as_ref(), Ok(&config));
    assert!(config.history_layers() <= config.history.len());
    let passwd: Option<&[u8]> = Some(b"root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:\n");
    for passwd in [None, passwd] {
        _ = runtime::convert(&config, &Inputs { passwd, group: passwd, ..Inputs::default() });
    }
    _ = portolan_image::digest::chain_ids(&SoftwareHashes, &config.diff_ids);
}

fn layout(bytes: &[u8], limits: &Limits) {
    let Ok(layout) = Layout::parse(bytes, limits) else { return };
    assert_eq!(layout.raw, bytes);
    assert_eq!(layout.image_layout_version, "1.0.0");
}

fn archive(bytes: &[u8], limits: &Limits) {
    let Ok(archive) = Archive::parse(bytes, limits) else { return };
    assert_eq!(archive.raw, bytes);
    let digest = Digest::from_hash(Algorithm::Sha256, &[7; 32]);
    let mut manifests = Vec::new();
    for image in &archive.images {
        for path in image.layers.iter().chain([&image.config]) {
            assert!(!path.starts_with('/') && path.split('/').all(|component| component != ".."), "{path:?} climbs");
        }
        let (diff_ids, sizes) = (vec![DiffId(digest.clone()); image.layers.len()], vec![3; image.layers.len()]);
        let written = image.manifest((digest.clone(), 2), &diff_ids, &sizes).unwrap();
        let manifest = Manifest::parse(&written, limits).unwrap();
        assert_eq!(manifest.layers.len(), image.layers.len());
        let media_type = manifest.media_type.clone().unwrap();
        manifests.push(Descriptor::new(media_type, digest.clone(), written.len() as u64));
    }
    let index = archive.index(&manifests).unwrap();
    let entries: usize = archive.images.iter().map(|image| image.repo_tags.len().max(1)).sum();
    assert_eq!(Index::parse(&index, limits).unwrap().manifests.len(), entries);
}

fn document(bytes: &[u8], limits: &Limits) {
    let Ok(document) = Document::parse(bytes, None, limits) else { return };
    assert_eq!(document.raw(), bytes);
    match &document {
        Document::Index(index) => check_index(index, bytes, limits),
        Document::Manifest(manifest) => check_manifest(manifest, bytes, limits),
    }
    let expected = document.media_type();
    assert_eq!(Document::parse(bytes, Some(expected.as_str()), limits).as_ref(), Ok(&document));
}
