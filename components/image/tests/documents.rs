//! The documents and vectors of `tests/fixtures`: those of the image-spec's own test suite, and more from its text.

// Outside of the tests themselves, too, failing is what a test does.
#![allow(clippy::panic, clippy::unwrap_used)]

use portolan_image::digest::{SoftwareHashes, chain_ids, digest_bytes};
use portolan_image::media_type::{Kind, MediaType, base};
use portolan_image::{
    Algorithm, ChainId, Code, Config, Descriptor, DiffId, Digest, Document, Error, Index, Layout, Limits, Manifest,
};
use serde_json::Value;

fn read(path: &str) -> Vec<u8> {
    let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/{}"), path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(path: &str) -> Value {
    serde_json::from_slice(&read(path)).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}"))
}

/// Parses a document and returns its bytes as the parsed value keeps them.
fn parse(kind: &str, bytes: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let limits = Limits::default();
    Ok(match kind {
        "descriptor" => Descriptor::parse(bytes, &limits).map(|_| None)?,
        "index" => Some(Index::parse(bytes, &limits)?.raw),
        "manifest" => Some(Manifest::parse(bytes, &limits)?.raw),
        "config" => Some(Config::parse(bytes, &limits)?.raw),
        "layout" => Some(Layout::parse(bytes, &limits)?.raw),
        _ => panic!("unknown kind {kind}"),
    })
}

/// Verdicts of the image-spec's suite that are not ours, and why.
const DEVIATIONS: [(&str, &str); 1] = [(
    "invalid/manifest-05-empty-layer-expected-at-least-one.json",
    // N-08: the suite follows the JSON schema (minItems 1), the text only says SHOULD, and the conformance suite of the
    // distribution-spec pushes a manifest without layers, as extra/manifest-no-layers.json.
    "valid",
)];

#[test]
fn every_document_has_the_verdict_of_the_image_spec_suite() {
    let index = json("INDEX.json");
    let fixtures = index["fixtures"].as_array().unwrap();
    assert!(fixtures.len() > 80, "{}", fixtures.len());
    for fixture in fixtures {
        let (file, kind) = (text(fixture, "file"), text(fixture, "kind"));
        let deviation = DEVIATIONS.iter().find(|(deviating, _)| *deviating == file);
        let expect = deviation.map_or(text(fixture, "expect"), |(_, verdict)| verdict);
        let bytes = read(file);
        match (expect, parse(kind, &bytes)) {
            // J-01: the bytes stay as they were.
            ("valid", Ok(raw)) => assert!(raw.is_none_or(|raw| raw == bytes), "{file}"),
            ("invalid", Err(_)) => {}
            (_, result) => panic!("{file}: expected {expect}, {result:?}; {}", fixture["reason"]),
        }
    }
}

#[test]
fn every_document_in_the_folders_has_a_verdict() {
    for folder in ["valid", "invalid"] {
        let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/{}"), folder);
        for file in std::fs::read_dir(path).unwrap() {
            let name = format!("{folder}/{}", file.unwrap().file_name().into_string().unwrap());
            let index = json("INDEX.json");
            let is_listed =
                index["fixtures"].as_array().unwrap().iter().any(|fixture| fixture["file"] == name.as_str());
            assert!(is_listed, "{name}");
        }
    }
}

#[test]
fn every_extra_document_has_the_verdict_of_the_text() {
    let index = json("extra/INDEX.json");
    let fixtures = index["fixtures"].as_array().unwrap();
    assert!(fixtures.len() > 20, "{}", fixtures.len());
    for fixture in fixtures {
        let (file, kind, expect) = (text(fixture, "file"), text(fixture, "kind"), text(fixture, "expect"));
        let bytes = read(file);
        let result = parse(kind, &bytes);
        match (expect, &result) {
            ("valid", Ok(raw)) => assert!(raw.as_ref().is_none_or(|raw| *raw == bytes), "{file}"),
            ("invalid" | "invalid-per-schema", Err(_)) => {}
            // CVE-2021-41190, whatever it is said to be.
            ("ambiguous", Err(error)) => {
                assert_eq!(error.code(), Code::AmbiguousDocument, "{file}: {error}");
                for expected in [None, Some(MediaType::ImageManifest.as_str()), Some(MediaType::ImageIndex.as_str())] {
                    let error = Document::parse(&bytes, expected, &Limits::default()).unwrap_err();
                    assert_eq!(error.code(), Code::AmbiguousDocument, "{file} as {expected:?}: {error}");
                }
            }
            // C-21: no MUST forbids it, so it parses, and verifying an image warns of it.
            ("suspicious", Ok(_)) => {
                let config = Config::parse(&bytes, &Limits::default()).unwrap();
                assert_ne!(config.history_layers(), config.diff_ids.len(), "{file}");
            }
            _ => panic!("{file}: expected {expect}, {result:?}; {}", fixture["why"]),
        }
    }
}

