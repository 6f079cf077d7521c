use super::*;
use crate::annotation::{CONTAINERD_IMAGE_NAME, DOCKER_REFERENCE_DIGEST, DOCKER_REFERENCE_TYPE, REF_NAME};
use crate::blobs::{Blobs, config, index_json, parse_platform};
use crate::digest::SoftwareHashes;
use crate::media_type::MediaType;

fn drive(blobs: &Blobs, mut resolver: Resolver) -> Result<(Resolved, usize)> {
    let mut fetched = 0;
    while let Step::Fetch(descriptor) = resolver.next() {
        let bytes = blobs.0[&descriptor.digest].clone();
        resolver.supply(&bytes, &SoftwareHashes)?;
        fetched += 1;
    }
    Ok((resolver.finish()?, fetched))
}

fn resolve(blobs: &Blobs, entries: &[Descriptor], selector: &Selector, wanted: Wanted) -> Result<Resolved> {
    let resolver = Resolver::layout(&index_json(entries), selector, wanted, &Limits::default())?;
    drive(blobs, resolver).map(|(resolved, _)| resolved)
}

fn tag(name: &str) -> Selector {
    Selector::Tag(name.to_owned())
}

fn wanted(platform: &str) -> Wanted {
    Wanted::Platforms(vec![parse_platform(platform)])
}

fn host(platform: &str) -> Wanted {
    Wanted::Host(parse_platform(platform))
}

#[test]
fn an_index_and_the_manifest_in_it_have_digests_of_their_own() {
    let mut blobs = Blobs::default();
    let (amd64, arm64) = (blobs.image("linux/amd64", "a"), blobs.image("linux/arm64", "b"));
    let index = blobs.index(&[amd64.on("linux/amd64"), arm64.clone().on("linux/arm64")]);
    let image = resolve(&blobs, std::slice::from_ref(&index), &Selector::None, wanted("linux/arm64")).unwrap();
    assert_eq!(image.descriptor.digest, arm64.digest);
    assert_eq!(image.chain.iter().map(|link| &link.descriptor.digest).collect::<Vec<_>>(), [&index.digest]);
    assert_eq!(image.platform, Some(parse_platform("linux/arm64")));
    assert_eq!(image.config.unwrap().raw, image.config_bytes.unwrap());
}

#[test]
fn i_07_of_equally_good_images_the_first_one_wins() {
    let mut blobs = Blobs::default();
    let images: Vec<_> = ["a", "b"].iter().map(|name| blobs.image("linux/amd64", name).on("linux/amd64")).collect();
    let index = blobs.index(&images);
    for wanted in [wanted("linux/amd64"), host("linux/amd64"), Wanted::First] {
        let image = resolve(&blobs, std::slice::from_ref(&index), &Selector::None, wanted).unwrap();
        assert_eq!(image.descriptor.digest, images[0].digest);
    }
}

#[test]
fn a_platform_that_is_not_there_is_an_error_with_those_that_are() {
    let mut blobs = Blobs::default();
    let images = [blobs.image("linux/amd64", "a").on("linux/amd64"), blobs.image("linux/s390x", "b").on("linux/s390x")];
    let index = blobs.index(&images);
    let error = resolve(&blobs, &[index], &Selector::None, wanted("linux/arm64")).unwrap_err().to_string();
    assert!(error.contains("linux/arm64") && error.contains("linux/amd64, linux/s390x"), "{error}");
}

#[test]
fn a_host_without_images_of_its_own_takes_those_for_linux() {
    let mut blobs = Blobs::default();
    let images = [blobs.image("linux/amd64", "a").on("linux/amd64"), blobs.image("linux/arm64", "b").on("linux/arm64")];
    let index = blobs.index(&images);
    let image = resolve(&blobs, &[index], &Selector::None, host("darwin/arm64")).unwrap();
    assert_eq!(image.descriptor.digest, images[1].digest);
}

#[test]
fn a_lone_image_is_taken_as_it_is_unless_a_platform_was_asked_for() {
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/s390x", "a");
    let found = resolve(&blobs, std::slice::from_ref(&image), &Selector::None, host("linux/amd64")).unwrap();
    assert_eq!(found.platform, Some(parse_platform("linux/s390x")));
    let error = resolve(&blobs, std::slice::from_ref(&image), &Selector::None, wanted("linux/amd64")).unwrap_err();
    assert!(matches!(&error, Error::PlatformNotFound { available, .. } if available == &["linux/s390x"]), "{error}");
    // Nor does naming it by its digest change what it runs on.
    let by_digest = Selector::Digest(image.digest.clone());
    assert!(resolve(&blobs, &[image], &by_digest, wanted("linux/amd64")).is_err());
}

