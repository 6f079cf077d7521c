use super::*;
use crate::annotation::{DOCKER_REFERENCE_TYPE, REF_NAME};
use crate::blobs::{Blobs, config, index_json};
use crate::digest::SoftwareHashes;

/// Verifies everything, layers as if they were uncompressed, and returns the report and the streamed work.
fn run(blobs: &Blobs, mut verifier: GraphVerifier) -> (Report, Vec<Work>) {
    let mut streamed = Vec::new();
    while let Some(job) = verifier.take() {
        let descriptor = job.work.descriptor();
        let Some(bytes) = blobs.0.get(&descriptor.digest) else {
            verifier.failed(job.id, Code::BlobNotFound, "the blob is missing").unwrap();
            continue;
        };
        if matches!(job.work, Work::Document { .. }) {
            verifier.supply(job.id, bytes, &SoftwareHashes).unwrap();
            continue;
        }
        match descriptor.verify(bytes, &SoftwareHashes) {
            Ok(()) => verifier.passed(job.id).unwrap(),
            Err(error) => verifier.failed(job.id, error.code(), &error.to_string()).unwrap(),
        }
        streamed.push(job.work);
    }
    (verifier.finish().unwrap(), streamed)
}

fn verify(blobs: &Blobs, entries: &[Descriptor]) -> (Report, Vec<Work>) {
    run(blobs, GraphVerifier::layout(&index_json(entries), &Limits::default(), &SoftwareHashes))
}

fn found(report: &Report) -> Vec<(Severity, Code, &str)> {
    report.findings.iter().map(|finding| (finding.severity, finding.code, finding.place.as_str())).collect()
}

fn unknown_digest() -> Digest {
    "sha256+b64:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564".parse().unwrap()
}

#[test]
fn a_sound_layout_has_no_findings_and_every_blob_is_verified_once() {
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/amd64", "a").on("linux/amd64");
    let index = blobs.index(&[image.clone(), image.clone()]);
    let (report, streamed) = verify(&blobs, &[index.clone().note(REF_NAME, "x"), index.note(REF_NAME, "y"), image]);
    let counts = (report.documents, report.layers, report.blobs);
    assert_eq!((report.findings.as_slice(), counts), (&[][..], (3, 1, 0)));
    let [Work::Layer { descriptor, diff_id, compression }] = streamed.as_slice() else { panic!("{streamed:?}") };
    assert_eq!(diff_id.as_ref().map(|id| &id.0), Some(&descriptor.digest));
    assert_eq!(*compression, Some(Compression::None));
}

/// Row 38: every wrong blob is found, not only the first one.
#[test]
fn all_that_is_wrong_is_found_in_one_run() {
    let mut blobs = Blobs::default();
    let (a, b, c) =
        (blobs.image("linux/amd64", "aaa"), blobs.image("linux/arm64", "bbb"), blobs.image("linux/s390x", "c"));
    for bytes in blobs.0.values_mut() {
        match bytes.as_slice() {
            b"aaa" => *bytes = b"aXa".to_vec(),
            b"bbb" => bytes.push(b'b'),
            _ => {}
        }
    }
    blobs.0.remove(&c.digest);
    let (report, _) = verify(&blobs, &[a.clone(), b.clone(), c.clone()]);
    let (a, b) = (format!("{}/layers/0", a.digest), format!("{}/layers/0", b.digest));
    let mut all = found(&report);
    all.sort_by_key(|(_, code, _)| code.as_str());
    let expected = [
        (Severity::Error, Code::BlobNotFound, "index.json/manifests/2"),
        (Severity::Error, Code::DigestMismatch, a.as_str()),
        (Severity::Error, Code::SizeMismatch, b.as_str()),
    ];
    assert_eq!(all, expected);
    assert!(!report.is_sound());
}