#[test]
fn real_docker_documents_are_those_that_were_published() {
    for fixture in json("INDEX.json")["fixtures"].as_array().unwrap() {
        let Some(digest) = fixture["digest"].as_str() else { continue };
        let bytes = read(text(fixture, "file"));
        assert_eq!(digest_bytes(&SoftwareHashes, &Algorithm::Sha256, &bytes).unwrap().to_string(), digest);
        assert_eq!(Some(bytes.len() as u64), fixture["size"].as_u64());
    }
    let manifest = Manifest::parse(&read("valid/manifest-docker-compat-0.json"), &Limits::default()).unwrap();
    assert_eq!(manifest.media_type, Some(MediaType::DockerManifest));
    // Its config is said to be application/octet-stream (docker/distribution#1621).
    assert!(manifest.is_image());
}

#[test]
fn j_08_a_size_above_2_53_keeps_every_digit() {
    let descriptor = Descriptor::parse(&read("extra/descriptor-size-above-2p53.json"), &Limits::default()).unwrap();
    assert_eq!(descriptor.size, (1 << 53) + 1);
}

#[test]
fn l_14_attestations_are_told_apart() {
    let index = Index::parse(&read("extra/index-buildkit-attestation.json"), &Limits::default()).unwrap();
    let flags: Vec<bool> = index.manifests.iter().map(Descriptor::is_attestation).collect();
    assert_eq!(flags, [false, true]);
    assert_eq!(index.manifests[1].attestation_of().as_ref(), Some(&index.manifests[0].digest));
}

/// G-01 to G-08; also row 39 of the hostile inputs, CVE-2024-3727.
#[test]
fn digests_parse_as_the_vectors_say() {
    let vectors = json("vectors/digests.json");
    for case in vectors["parse"].as_array().unwrap() {
        let (input, expect) = (text(case, "input"), text(case, "expect"));
        match (expect, input.parse::<Digest>()) {
            ("valid", Ok(digest)) => {
                assert!(digest.algorithm().is_registered(), "{input}");
                assert_eq!(digest.to_string(), input);
            }
            ("valid-unregistered", Ok(digest)) => assert!(!digest.algorithm().is_registered(), "{input}"),
            ("invalid-grammar" | "invalid-encoding", Err(error)) => assert_eq!(error.code(), Code::InvalidDigest),
            (_, result) => panic!("{input:?}: expected {expect}, {result:?}"),
        }
    }
}

#[test]
fn hashes_are_those_of_the_vectors() {
    use base64::Engine as _;
    for case in json("vectors/digests.json")["hash"].as_array().unwrap() {
        let size = usize::try_from(case["size"].as_u64().unwrap()).unwrap();
        let bytes: Vec<u8> = match case["base64"].as_str() {
            Some(text) => base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
            None => (0..size).map(|index| u8::try_from(index % 251).unwrap()).collect(),
        };
        assert_eq!(bytes.len(), size);
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512, Algorithm::Blake3] {
            let digest = digest_bytes(&SoftwareHashes, &algorithm, &bytes).unwrap();
            assert_eq!(digest.to_string(), text(case, algorithm.as_str()), "{}", case["name"]);
        }
    }
}

#[test]
fn c_18_chain_ids_are_those_of_the_vectors() {
    let mut computed = 0;
    for case in json("vectors/chainids.json")["cases"].as_array().unwrap() {
        let list = |name: &str| -> Vec<&str> {
            case[name].as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect()
        };
        // `sha256:a` is no digest (G-04), so the rows that use it cannot even be written down as DiffIDs here.
        let parsed: Result<Vec<DiffId>, _> = list("diffIDs").iter().map(|text| text.parse().map(DiffId)).collect();
        let Ok(diff_ids) = parsed else {
            assert!(list("diffIDs").contains(&"sha256:a"), "{}", case["name"]);
            continue;
        };
        let chain: Vec<String> =
            chain_ids(&SoftwareHashes, &diff_ids).unwrap().iter().map(ChainId::to_string).collect();
        assert_eq!(chain, list("chainIDs"), "{}", case["name"]);
        computed += 1;
    }
    assert!(computed >= 2, "{computed}");
}

