use super::*;
use crate::annotation::{DOCKER_REFERENCE_DIGEST, DOCKER_REFERENCE_TYPE, REF_NAME};
use crate::blobs::{Blobs, index_json, parse_platform};
use crate::digest::SoftwareHashes;
use crate::error::Code;
use crate::index::Index;
use crate::media_type::MediaType;

fn options(platforms: &[&str]) -> Options {
    Options { platforms: platforms.iter().map(|text| parse_platform(text)).collect(), ..Options::default() }
}

fn tagged(descriptor: &Descriptor) -> Vec<Root> {
    vec![Root { descriptor: descriptor.clone(), tag: Some("t".to_owned()) }]
}

/// Answers what is needed from a store; the second value is what was asked for.
fn run(blobs: &Blobs, roots: Vec<Root>, options: Options, limits: &Limits) -> Result<(Plan, Vec<Digest>)> {
    let mut copying = Copying::start(roots, options, limits, &SoftwareHashes)?;
    let mut asked = Vec::new();
    while let Some(need) = copying.next() {
        match need {
            Need::Document(descriptor) => {
                asked.push(descriptor.digest.clone());
                let bytes = blobs.0.get(&descriptor.digest).cloned();
                copying.supply(bytes.as_deref(), &SoftwareHashes)?;
            }
            Need::Referrers(descriptor) => {
                let found = referrers(blobs, &descriptor.digest);
                copying.supply_referrers(&found, &SoftwareHashes)?;
            }
        }
    }
    Ok((copying.finish(&SoftwareHashes)?, asked))
}

fn referrers(blobs: &Blobs, subject: &Digest) -> Vec<Descriptor> {
    let mut found: Vec<Descriptor> = blobs
        .0
        .iter()
        .filter_map(|(digest, bytes)| {
            let document = Document::parse(bytes, None, &Limits::default()).ok()?;
            let refers = graph::subject(&document).is_some_and(|found| &found.digest == subject);
            refers.then(|| Descriptor::new(document.media_type(), digest.clone(), bytes.len() as u64))
        })
        .collect();
    found.sort_by_key(|descriptor| descriptor.digest.to_string());
    found
}

fn plan(blobs: &Blobs, root: &Descriptor, options: Options) -> Plan {
    run(blobs, tagged(root), options, &Limits::default()).unwrap().0
}

fn digests(plan: &Plan) -> Vec<&Digest> {
    plan.manifests.iter().map(|planned| &planned.descriptor.digest).collect()
}