#[test]
fn l_01_a_platform_that_no_index_states_is_read_from_the_config() {
    let mut blobs = Blobs::default();
    let images = [blobs.image("linux/amd64", "a"), blobs.image("linux/arm64", "b"), blobs.image("linux/arm64", "c")];
    let index = blobs.index(&images);
    let resolver = Resolver::descriptor(index.clone(), wanted("linux/arm64"), &Limits::default()).unwrap();
    let (image, _) = drive(&blobs, resolver).unwrap();
    assert_eq!(image.descriptor.digest, images[1].digest);
    let mut resolver = Resolver::descriptor(index, wanted("linux/s390x"), &Limits::default()).unwrap();
    let mut last = None;
    while let Step::Fetch(descriptor) = resolver.next() {
        let bytes = blobs.0[&descriptor.digest].clone();
        let result = resolver.supply(&bytes, &SoftwareHashes);
        // The same error again, not a panic, when the caller insists.
        if last.is_some() {
            assert_eq!(Some(result.unwrap_err()), last);
            break;
        }
        last = result.err();
    }
    assert!(matches!(last, Some(Error::PlatformNotFound { .. })), "{last:?}");
}

#[test]
fn configs_are_not_fetched_when_the_index_states_what_runs() {
    let mut blobs = Blobs::default();
    let images = [blobs.image("linux/amd64", "a"), blobs.image("linux/arm64", "b").on("linux/arm64")];
    let index = blobs.index(&images);
    let resolver = Resolver::descriptor(index, wanted("linux/arm64"), &Limits::default()).unwrap();
    let (image, fetched) = drive(&blobs, resolver).unwrap();
    assert_eq!((image.descriptor.digest, fetched), (images[1].digest.clone(), 3));
}

#[test]
fn l_14_an_attestation_is_never_selected_but_may_be_named() {
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/amd64", "a").on("linux/amd64");
    let attestation = blobs
        .image("unknown/unknown", "b")
        .on("unknown/unknown")
        .note(DOCKER_REFERENCE_TYPE, "attestation-manifest")
        .note(DOCKER_REFERENCE_DIGEST, &image.digest.to_string());
    let index = blobs.index(&[attestation.clone(), image.clone()]);
    for wanted in [Wanted::First, wanted("linux/amd64"), host("linux/amd64")] {
        let found = resolve(&blobs, std::slice::from_ref(&index), &Selector::None, wanted).unwrap();
        assert_eq!(found.descriptor.digest, image.digest);
    }
    let named = Selector::Digest(attestation.digest.clone());
    let found = resolve(&blobs, std::slice::from_ref(&index), &named, host("linux/amd64")).unwrap();
    assert_eq!(found.descriptor.digest, attestation.digest);
    let lonely = blobs.index(&[attestation]);
    let error = resolve(&blobs, &[lonely], &Selector::None, Wanted::First).unwrap_err();
    assert!(matches!(error, Error::ReferenceNotFound { .. }), "{error}");
}

#[test]
fn i_05_entries_of_unknown_types_are_skipped() {
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/amd64", "a").on("linux/amd64");
    let unknown = blobs.add(MediaType::parse("application/xml").unwrap(), b"<x/>").on("linux/amd64");
    let index = blobs.index(&[unknown.clone(), image.clone()]);
    let found = resolve(&blobs, &[unknown.clone(), index], &Selector::None, wanted("linux/amd64")).unwrap();
    assert_eq!(found.descriptor.digest, image.digest);
    let error = resolve(&blobs, &[unknown], &Selector::None, Wanted::First).unwrap_err().to_string();
    assert!(error.contains("application/xml"), "{error}");
}

#[test]
fn a_digest_is_found_however_deep_it_lies() {
    let mut blobs = Blobs::default();
    let images = [blobs.image("linux/amd64", "a"), blobs.image("linux/arm64", "b")];
    let inner = blobs.index(&images);
    let outer = blobs.index(std::slice::from_ref(&inner));
    let other = blobs.image("linux/amd64", "c");
    let entries = [other.note(REF_NAME, "x"), outer.clone().note(REF_NAME, "y")];
    let by = |digest: &Digest| Selector::Digest(digest.clone());
    let found = resolve(&blobs, &entries, &by(&images[1].digest), host("linux/amd64")).unwrap();
    assert_eq!(found.descriptor.digest, images[1].digest);
    let chain: Vec<_> = found.chain.iter().map(|link| link.descriptor.digest.clone()).collect();
    assert_eq!(chain, [outer.digest, inner.digest.clone()]);
    let found = resolve(&blobs, &entries, &by(&inner.digest), wanted("linux/arm64")).unwrap();
    assert_eq!(found.descriptor.digest, images[1].digest);
    let error = resolve(&blobs, &entries, &by(&Descriptor::empty().digest), Wanted::First).unwrap_err().to_string();
    assert!(error.contains("is not there") && error.contains(&images[0].digest.to_string()), "{error}");
}