#[test]
fn media_types_are_those_of_the_vectors() {
    let vectors = json("vectors/media-types.json");
    for case in vectors["known"].as_array().unwrap() {
        let media_type = MediaType::parse(text(case, "mediaType")).unwrap();
        let kind = match text(case, "kind") {
            "descriptor" => Kind::Descriptor,
            "layout" => Kind::Layout,
            "index" => Kind::Index,
            "manifest" => Kind::Manifest,
            "config" => Kind::Config,
            "layer" => Kind::Layer,
            "layer-nondistributable" => Kind::NonDistributableLayer,
            "empty" => Kind::Empty,
            "docker-schema1" | "docker-schema1-signed" => Kind::DockerSchema1,
            "docker-plugin" | "plugin" => Kind::DockerPlugin,
            "wasm-config" => Kind::WasmConfig,
            "wasm-layer" => Kind::WasmLayer,
            other => panic!("unknown kind {other}"),
        };
        assert_eq!(media_type.kind(), kind, "{media_type}");
        assert_eq!(media_type.compression().map(|found| found.as_str()), case["compression"].as_str(), "{media_type}");
        assert_eq!(media_type.docker().as_ref().map(MediaType::as_str), case["docker"].as_str(), "{media_type}");
    }
    for case in vectors["valid"].as_array().unwrap() {
        let input = text(case, "input");
        assert_eq!(Some(MediaType::parse(input).is_ok()), case["valid"].as_bool(), "{input:?}");
    }
    for case in vectors["base"].as_array().unwrap() {
        assert_eq!(base(text(case, "input")), text(case, "base"));
    }
    for case in vectors["layerSuffix"].as_array().unwrap() {
        let media_type = MediaType::parse(text(case, "mediaType")).unwrap();
        assert_eq!(Some(media_type.is_layer()), case["isLayer"].as_bool(), "{media_type}");
        assert_eq!(media_type.compression().map(|found| found.as_str()), case["compression"].as_str(), "{media_type}");
    }
}

/// Every document of the fixtures, to be damaged.
fn documents() -> Vec<(String, Vec<u8>)> {
    let mut documents = Vec::new();
    for index in ["INDEX.json", "extra/INDEX.json"] {
        for fixture in json(index)["fixtures"].as_array().unwrap() {
            documents.push((text(fixture, "kind").to_owned(), read(text(fixture, "file"))));
        }
    }
    documents
}

proptest::proptest! {
    /// Bad input is an error, never a panic; and what parses keeps its bytes (J-01).
    #[test]
    fn a_damaged_document_never_panics(
        which in proptest::sample::select(documents()),
        edits in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), "[\\x00-\\xff]|[\\[\\]{}:,\"0-9eE.+-]|null|\\\\u"), 0..6),
    ) {
        let (kind, mut bytes) = which;
        for (place, replacement) in edits {
            let at = place.index(bytes.len());
            bytes.splice(at..=at, replacement.bytes());
        }
        if let Ok(Some(raw)) = parse(&kind, &bytes) {
            proptest::prop_assert_eq!(raw, bytes.clone());
        }
        let _ = Document::parse(&bytes, None, &Limits::default());
    }

    /// J-08: whatever is read here, the field's own parser reads as well, and the same.
    #[test]
    fn what_is_accepted_is_json_to_others_too(text in "[\\[{]{0,3}([-0-9.eE]{1,4}|\"[a-c\\\\u0-9]{0,4}\"|[:,]|true|null){0,8}[\\]}]{0,3}") {
        let limits = Limits::default();
        let ours = portolan_image::json::Value::parse("document", text.as_bytes(), ("manifest-bytes", 1 << 20), &limits);
        let theirs = serde_json::from_str::<Value>(&text);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                let ours: Value = serde_json::from_slice(&ours.to_bytes()).unwrap();
                proptest::prop_assert_eq!(ours, theirs);
            }
            (Ok(_), Err(error)) => proptest::prop_assert!(false, "{text:?}: {error}"),
            (Err(error), Ok(_)) => proptest::prop_assert!(error.to_string().contains("stands twice"), "{text:?}: {error}"),
            (Err(_), Err(_)) => {}
        }
    }
}