fn refers(blobs: &mut Blobs, subject: &Descriptor, content: &str) -> Descriptor {
    let layer = blobs.add(MediaType::parse("text/plain").unwrap(), content.as_bytes());
    let config = blobs.add(MediaType::Empty, b"{}");
    let subject = String::from_utf8(subject.to_value().to_bytes()).unwrap();
    let members = format!(r#","artifactType":"a/signature","annotations":{{"by":"me"}},"subject":{subject}"#);
    blobs.manifest(config, &[layer], &members)
}

/// An index of two images, an attestation about each, and another index with a third one.
fn several(blobs: &mut Blobs) -> (Descriptor, [Descriptor; 6]) {
    let amd64 = blobs.image("linux/amd64", "amd").on("linux/amd64");
    let arm64 = blobs.image("linux/arm64", "armed").on("linux/arm64");
    let riscv64 = blobs.image("linux/riscv64", "risc").on("linux/riscv64");
    let mut attest = |image: &Descriptor, content| {
        let layer = blobs.add(MediaType::parse("application/vnd.in-toto+json").unwrap(), content);
        let config = blobs.add(MediaType::ImageConfig, content);
        blobs
            .manifest(config, &[layer], "")
            .note(DOCKER_REFERENCE_TYPE, "attestation-manifest")
            .note(DOCKER_REFERENCE_DIGEST, &image.digest.to_string())
    };
    let (about_amd64, about_arm64) = (attest(&amd64, b"1"), attest(&arm64, b"2"));
    let nested = blobs.index(std::slice::from_ref(&riscv64));
    let entries = [amd64, arm64, about_amd64, about_arm64, nested, riscv64];
    (blobs.index(&entries[..5]), entries)
}

#[test]
fn a_whole_index_stays_what_it_is_and_stands_after_what_it_lists() {
    let mut blobs = Blobs::default();
    let (index, entries) = several(&mut blobs);
    let plan = plan(&blobs, &index, Options::default());
    let order = digests(&plan);
    assert_eq!(order.len(), 7);
    assert_eq!(order.last(), Some(&&index.digest));
    let at = |descriptor: &Descriptor| order.iter().position(|digest| **digest == descriptor.digest).unwrap();
    assert!(at(&entries[5]) < at(&entries[4]));
    assert_eq!(plan.manifests[6].bytes, blobs.0[&index.digest]);
    assert_eq!(plan.roots, [Copied { tag: Some("t".to_owned()), old: index.digest.clone(), new: index.digest }]);
    assert_eq!(plan.manifests[6].tags, ["t"]);
    assert!(
        plan.manifests.iter().map(|planned| planned.is_listed).eq([false, false, false, false, false, false, true])
    );
    assert!(plan.blobs.is_sorted_by_key(|blob| std::cmp::Reverse(blob.size)), "the largest first");
    // The config and the layer of an attestation are one blob here.
    assert_eq!(plan.blobs.len(), 8);
}

/// L-14: attestations go with the images that they are about.
#[test]
fn a_trimmed_index_lists_what_is_wanted_and_is_otherwise_the_same() {
    let mut blobs = Blobs::default();
    let (index, entries) = several(&mut blobs);
    let (plan, asked) = run(&blobs, tagged(&index), options(&["linux/arm64"]), &Limits::default()).unwrap();
    assert!(!asked.contains(&entries[0].digest), "what is not wanted is not fetched");
    assert_eq!(digests(&plan)[..2], [&entries[1].digest, &entries[3].digest]);
    let trimmed = &plan.manifests[2];
    assert_eq!(plan.manifests.len(), 3);
    assert_eq!(trimmed.bytes, index_json(&[entries[1].clone(), entries[3].clone()]));
    assert!(plan.roots[0].is_trimmed() && plan.roots[0].new == trimmed.descriptor.digest);
    trimmed.descriptor.verify(&trimmed.bytes, &SoftwareHashes).unwrap();
    assert_eq!(plan.blobs.len(), 3);
}

#[test]
fn an_index_inside_is_trimmed_too() {
    let mut blobs = Blobs::default();
    let images = ["linux/amd64", "linux/arm64"].map(|platform| blobs.image(platform, platform).on(platform));
    let inner = blobs.index(&images);
    let outer = blobs.index(std::slice::from_ref(&inner));
    let plan = plan(&blobs, &outer, options(&["linux/arm64"]));
    let [image, inner_new, outer_new] = plan.manifests.as_slice() else { panic!("{plan:?}") };
    assert_eq!(image.descriptor.digest, images[1].digest);
    assert_eq!(inner_new.bytes, index_json(&images[1..]));
    let entries = Index::parse(&outer_new.bytes, &Limits::default()).unwrap().manifests;
    assert_eq!((&entries[0].digest, entries[0].size), (&inner_new.descriptor.digest, inner_new.descriptor.size));
    assert_ne!(inner_new.descriptor.digest, inner.digest);
}

#[test]
fn an_index_of_which_everything_is_wanted_is_not_rewritten() {
    let mut blobs = Blobs::default();
    let (index, _) = several(&mut blobs);
    let plan = plan(&blobs, &index, options(&["linux/arm64", "linux/amd64", "linux/riscv64"]));
    assert!(!plan.roots[0].is_trimmed() && plan.manifests.len() == 7, "{plan:?}");
}

/// Y-07.
#[test]
fn a_sparse_index_is_kept_byte_for_byte() {
    let mut blobs = Blobs::default();
    let (index, entries) = several(&mut blobs);
    let sparse = Options { sparse: true, ..options(&["linux/riscv64"]) };
    let plan = plan(&blobs, &index, sparse);
    assert_eq!(digests(&plan), [&entries[5].digest, &entries[4].digest, &index.digest]);
    assert_eq!(plan.manifests[2].bytes, blobs.0[&index.digest]);
    assert!(!plan.roots[0].is_trimmed());
}

#[test]
fn what_an_index_lists_must_be_there_unless_the_copy_is_sparse() {
    let mut blobs = Blobs::default();
    let (index, entries) = several(&mut blobs);
    blobs.0.remove(&entries[1].digest);
    let error = run(&blobs, tagged(&index), Options::default(), &Limits::default()).unwrap_err();
    assert_eq!(error.code(), Code::BlobNotFound, "{error}");
    assert!(error.to_string().contains(&index.digest.to_string()), "{error}");
    let plan = plan(&blobs, &index, Options { sparse: true, ..Options::default() });
    assert_eq!(plan.skipped.len(), 1);
    assert_eq!((&plan.skipped[0].descriptor.digest, plan.skipped[0].reason), (&entries[1].digest, Reason::NotThere));
    blobs.0.remove(&index.digest);
    let options = Options { sparse: true, ..Options::default() };
    assert!(run(&blobs, tagged(&index), options, &Limits::default()).is_err());
}

#[test]
fn a_platform_that_is_not_there_is_an_error_and_one_of_several_a_warning() {
    let mut blobs = Blobs::default();
    let (index, _) = several(&mut blobs);
    let error = run(&blobs, tagged(&index), options(&["linux/s390x"]), &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "no image for linux/s390x; there is linux/amd64, linux/arm64, linux/riscv64");
    let plan = plan(&blobs, &index, options(&["linux/s390x", "linux/amd64"]));
    assert_eq!(plan.warnings, ["there is no image for linux/s390x; there is linux/amd64, linux/arm64, linux/riscv64"]);
    assert_eq!(plan.manifests.len(), 3);
}

/// L-12: what merely runs is taken only where nothing is for the platform itself.
#[test]
fn the_best_of_what_runs_is_taken_where_nothing_is_exact() {
    let mut blobs = Blobs::default();
    let platforms = ["linux/386", "linux/amd64", "linux/amd64/v2", "linux/arm/v6"];
    let images = platforms.map(|platform| blobs.image(platform, platform).on(platform));
    let index = blobs.index(&images);
    let copied = |wanted: &str| digests(&plan(&blobs, &index, options(&[wanted])))[0].clone();
    assert_eq!(copied("linux/amd64"), images[1].digest);
    assert_eq!(copied("linux/amd64/v3"), images[2].digest);
    assert_eq!(copied("linux/arm/v7"), images[3].digest);
}

/// L-01: a descriptor need not say what the image runs on; its config does.
#[test]
fn configs_are_asked_where_descriptors_do_not_say_the_platform() {
    let mut blobs = Blobs::default();
    let images = ["linux/amd64", "linux/arm64"].map(|platform| blobs.image(platform, platform));
    let index = blobs.index(&images);
    assert_eq!(digests(&plan(&blobs, &index, options(&["linux/arm64"])))[0], &images[1].digest);
    let single = plan(&blobs, &images[0], options(&["linux/amd64"]));
    assert_eq!((single.manifests.len(), single.blobs.len()), (1, 2));
    let error = run(&blobs, tagged(&images[0]), options(&["linux/arm64"]), &Limits::default()).unwrap_err();
    assert_eq!(error.code(), Code::PlatformNotFound, "{error}");
}

/// W-11: a list of referrers has the artifact type and the annotations of the manifest.
#[test]
fn referrers_follow_their_subjects_however_long_the_chain() {
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/amd64", "x").on("linux/amd64").note(REF_NAME, "old");
    let index = blobs.index(std::slice::from_ref(&image));
    let sbom = refers(&mut blobs, &image, "sbom");
    let signature = refers(&mut blobs, &sbom, "signature of the sbom");
    let on_index = refers(&mut blobs, &index, "signature of the index");
    assert_eq!(plan(&blobs, &index, Options::default()).manifests.len(), 2);
    let plan = plan(&blobs, &index, Options { referrers: true, ..Options::default() });
    let order = digests(&plan);
    let at = |descriptor: &Descriptor| order.iter().position(|digest| **digest == descriptor.digest).unwrap();
    assert!(at(&image) < at(&sbom) && at(&sbom) < at(&signature) && at(&index) < at(&on_index));
    let sbom = &plan.manifests[at(&sbom)];
    assert!(sbom.is_listed && sbom.tags.is_empty());
    assert_eq!(sbom.descriptor.artifact_type.as_ref().unwrap().as_str(), "a/signature");
    assert_eq!(sbom.descriptor.annotations.value("by"), Some("me"));
    assert_eq!(sbom.subject.as_ref().unwrap().digest, image.digest);
    let limits = Limits { index_depth: 1, ..Limits::default() };
    let options = Options { referrers: true, ..Options::default() };
    let error = run(&blobs, tagged(&index), options, &limits).unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { key: "index-depth", .. }), "{error}");
}

