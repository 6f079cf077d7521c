//! Pushing: section 17 of the requirements.

use super::script::{Turn, blob, digest, document, manifest, manifest_descriptor, on, play, repository};
use portolan_image::digest::{SoftwareHashes, digest_bytes};
use portolan_image::{Algorithm, Descriptor, MediaType};
use portolan_registry::client::{BlobPush, How, ManifestPush, Pushed};
use portolan_registry::referrers::tag as tag_of;
use portolan_registry::{Error, Outcome};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const BYTES: &[u8] = b"0123456789";

fn pushed(how: How) -> Result<Outcome, Error> {
    Ok(Outcome::Pushed(Pushed { how, digest: digest(BYTES) }))
}

fn head() -> Turn {
    on(&format!("HEAD /v2/app/blobs/{}", digest(BYTES)))
}

fn begin() -> Turn {
    on("POST /v2/app/blobs/uploads/").status(202).says("Location", "/up/1?state=a%3D")
}

fn close(url: &str) -> Turn {
    on(&format!("PUT {url}&digest={}", digest(BYTES)))
}

fn push(chunk: Option<u64>, turns: impl IntoIterator<Item = Turn>) -> super::script::Run {
    let mut play = play();
    let push = BlobPush { chunk, ..BlobPush::of(blob(BYTES)) };
    let job = play.client.push_blob(&repository("app"), push);
    play.run(job, turns)
}

#[test]
fn what_is_there_is_not_sent() {
    assert_eq!(push(None, [head().says("Content-Length", "10")]).outcome, pushed(How::Present));
    // Something of another length is not what was meant.
    let turns = [head().says("Content-Length", "9"), begin(), close("/up/1?state=a%3D").status(201)];
    assert_eq!(push(None, turns).outcome, pushed(How::Uploaded));
}

/// U-01 to U-05, U-07.
#[test]
fn in_one_piece() {
    let close = close("/up/1?state=a%3D")
        .body("0+10")
        .without("Content-Range")
        .with("Content-Type", "application/octet-stream");
    assert_eq!(push(None, [head().status(404), begin().body(""), close.status(201)]).outcome, pushed(How::Uploaded));
}

/// U-09 to U-12, U-16.
#[test]
fn in_chunks_of_at_least_what_the_registry_wants() {
    let begin = begin().says("OCI-Chunk-Min-Length", "4");
    let turns = [
        head().status(404),
        begin,
        on("PATCH /up/1?state=a%3D")
            .with("Content-Range", "0-3")
            .body("0+4")
            .status(202)
            .says("Location", "2?s=2")
            .says("Range", "0-3"),
        on("PATCH /up/2?s=2")
            .with("Content-Range", "4-7")
            .body("4+4")
            .status(202)
            .says("Location", "/up/3?s=3")
            .says("Range", "0-7"),
        close("/up/3?s=3").with("Content-Range", "8-9").body("8+2").status(201),
    ];
    assert_eq!(push(Some(1), turns).outcome, pushed(How::Uploaded));
}

/// U-13, U-14, U-15.
#[test]
fn an_upload_that_breaks_goes_on_from_what_the_registry_has() {
    let status =
        |range: &str| on("GET /up/1?state=a%3D").status(204).says("Location", "/up/2?s=2").says("Range", range);
    let turns = [
        head().status(404),
        begin(),
        close("/up/1?state=a%3D").body("0+10").fails(),
        status("0-5"),
        close("/up/2?s=2").with("Content-Range", "6-9").body("6+4").status(201),
    ];
    assert_eq!(push(None, turns).outcome, pushed(How::Uploaded));
    // Nothing came: 0-0 says so before the first byte was acknowledged.
    let turns = [
        head().status(404),
        begin(),
        on("PATCH /up/1?state=a%3D").with("Content-Range", "0-4").status(416),
        status("0-0"),
        on("PATCH /up/2?s=2")
            .with("Content-Range", "0-4")
            .status(202)
            .says("Location", "/up/3?s=3")
            .says("Range", "0-4"),
        close("/up/3?s=3").with("Content-Range", "5-9").status(201),
    ];
    assert_eq!(push(Some(5), turns).outcome, pushed(How::Uploaded));
}