#[test]
fn y_13_a_tag_is_found_in_either_annotation_and_in_any_of_dockers_forms() {
    let mut blobs = Blobs::default();
    let (a, b) = (blobs.image("linux/amd64", "a"), blobs.image("linux/amd64", "b"));
    let (a_digest, b_digest) = (a.digest.clone(), b.digest.clone());
    let entries = [
        a.note(REF_NAME, "3.20").note(CONTAINERD_IMAGE_NAME, "docker.io/library/alpine:3.20"),
        b.note(CONTAINERD_IMAGE_NAME, "busybox"),
    ];
    for name in ["3.20", "alpine:3.20", "docker.io/library/alpine:3.20", "index.docker.io/library/alpine:3.20", "@0"] {
        assert_eq!(resolve(&blobs, &entries, &tag(name), Wanted::First).unwrap().descriptor.digest, a_digest, "{name}");
    }
    for name in ["busybox", "busybox:latest", "docker.io/library/busybox", "latest", "@1"] {
        assert_eq!(resolve(&blobs, &entries, &tag(name), Wanted::First).unwrap().descriptor.digest, b_digest, "{name}");
    }
    for name in ["alpine", "3.2", "other/alpine:3.20", "@2", ""] {
        let error = resolve(&blobs, &entries, &tag(name), Wanted::First).unwrap_err().to_string();
        assert!(error.contains("there is 3.20, busybox"), "{name}: {error}");
    }
    let both = Selector::TagAndDigest("3.20".to_owned(), a_digest);
    assert!(resolve(&blobs, &entries, &both, Wanted::First).is_ok());
    let contradiction = Selector::TagAndDigest("3.20".to_owned(), b_digest);
    assert!(resolve(&blobs, &entries, &contradiction, Wanted::First).is_err());
}

#[test]
fn y_10_any_text_is_a_name_and_several_entries_may_share_it() {
    let mut blobs = Blobs::default();
    let (a, b) = (blobs.image("linux/amd64", "a"), blobs.image("linux/arm64", "b"));
    let entries =
        [a.on("linux/amd64").note(REF_NAME, "../ß \u{1b}"), b.clone().on("linux/arm64").note(REF_NAME, "../ß \u{1b}")];
    let found = resolve(&blobs, &entries, &tag("../ß \u{1b}"), wanted("linux/arm64")).unwrap();
    assert_eq!(found.descriptor.digest, b.digest);
}

#[test]
fn several_images_and_no_name_is_an_error_that_lists_them() {
    let mut blobs = Blobs::default();
    let (a, b) = (blobs.image("linux/amd64", "a"), blobs.image("linux/amd64", "b"));
    let entries = [a.clone().note(REF_NAME, "one"), b.clone().note(REF_NAME, "two")];
    let error = resolve(&blobs, &entries, &Selector::None, Wanted::First).unwrap_err().to_string();
    assert!(error.contains("there is one, two"), "{error}");
    // Without names and platforms nothing tells them apart, and taking the first would be a guess.
    assert!(resolve(&blobs, &[a.clone(), b], &Selector::None, Wanted::First).is_err());
    // Two names of one image are no choice.
    let entries = [a.clone().note(REF_NAME, "one"), a.note(REF_NAME, "two")];
    assert!(resolve(&blobs, &entries, &Selector::None, Wanted::First).is_ok());
}

/// Row 42.
#[test]
fn i_09_nesting_is_bounded_and_an_index_is_read_once() {
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/amd64", "a");
    let mut index = blobs.index(&[image]);
    for _ in 0..8 {
        // Twice in each index: without the visited set that would be 2^8 fetches.
        index = blobs.index(&[index.clone(), index]);
    }
    let limits = Limits::default();
    let resolver = Resolver::descriptor(index.clone(), Wanted::First, &limits).unwrap();
    assert_eq!(drive(&blobs, resolver).unwrap().1, 9 + 2);
    let deeper = blobs.index(&[index]);
    let resolver = Resolver::descriptor(deeper, Wanted::First, &limits).unwrap();
    let error = drive(&blobs, resolver).unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { key: "index-depth", limit: 8, .. }), "{error}");
}