#[test]
fn a_layer_is_verified_again_only_for_another_diff_id() {
    let mut blobs = Blobs::default();
    let layer = blobs.add(MediaType::LayerGzip, b"x");
    let other = Descriptor::empty().digest;
    let mut image = |diff_id: &Digest, platform: &str| {
        let config = blobs.add(MediaType::ImageConfig, config(platform, &[diff_id]).as_bytes());
        blobs.manifest(config, std::slice::from_ref(&layer), "")
    };
    let entries = [image(&other, "linux/amd64"), image(&other, "linux/arm64"), image(&layer.digest, "linux/amd64")];
    let (_, streamed) = verify(&blobs, &entries);
    let diff_ids: Vec<_> = streamed
        .iter()
        .map(|work| match work {
            Work::Layer { diff_id: Some(diff_id), .. } => diff_id.0.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(diff_ids, [other, layer.digest]);
}

#[test]
fn images_that_share_a_config_both_have_diff_ids_whatever_the_order() {
    let mut blobs = Blobs::default();
    let (gzip, zstd) = (blobs.add(MediaType::LayerGzip, b"x"), blobs.add(MediaType::LayerZstd, b"y"));
    let config = blobs.add(MediaType::ImageConfig, config("linux/amd64", &[&gzip.digest]).as_bytes());
    let entries = [blobs.manifest(config.clone(), &[gzip], ""), blobs.manifest(config, &[zstd], "")];
    let mut verifier = GraphVerifier::layout(&index_json(&entries), &Limits::default(), &SoftwareHashes);
    // Both manifests are taken before either is told, so that the second one finds the config outstanding.
    let jobs = [verifier.take().unwrap(), verifier.take().unwrap()];
    assert!(verifier.take().is_none() && !verifier.is_done());
    for job in jobs {
        verifier.supply(job.id, &blobs.0[&job.work.descriptor().digest], &SoftwareHashes).unwrap();
    }
    let (report, streamed) = run(&blobs, verifier);
    assert!(report.findings.is_empty(), "{report:?}");
    assert_eq!(streamed.len(), 2);
    assert!(streamed.iter().all(|work| matches!(work, Work::Layer { diff_id: Some(_), .. })), "{streamed:?}");
}

/// Row 43, and C-21.
#[test]
fn counts_that_differ_are_found() {
    let mut blobs = Blobs::default();
    let layer = blobs.add(MediaType::Layer, b"x");
    let id = &layer.digest;
    let history = config("linux/amd64", &[id]).replace(r#""rootfs""#, r#""history":[{},{}],"rootfs""#);
    let history = blobs.add(MediaType::ImageConfig, history.as_bytes());
    let short = blobs.add(MediaType::ImageConfig, config("linux/amd64", &[]).as_bytes());
    let long = blobs.add(MediaType::ImageConfig, config("linux/amd64", &[id, id]).as_bytes());
    let mut image = |config: &Descriptor| blobs.manifest(config.clone(), std::slice::from_ref(&layer), "");
    let (a, b, c) = (image(&history), image(&short), image(&long));
    let (report, _) = verify(&blobs, &[a, b.clone(), c.clone()]);
    let places =
        [format!("{}/history", history.digest), format!("{}/layers", b.digest), format!("{}/layers", c.digest)];
    let expected = [
        (Severity::Warning, Code::InvalidDocument, places[0].as_str()),
        (Severity::Error, Code::InvalidDocument, places[1].as_str()),
        (Severity::Error, Code::InvalidDocument, places[2].as_str()),
    ];
    assert_eq!(found(&report), expected);
}

#[test]
fn a_broken_config_is_an_error_and_the_layers_are_verified_all_the_same() {
    let mut blobs = Blobs::default();
    let layer = blobs.add(MediaType::Layer, b"x");
    let text = config("linux/amd64", &[&layer.digest]).replace("layers", "other");
    let config = blobs.add(MediaType::ImageConfig, text.as_bytes());
    let image = blobs.manifest(config, std::slice::from_ref(&layer), "");
    let (report, streamed) = verify(&blobs, &[image]);
    assert_eq!((report.errors, report.findings[0].code), (1, Code::InvalidDocument));
    assert!(report.findings[0].message.contains("/rootfs/type"), "{report:?}");
    assert_eq!(streamed, [Work::Layer { descriptor: layer, diff_id: None, compression: Some(Compression::None) }]);
}

#[test]
fn what_a_descriptor_says_wrongly_is_found() {
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/arm64", "a");
    let misplaced = image.clone().on("linux/amd64");
    let mislabelled = Descriptor { media_type: MediaType::ImageIndex, ..image.clone() };
    let mismeasured = Descriptor { size: image.size + 1, ..image.clone() };
    let embedding = Descriptor { data: Some(b"{}".to_vec()), ..image.clone() };
    let noted = image
        .clone()
        .note("org.opencontainers.image.nonsense", "")
        .note("", "")
        .note(crate::annotation::CREATED, "yesterday");
    let (report, _) = verify(&blobs, &[misplaced, mislabelled, mismeasured, embedding, noted]);
    let mut all = found(&report);
    all.sort_by_key(|(_, _, place)| place.to_owned());
    let expected = [
        (Severity::Warning, Code::InvalidDocument, "index.json/manifests/0/platform"),
        // Row 40: the same bytes cannot be an index as well.
        (Severity::Error, Code::AmbiguousDocument, "index.json/manifests/1"),
        (Severity::Error, Code::SizeMismatch, "index.json/manifests/2"),
        (Severity::Error, Code::SizeMismatch, "index.json/manifests/3/data"),
        (Severity::Warning, Code::InvalidDocument, "index.json/manifests/4/annotations"),
        (Severity::Warning, Code::InvalidDocument, "index.json/manifests/4/annotations"),
        (Severity::Warning, Code::InvalidDocument, "index.json/manifests/4/annotations"),
    ];
    assert_eq!(all, expected);
}

#[test]
fn g_02_a_digest_of_an_unknown_algorithm_cannot_be_verified_and_that_is_said() {
    let mut blobs = Blobs::default();
    let strange = Descriptor::new(MediaType::Layer, unknown_digest(), 1);
    let config = blobs.add(MediaType::ImageConfig, config("linux/amd64", &[&strange.digest]).as_bytes());
    let image = blobs.manifest(config, &[strange], "");
    let document = Descriptor::new(MediaType::ImageManifest, unknown_digest(), 1);
    let (report, streamed) = verify(&blobs, &[image, document]);
    assert_eq!(report.findings.iter().map(|found| found.code).collect::<Vec<_>>(), [Code::UnsupportedAlgorithm; 2]);
    assert!(streamed.is_empty() && !report.is_sound(), "{streamed:?}");
}

#[test]
fn n_13_a_subject_may_be_missing_but_not_what_an_index_lists() {
    let mut blobs = Blobs::default();
    let gone = Blobs::default().image("linux/amd64", "gone");
    let subject = String::from_utf8(gone.to_value().to_bytes()).unwrap();
    let empty = blobs.add(MediaType::Empty, b"{}");
    let members = format!(r#","artifactType":"a/b","subject":{subject}"#);
    let referrer = blobs.manifest(empty, &[], &members);
    let (report, streamed) = verify(&blobs, std::slice::from_ref(&referrer));
    let place = format!("{}/subject", referrer.digest);
    assert_eq!(found(&report), [(Severity::Warning, Code::BlobNotFound, place.as_str())]);
    assert!(report.is_sound());
    assert_eq!(streamed, [Work::Blob { descriptor: Descriptor::empty() }]);
    // The index lists the missing manifest only after it was missed as a subject.
    let index = blobs.index(std::slice::from_ref(&gone));
    let (report, _) = verify(&blobs, &[referrer.clone(), index]);
    assert_eq!((report.errors, report.warnings, report.findings[0].severity), (1, 0, Severity::Error));
    let (report, _) = verify(&blobs, &[gone, referrer]);
    assert_eq!((report.errors, report.warnings), (1, 0));
}

#[test]
fn r_34_a_non_distributable_layer_may_be_missing() {
    let mut blobs = Blobs::default();
    let foreign = Descriptor::new(MediaType::DockerForeignLayerGzip, Descriptor::empty().digest, 2);
    let config = blobs.add(MediaType::ImageConfig, config("windows/amd64", &[&foreign.digest]).as_bytes());
    let image = blobs.manifest(config, &[foreign], "");
    let (report, _) = verify(&blobs, &[image]);
    assert_eq!((report.errors, report.warnings, report.findings[0].code), (0, 1, Code::BlobNotFound));
}

#[test]
fn attestations_artifacts_and_unknown_entries_are_verified_too() {
    let mut blobs = Blobs::default();
    let statement = blobs.add(MediaType::parse("application/vnd.in-toto+json").unwrap(), b"{}");
    let config = blobs.add(MediaType::ImageConfig, config("unknown/unknown", &[&statement.digest]).as_bytes());
    let attestation = blobs.manifest(config, std::slice::from_ref(&statement), "");
    let attestation = attestation.on("unknown/unknown").note(DOCKER_REFERENCE_TYPE, "attestation-manifest");
    let own = blobs.add(MediaType::parse("application/vnd.example").unwrap(), b"config");
    let artifact = blobs.manifest(own.clone(), &[], "");
    let unknown = blobs.add(MediaType::parse("application/xml").unwrap(), b"<x/>");
    let (report, mut streamed) = verify(&blobs, &[attestation, artifact, unknown.clone()]);
    assert!(report.findings.is_empty(), "{report:?}");
    let mut expected = [statement, own, unknown].map(|descriptor| Work::Blob { descriptor }).to_vec();
    streamed.sort_by_key(|work| work.descriptor().digest.clone());
    expected.sort_by_key(|work| work.descriptor().digest.clone());
    assert_eq!(streamed, expected);
}

/// Row 42.
#[test]
fn depth_and_entries_are_bounded_and_exceeding_them_is_an_error() {
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/amd64", "a");
    let mut index = blobs.index(&[image]);
    for _ in 0..7 {
        index = blobs.index(&[index.clone(), index]);
    }
    assert!(verify(&blobs, std::slice::from_ref(&index)).0.is_sound());
    let deeper = blobs.index(std::slice::from_ref(&index));
    let (report, _) = verify(&blobs, &[deeper]);
    assert_eq!((report.errors, report.findings[0].code), (1, Code::LimitExceeded));
    let limits = Limits { index_entries: 4, ..Limits::default() };
    let (report, _) = run(&blobs, GraphVerifier::descriptor(&index, &limits, &SoftwareHashes));
    assert_eq!((report.errors, report.findings[0].code), (1, Code::LimitExceeded));
}

#[test]
fn what_is_too_large_is_not_asked_for() {
    let huge = |media_type| Descriptor { size: 1 << 60, ..Descriptor::new(media_type, Descriptor::empty().digest, 0) };
    for media_type in [MediaType::ImageManifest, MediaType::ImageIndex, MediaType::Layer] {
        let root = huge(media_type);
        let mut verifier = GraphVerifier::descriptor(&root, &Limits::default(), &SoftwareHashes);
        assert_eq!(verifier.take(), None, "{root:?}");
        assert_eq!(verifier.finish().unwrap().findings[0].code, Code::LimitExceeded);
    }
}

#[test]
fn documents_that_are_wrong_as_a_whole_are_findings() {
    let limits = Limits::default();
    let report = GraphVerifier::layout(b"{", &limits, &SoftwareHashes).finish().unwrap();
    assert_eq!((report.errors, report.findings[0].place.as_str()), (1, "index.json"));
    let mut blobs = Blobs::default();
    let hybrid = blobs.add(MediaType::ImageIndex, br#"{"schemaVersion":2,"manifests":[],"layers":[]}"#);
    let old = blobs.add(MediaType::DockerSchema1, b"{}");
    let (report, _) = verify(&blobs, &[hybrid, old]);
    let mut codes: Vec<_> = report.findings.iter().map(|found| found.code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["ambiguous-document", "unsupported-media-type"]);
}

#[test]
fn many_findings_are_counted_and_not_all_kept() {
    let notes = (0..1_500).map(|key| (format!("org.opencontainers.{key}"), String::new()));
    let entry = Descriptor { annotations: notes.collect(), ..Descriptor::new(MediaType::Empty, unknown_digest(), 2) };
    let report = verify(&Blobs::default(), &[entry]).0;
    assert_eq!((report.warnings, report.errors, report.findings.len()), (1_500, 1, 1_001));
}

#[test]
fn outcomes_out_of_turn_are_errors_of_the_caller() {
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/amd64", "a");
    let mut verifier = GraphVerifier::descriptor(&image, &Limits::default(), &SoftwareHashes);
    let job = verifier.take().unwrap();
    assert!(verifier.passed(job.id).is_err(), "only its bytes vouch for a document");
    assert!(verifier.passed(job.id + 1).is_err() && verifier.failed(job.id + 1, Code::BlobNotFound, "").is_err());
    verifier.supply(job.id, &blobs.0[&image.digest], &SoftwareHashes).unwrap();
    assert!(verifier.supply(job.id, b"", &SoftwareHashes).is_err());
    assert!(verifier.finish().is_err(), "half a graph has no report");
}

/// C-15: DiffIDs and layers are both bottom first, so they pair up by position.
#[test]
fn each_layer_is_promised_the_diff_id_of_its_own_position() {
    let mut blobs = Blobs::default();
    let layers = [b"x", b"y", b"z"].map(|bytes| blobs.add(MediaType::LayerGzip, bytes));
    let diff_ids = [b"1", b"2", b"3"].map(|bytes| blobs.add(MediaType::Layer, bytes).digest);
    let ids: Vec<&Digest> = diff_ids.iter().collect();
    let config = blobs.add(MediaType::ImageConfig, config("linux/amd64", &ids).as_bytes());
    let image = blobs.manifest(config, &layers, "");
    let (report, streamed) = verify(&blobs, &[image]);
    assert!(report.findings.is_empty(), "{report:?}");
    let expected: Vec<Work> = layers
        .into_iter()
        .zip(diff_ids)
        .map(|(descriptor, id)| Work::Layer {
            descriptor,
            diff_id: Some(DiffId(id)),
            compression: Some(Compression::Gzip),
        })
        .collect();
    assert_eq!(streamed, expected);
}