/// U-17.
#[test]
fn an_upload_that_is_given_up_is_cancelled() {
    let refused =
        close("/up/1?state=a%3D").status(400).bytes(br#"{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}"#);
    let run = push(None, [head().status(404), begin(), refused, on("DELETE /up/1?state=a%3D").status(404)]);
    let error = run.error();
    assert!(error.to_string().ends_with("was refused: 400 DIGEST_INVALID: no"), "{error}");
}

#[test]
fn a_session_that_the_registry_forgot_is_begun_anew() {
    let lost = close("/up/1?state=a%3D").status(404);
    let turns = [head().status(404), begin(), lost.clone(), begin(), close("/up/1?state=a%3D").status(201)];
    assert_eq!(push(None, turns).outcome, pushed(How::Uploaded));
    let turns = [head().status(404), begin(), lost.clone(), begin(), lost.clone(), begin(), lost];
    assert!(matches!(push(None, turns).error(), Error::Refused { .. }));
}

/// A registry that takes chunks and never has more must not keep us.
#[test]
fn an_upload_without_progress_ends() {
    let patch = || on("PATCH /up/1?state=a%3D").status(202).says("Range", "0-0");
    let turns = [head().status(404), begin(), patch(), patch(), patch(), on("DELETE /up/1?state=a%3D").status(204)];
    assert!(matches!(push(Some(5), turns).error(), Error::InvalidResponse { .. }));
    let too_much = on("PATCH /up/1?state=a%3D").status(202).says("Range", "0-99");
    let turns = [head().status(404), begin(), too_much, on("DELETE /up/1?state=a%3D").status(204)];
    assert!(matches!(push(Some(5), turns).error(), Error::InvalidResponse { .. }));
}

/// U-19: what cannot be mounted is uploaded.
#[test]
fn a_mount_that_is_not_done_is_an_upload() {
    let mut play = play();
    let push = BlobPush { mount_from: vec![repository("base")], ..BlobPush::of(blob(BYTES)) };
    let mount = || on(&format!("POST /v2/app/blobs/uploads/?mount={}&from=base", digest(BYTES)));
    let job = play.client.push_blob(&repository("app"), push.clone());
    let run = play.run(
        job,
        [head().status(404), mount().status(202).says("Location", "/up/1?s="), close("/up/1?s=").status(201)],
    );
    assert_eq!(run.outcome, pushed(How::Uploaded));
    // One who may not read there, and one who has no mounts.
    for status in [403, 404, 405] {
        let job = play.client.push_blob(&repository("app"), push.clone());
        let turns = [head().status(404), mount().status(status), begin(), close("/up/1?state=a%3D").status(201)];
        assert_eq!(play.run(job, turns).outcome, pushed(How::Uploaded), "{status}");
    }
}

/// U-08, U-32.
#[test]
fn another_algorithm_is_announced_and_a_wrong_digest_of_the_answer_refused() {
    let sha512 = digest_bytes(&SoftwareHashes, &Algorithm::Sha512, BYTES).unwrap();
    let descriptor = Descriptor::new(MediaType::Empty, sha512.clone(), 10);
    let mut play = play();
    let turns = |said: &str| {
        [
            on(&format!("HEAD /v2/app/blobs/{sha512}")).status(404),
            on("POST /v2/app/blobs/uploads/?digest-algorithm=sha512").status(202).says("Location", "/up/1"),
            on(&format!("PUT /up/1?digest={sha512}")).status(201).says("Docker-Content-Digest", said),
        ]
    };
    let job = play.client.push_blob(&repository("app"), BlobPush::of(descriptor.clone()));
    assert!(play.run(job, turns(&digest(BYTES).to_string())).outcome.is_ok());
    let other = digest_bytes(&SoftwareHashes, &Algorithm::Sha512, b"x").unwrap();
    let job = play.client.push_blob(&repository("app"), BlobPush::of(descriptor));
    let cancel = on("DELETE /up/1").status(404);
    let error = play.run(job, turns(&other.to_string()).into_iter().chain([cancel])).error();
    assert!(matches!(error, Error::InvalidResponse { .. }), "{error}");
}

/// U-18.
#[test]
fn a_stream_is_closed_with_the_digest_that_it_had() {
    let mut play = play();
    let job = play.client.push_blob(&repository("app"), BlobPush::stream());
    let run = play.run(
        job,
        [
            begin(),
            on("PATCH /up/1?state=a%3D")
                .without("Content-Range")
                .body("stream")
                .status(202)
                .says("Location", "/up/2?s=2"),
            on(&format!("PUT /up/2?s=2&digest={}", digest(b"stream"))).body("").status(201),
        ],
    );
    assert_eq!(run.outcome, Ok(Outcome::Pushed(Pushed { how: How::Uploaded, digest: digest(b"stream") })));
}

fn push_manifest(
    bytes: &[u8],
    descriptor: Descriptor,
    tags: &[&str],
    turns: impl IntoIterator<Item = Turn>,
) -> super::script::Run {
    let mut play = play();
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let job =
        play.client.push_manifest(&repository("app"), ManifestPush::of(descriptor, bytes.to_vec()).with_tags(tags));
    play.run(job, turns)
}

/// U-30 to U-32.
#[test]
fn a_manifest_goes_to_its_tag_or_to_its_digest() {
    let bytes = manifest("a/b", None);
    let descriptor = manifest_descriptor(&bytes);
    let media_type = MediaType::ImageManifest.as_str();
    let put = |reference: &str| {
        on(&format!("PUT /v2/app/manifests/{reference}"))
            .with("Content-Type", media_type)
            .body(bytes.clone())
            .status(201)
    };
    let digest = descriptor.digest.to_string();
    let run = push_manifest(&bytes, descriptor.clone(), &[], [put(&digest).says("Docker-Content-Digest", &digest)]);
    assert_eq!(run.outcome, Ok(Outcome::Done));
    assert_eq!(push_manifest(&bytes, descriptor.clone(), &["v1"], [put("v1")]).outcome, Ok(Outcome::Done));
    let lie = put("v1").says("Docker-Content-Digest", &super::script::digest(b"x").to_string());
    assert!(matches!(push_manifest(&bytes, descriptor.clone(), &["v1"], [lie]).error(), Error::InvalidResponse { .. }));
    // What is not what it says is not sent at all.
    assert!(push_manifest(b"{}", descriptor.clone(), &["v1"], []).outcome.is_err());
    assert!(push_manifest(&bytes, descriptor, &["no tag"], []).outcome.is_err());
}

/// U-35, U-36.
#[test]
fn several_tags_ride_on_one_request_where_the_registry_takes_them() {
    let bytes = manifest("a/b", None);
    let descriptor = manifest_descriptor(&bytes);
    let put = |reference: &str| on(&format!("PUT /v2/app/manifests/{reference}")).status(201);
    let both = format!("{}?tag=v1&tag=v2", descriptor.digest);
    for turns in [
        vec![put(&both).says("OCI-Tag", "v1, v2")],
        vec![put(&both).says("OCI-Tag", "v1"), put("v2")],
        vec![put(&both), put("v1"), put("v2")],
        vec![put(&both).status(414), put(&descriptor.digest.to_string()), put("v1"), put("v2")],
    ] {
        assert_eq!(push_manifest(&bytes, descriptor.clone(), &["v1", "v2"], turns).outcome, Ok(Outcome::Done));
    }
    let sha512 = digest_bytes(&SoftwareHashes, &Algorithm::Sha512, &bytes).unwrap();
    let descriptor = Descriptor::new(MediaType::ImageManifest, sha512.clone(), bytes.len() as u64);
    let one = put(&format!("{sha512}?tag=v1"));
    assert_eq!(
        push_manifest(&bytes, descriptor.clone(), &["v1"], [one.clone().says("OCI-Tag", "v1")]).outcome,
        Ok(Outcome::Done)
    );
    assert!(matches!(push_manifest(&bytes, descriptor, &["v1"], [one]).error(), Error::Refused { .. }));
}

/// U-38, U-39, W-16.
#[test]
fn a_subject_that_the_registry_does_not_know_is_listed_by_us() {
    let subject = manifest_descriptor(&manifest("a/subject", None));
    let bytes = manifest("a/signature", Some(&subject));
    let mut descriptor = manifest_descriptor(&bytes);
    let put = || on(&format!("PUT /v2/app/manifests/{}", digest(&bytes))).status(201);
    let known = put().says("OCI-Subject", &subject.digest.to_string());
    assert_eq!(push_manifest(&bytes, descriptor.clone(), &[], [known]).outcome, Ok(Outcome::Done));

    descriptor.artifact_type = Some(MediaType::parse("a/signature").unwrap());
    let entry = String::from_utf8(descriptor.to_value().to_bytes()).unwrap();
    let list =
        |entries: &str| format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{entries}]}}"#).into_bytes();
    let tag = format!("/v2/app/manifests/{}", tag_of(&subject.digest));
    let get = || on(&format!("GET {tag}"));
    let update = |body: &[u8]| on(&format!("PUT {tag}")).with("Content-Type", INDEX).body(body).status(201);
    let push = |turns: Vec<Turn>| push_manifest(&bytes, manifest_descriptor(&bytes), &[], turns).outcome;
    let other = String::from_utf8(subject.to_value().to_bytes()).unwrap();
    let (fresh, longer) = (list(&entry), list(&format!("{other},{entry}")));
    let old = list(&other);
    let listed = |body: &[u8]| get().says("Content-Type", INDEX).bytes(body);
    for turns in [
        vec![put(), get().status(404), update(&fresh).with("If-None-Match", "*")],
        vec![put(), listed(&old), update(&longer).with("If-Match", &format!("\"{}\"", digest(&old)))],
        vec![put(), listed(&longer)],
        // Somebody else was faster.
        vec![put(), get().status(404), update(&fresh).status(412), listed(&old), update(&longer)],
    ] {
        assert_eq!(push(turns), Ok(Outcome::Done));
    }
    let occupied = push(vec![put(), document(get(), &manifest("a/b", None))]);
    assert!(matches!(occupied, Err(Error::Image(_))), "{occupied:?}");
}