#[test]
fn nested_indexes_share_one_budget_of_entries() {
    let mut blobs = Blobs::default();
    let images: Vec<_> = ["a", "b", "c"].iter().map(|name| blobs.image("linux/amd64", name)).collect();
    let inner: Vec<_> = images.iter().map(|image| blobs.index(std::slice::from_ref(image))).collect();
    let outer = blobs.index(&inner);
    let limits = Limits { index_entries: 5, ..Limits::default() };
    let error = drive(&blobs, Resolver::descriptor(outer, Wanted::First, &limits).unwrap()).unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { key: "index-entries", limit: 5, .. }), "{error}");
}

#[test]
fn d_07_bytes_are_verified_before_they_are_parsed() {
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/amd64", "a");
    let mut resolver = Resolver::descriptor(image.clone(), Wanted::First, &Limits::default()).unwrap();
    let mut bytes = blobs.0[&image.digest].clone();
    bytes[0] ^= 1;
    assert!(matches!(resolver.supply(&bytes, &SoftwareHashes), Err(Error::DigestMismatch { .. })));
    bytes.pop();
    assert!(matches!(resolver.supply(&bytes, &SoftwareHashes), Err(Error::SizeMismatch { .. })));
    // The right bytes are still welcome.
    resolver.supply(&blobs.0[&image.digest], &SoftwareHashes).unwrap();
    assert!(resolver.finish().is_err(), "the config is missing");
}

#[test]
fn a_document_that_is_too_large_is_not_even_asked_for() {
    let limits = Limits::default();
    let huge = |media_type| Descriptor { size: 1 << 40, ..Descriptor::new(media_type, Descriptor::empty().digest, 0) };
    for media_type in [MediaType::ImageManifest, MediaType::ImageIndex] {
        let error = Resolver::descriptor(huge(media_type), Wanted::First, &limits).unwrap_err();
        assert!(matches!(error, Error::LimitExceeded { key: "manifest-bytes", .. }), "{error}");
    }
    let mut blobs = Blobs::default();
    let manifest = blobs.manifest(huge(MediaType::ImageConfig), &[], "");
    let error = drive(&blobs, Resolver::descriptor(manifest, Wanted::First, &limits).unwrap()).unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { key: "config-bytes", .. }), "{error}");
    let error = Resolver::descriptor(huge(MediaType::DockerSchema1), Wanted::First, &limits).unwrap_err().to_string();
    assert!(error.contains("schema 1"), "{error}");
}

#[test]
fn n_04_the_config_of_an_unknown_type_is_not_read() {
    let mut blobs = Blobs::default();
    let config = blobs.add(MediaType::parse("application/vnd.example").unwrap(), b"not JSON");
    let artifact = blobs.manifest(config, &[], "");
    let resolver = Resolver::descriptor(artifact, wanted("linux/amd64"), &Limits::default()).unwrap();
    let (found, _) = drive(&blobs, resolver).unwrap();
    assert_eq!((found.config, found.config_bytes, found.platform), (None, None, None));
}

#[test]
fn b_03_a_wasm_artifact_has_the_platform_of_its_config() {
    let mut blobs = Blobs::default();
    let bytes = br#"{"os":"wasip2","architecture":"wasm","layerDigests":[],"component":null}"#;
    let config = blobs.add(MediaType::WasmConfig, bytes);
    let artifact = blobs.manifest(config, &[], "");
    let image = resolve(&blobs, &[artifact], &Selector::None, host("linux/amd64")).unwrap();
    assert_eq!(image.platform, Some(Platform::new("wasip2", "wasm")));
    assert_eq!((image.config, image.config_bytes.as_deref()), (None, Some(&bytes[..])));
}