#[test]
fn referrers_of_an_index_that_is_trimmed_stay_behind_with_a_warning() {
    let mut blobs = Blobs::default();
    let (index, entries) = several(&mut blobs);
    let on_index = refers(&mut blobs, &index, "signature of the index");
    let on_image = refers(&mut blobs, &entries[0], "signature of the image");
    let wanted = Options { referrers: true, ..options(&["linux/amd64"]) };
    let plan = plan(&blobs, &index, wanted);
    assert!(!digests(&plan).contains(&&on_index.digest) && digests(&plan).contains(&&on_image.digest));
    let [warning] = plan.warnings.as_slice() else { panic!("{:?}", plan.warnings) };
    assert!(warning.contains(&index.digest.to_string()), "{warning}");
}

#[test]
fn what_is_only_said_to_refer_is_not_copied() {
    let mut blobs = Blobs::default();
    let image = blobs.image("linux/amd64", "x");
    let other = blobs.image("linux/amd64", "y");
    let options = Options { referrers: true, ..Options::default() };
    let mut copying = Copying::start(tagged(&image), options, &Limits::default(), &SoftwareHashes).unwrap();
    copying.supply(Some(&blobs.0[&image.digest]), &SoftwareHashes).unwrap();
    assert_eq!(copying.next(), Some(Need::Referrers(&image)));
    let gone = blobs.image("linux/amd64", "z");
    copying.supply_referrers(&[other.clone(), gone.clone()], &SoftwareHashes).unwrap();
    copying.supply(Some(&blobs.0[&other.digest]), &SoftwareHashes).unwrap();
    copying.supply(None, &SoftwareHashes).unwrap();
    let plan = copying.finish(&SoftwareHashes).unwrap();
    assert_eq!(digests(&plan), [&image.digest]);
    assert_eq!(plan.warnings.len(), 2, "{:?}", plan.warnings);
}