#[test]
fn t_11_annotations_say_where_they_stand() {
    let mut blobs = Blobs::default();
    let layer = blobs.add(MediaType::Layer, b"x");
    let config = blobs.add(MediaType::ImageConfig, config("linux/amd64", &[&layer.digest]).as_bytes());
    let image = blobs.manifest(config, &[layer], r#","annotations":{"m":"manifest"}"#).note("d", "descriptor");
    let index = blobs.index(&[image]).note("i", "index");
    let digest = index.digest.clone();
    let found = resolve(&blobs, &[index], &Selector::None, Wanted::First).unwrap();
    let all: Vec<_> = found.annotations.iter().map(|found| (found.key.as_str(), found.origin.clone())).collect();
    let expected = [
        ("i", Origin::IndexDescriptor(digest)),
        ("d", Origin::ManifestDescriptor),
        ("m", Origin::Manifest),
        ("l", Origin::Label),
    ];
    assert_eq!(all, expected);
}

#[test]
fn a_listing_shows_every_manifest_with_its_platform() {
    let mut blobs = Blobs::default();
    let (amd64, arm64) = (blobs.image("linux/amd64", "a"), blobs.image("linux/arm64", "b").on("linux/arm64"));
    let inner = blobs.index(std::slice::from_ref(&arm64));
    let attestation = blobs
        .image("unknown/unknown", "c")
        .on("unknown/unknown")
        .note(DOCKER_REFERENCE_TYPE, "attestation-manifest")
        .note(DOCKER_REFERENCE_DIGEST, &amd64.digest.to_string());
    let gone = Blobs::default().image("linux/s390x", "gone");
    let outer = blobs.index(&[amd64.clone(), inner.clone(), attestation, gone]);
    let mut listing =
        Listing::layout(&index_json(std::slice::from_ref(&outer)), &Selector::None, &Limits::default()).unwrap();
    let listed = loop {
        match listing.next() {
            ListingStep::Fetch(descriptor) => match blobs.0.get(&descriptor.digest) {
                Some(bytes) => listing.supply(bytes, &SoftwareHashes).unwrap(),
                // Y-07.
                None => listing.missing().unwrap(),
            },
            ListingStep::Done(listed) => break listed.to_vec(),
        }
    };
    let platforms: Vec<_> = listed.iter().map(|entry| entry.platform.as_ref().map(Platform::triple)).collect();
    let triple = |text: &str| Some(text.to_owned());
    assert_eq!(platforms, [triple("linux/amd64"), triple("linux/arm64"), triple("unknown/unknown"), None]);
    assert_eq!(listed[1].chain, [outer.digest, inner.digest]);
    assert_eq!(listed.iter().map(|entry| entry.is_attestation).collect::<Vec<_>>(), [false, false, true, false]);
    assert_eq!(listed[2].attestation_of.as_ref(), Some(&amd64.digest));
    assert!(listing.missing().is_err());
}

#[test]
fn everything_is_listed_once_with_the_first_name_that_leads_to_it() {
    let mut blobs = Blobs::default();
    let (one, two) =
        (blobs.image("linux/amd64", "a").on("linux/amd64"), blobs.image("linux/arm64", "b").on("linux/arm64"));
    let both = blobs.index(&[one.clone(), two.clone()]);
    let named = |descriptor: &Descriptor, key: &str, name: &str| descriptor.clone().note(key, name);
    let index = index_json(&[
        both.clone(),
        named(&one, REF_NAME, "one"),
        named(&both, CONTAINERD_IMAGE_NAME, "docker.io/a/both:1"),
        named(&both, REF_NAME, "again"),
    ]);
    let limits = Limits::default();
    assert!(Listing::layout(&index, &Selector::None, &limits).is_err(), "several are named and none is meant");
    let mut listing = Listing::everything(&index, &limits).unwrap();
    while let ListingStep::Fetch(descriptor) = listing.next() {
        let bytes = blobs.0.get(&descriptor.digest).unwrap();
        listing.supply(bytes, &SoftwareHashes).unwrap();
    }
    let ListingStep::Done(listed) = listing.next() else { unreachable!() };
    let found: Vec<_> = listed.iter().map(|listed| (&listed.descriptor.digest, listed.name.as_deref())).collect();
    assert_eq!(found, [(&one.digest, Some("docker.io/a/both:1")), (&two.digest, Some("docker.io/a/both:1"))]);
    let ListingStep::Done([]) = Listing::everything(&index_json(&[]), &limits).unwrap().next() else {
        unreachable!("of nothing everything is nothing")
    };
}

#[test]
fn a_docker_archive_resolves_like_a_layout() {
    let mut blobs = Blobs::default();
    let text = br#"[{"Config":"c","RepoTags":["a/b:1"],"Layers":["l"]}]"#;
    let archive = crate::docker::Archive::parse(text, &Limits::default()).unwrap();
    let layer = blobs.add(MediaType::DockerLayer, b"x");
    let config = blobs.add(MediaType::DockerConfig, config("linux/amd64", &[&layer.digest]).as_bytes());
    let ids = [crate::DiffId(layer.digest.clone())];
    let manifest = archive.images[0].manifest((config.digest, config.size), &ids, &[layer.size]).unwrap();
    let manifest = blobs.add(MediaType::DockerManifest, &manifest);
    let index = archive.index(&[manifest]).unwrap();
    for selector in [Selector::None, tag("a/b:1"), tag("docker.io/a/b:1"), tag("@0")] {
        let resolver = Resolver::layout(&index, &selector, wanted("linux/amd64"), &Limits::default()).unwrap();
        assert_eq!(drive(&blobs, resolver).unwrap().0.manifest.layers.first(), Some(&layer));
    }
}