/// R-34.
#[test]
fn layers_that_may_not_be_distributed_are_skipped() {
    let mut blobs = Blobs::default();
    let config = blobs.add(MediaType::ImageConfig, b"{}");
    let foreign = blobs.add(MediaType::NonDistributableLayerGzip, b"windows");
    let image = blobs.manifest(config.clone(), std::slice::from_ref(&foreign), "");
    let plan = plan(&blobs, &image, Options::default());
    assert_eq!(plan.blobs, [config]);
    assert_eq!(plan.skipped, [Skipped { descriptor: foreign, reason: Reason::NonDistributable }]);
}

/// D-11.
#[test]
fn embedded_documents_are_not_asked_for() {
    let mut blobs = Blobs::default();
    let mut image = blobs.image("linux/amd64", "x");
    image.data = blobs.0.get(&image.digest).cloned();
    let (plan, asked) = run(&blobs, tagged(&image), Options::default(), &Limits::default()).unwrap();
    assert!(asked.is_empty() && plan.manifests[0].bytes == blobs.0[&image.digest]);
    image.data = Some(b"{}".to_vec());
    assert_eq!(run(&blobs, tagged(&image), Options::default(), &Limits::default()).unwrap().1, [image.digest]);
}

/// Y-10: a name may stand several times, once a platform.
#[test]
fn a_tag_of_several_manifests_needs_a_platform() {
    let mut blobs = Blobs::default();
    let images = ["linux/amd64", "linux/arm64"].map(|platform| blobs.image(platform, platform).on(platform));
    let roots: Vec<Root> = images.iter().flat_map(tagged).collect();
    let error = run(&blobs, roots.clone(), Options::default(), &Limits::default()).unwrap_err();
    assert_eq!(error.code(), Code::ReferenceNotFound, "{error}");
    let (plan, _) = run(&blobs, roots, options(&["linux/arm64"]), &Limits::default()).unwrap();
    assert_eq!((digests(&plan), plan.roots.len()), (vec![&images[1].digest], 1));
}

/// Rows 41 and 42: neither deep nor broad nesting, nor bytes that are not what was promised.
#[test]
fn limits_and_digests_hold() {
    let mut blobs = Blobs::default();
    let mut index = blobs.image("linux/amd64", "x");
    for _ in 0..10 {
        index = blobs.index(std::slice::from_ref(&index));
    }
    let error = run(&blobs, tagged(&index), Options::default(), &Limits::default()).unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { key: "index-depth", .. }), "{error}");
    let limits = Limits { index_entries: 3, index_depth: 20, ..Limits::default() };
    let error = run(&blobs, tagged(&index), Options::default(), &limits).unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { key: "index-entries", .. }), "{error}");
    let mut copying = Copying::start(tagged(&index), Options::default(), &Limits::default(), &SoftwareHashes).unwrap();
    let wrong = vec![b' '; usize::try_from(index.size).unwrap()];
    assert_eq!(copying.supply(Some(&wrong), &SoftwareHashes).unwrap_err().code(), Code::DigestMismatch);
    assert!(copying.next().is_some() && copying.finish(&SoftwareHashes).is_err());
}
