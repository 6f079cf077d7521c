//! Pulling: section 16 of the requirements, rows 53 and 55.

use super::script::{
    REGISTRY, Turn, blob, digest, document, manifest, manifest_descriptor, on, play, play_with, repository,
};
use portolan_image::{Algorithm, Descriptor};
use portolan_registry::client::{Mirror, Reference};
use portolan_registry::{Error, Options, Outcome};

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

fn tag(tag: &str) -> Reference {
    Reference::tag(tag).unwrap()
}

/// Q-01, Q-07, Q-08.
#[test]
fn a_manifest_by_tag_is_what_its_digest_says() {
    let bytes = manifest("a/b", None);
    let job = |play: &super::script::Play| play.client.resolve(&repository("app"), &tag("v1"));
    let get = || document(on("GET /v2/app/manifests/v1").with("Accept", ACCEPT), &bytes);
    let mut play = play();
    let run = play.run(job(&play), [get().says("Docker-Content-Digest", &digest(&bytes).to_string())]);
    let Ok(Outcome::Manifest(pulled)) = run.outcome else { panic!() };
    assert_eq!((pulled.descriptor.digest, pulled.bytes), (digest(&bytes), bytes.clone()));
    // Q-11: an old registry says nothing.
    let Ok(Outcome::Manifest(pulled)) = play.run(job(&play), [get()]).outcome else { panic!() };
    assert_eq!(pulled.descriptor.digest, digest(&bytes));
    // Q-06: the registry may know it by another algorithm.
    let sha512 =
        portolan_image::digest::digest_bytes(&portolan_image::digest::SoftwareHashes, &Algorithm::Sha512, &bytes);
    let sha512 = sha512.unwrap();
    let run = play.run(job(&play), [get().says("Docker-Content-Digest", &sha512.to_string())]);
    let Ok(Outcome::Manifest(pulled)) = run.outcome else { panic!() };
    assert_eq!(pulled.descriptor.digest, sha512);
    let error = play.run(job(&play), [get().says("Docker-Content-Digest", &digest(b"x").to_string())]).error();
    assert!(matches!(error, Error::Image(portolan_image::Error::DigestMismatch { .. })), "{error}");
}

#[test]
fn a_manifest_by_digest_is_verified_whatever_the_registry_says() {
    let bytes = manifest("a/b", None);
    let other = manifest("c/d", None);
    let mut play = play();
    let job = play.client.resolve(&repository("app"), &Reference::Digest(digest(&bytes)));
    let turn = document(on(&format!("GET /v2/app/manifests/{}", digest(&bytes))), &other);
    let error = play.run(job, [turn.says("Docker-Content-Digest", &digest(&bytes).to_string())]).error();
    assert!(matches!(
        error,
        Error::Image(portolan_image::Error::SizeMismatch { .. } | portolan_image::Error::DigestMismatch { .. })
    ));
}

/// Q-02, Q-03.
#[test]
fn the_content_type_must_agree_and_its_parameters_do_not_count() {
    let bytes = manifest("a/b", None);
    let mut play = play();
    let get =
        |content_type: &str| on("GET /v2/app/manifests/v1").says("Content-Type", content_type).bytes(bytes.clone());
    for fine in ["application/vnd.oci.image.manifest.v1+json; charset=utf-8", "application/octet-stream", "text/plain"]
    {
        let job = play.client.resolve(&repository("app"), &tag("v1"));
        assert!(play.run(job, [get(fine)]).outcome.is_ok(), "{fine}");
    }
    let job = play.client.resolve(&repository("app"), &tag("v1"));
    let error = play.run(job, [get("application/vnd.oci.image.index.v1+json")]).error();
    assert!(matches!(error, Error::Image(portolan_image::Error::AmbiguousDocument { .. })), "{error}");
}

#[test]
fn what_is_not_there_is_named() {
    let mut play = play();
    let job = play.client.resolve(&repository("app"), &tag("v1"));
    let error = play.run(job, [on("GET /v2/app/manifests/v1").status(404)]).error();
    assert_eq!(error.to_string(), format!("there is no {REGISTRY}/app:v1 at the registry"));
    let descriptor = blob(b"abc");
    let job = play.client.fetch(&repository("app"), &descriptor, 0);
    let turn = on(&format!("GET /v2/app/blobs/{}", descriptor.digest)).status(404);
    assert!(matches!(play.run(job, [turn]).error(), Error::BlobNotFound { .. }));
}

/// Q-10, Q-11.
#[test]
fn head_is_believed_where_it_says_all_and_asked_again_where_not() {
    let bytes = manifest("a/b", None);
    let mut play = play();
    let head = || on("HEAD /v2/app/manifests/v1").says("Content-Type", "application/vnd.oci.image.manifest.v1+json");
    let whole = |turn: Turn| {
        turn.says("Content-Length", &bytes.len().to_string()).says("Docker-Content-Digest", &digest(&bytes).to_string())
    };
    for turns in [
        vec![whole(head())],
        vec![head(), document(on("GET /v2/app/manifests/v1"), &bytes)],
        vec![head().status(405), document(on("GET /v2/app/manifests/v1"), &bytes)],
    ] {
        let job = play.client.stat(&repository("app"), &tag("v1"));
        let Ok(Outcome::Descriptor(Some(found))) = play.run(job, turns).outcome else { panic!() };
        assert_eq!((found.digest, found.size), (digest(&bytes), bytes.len() as u64));
    }
    let job = play.client.stat(&repository("app"), &tag("v1"));
    assert_eq!(play.run(job, [head().status(404)]).outcome, Ok(Outcome::Descriptor(None)));
}

fn fetch(descriptor: &Descriptor) -> Turn {
    on(&format!("GET /v2/app/blobs/{}", descriptor.digest))
}

/// Q-09.
#[test]
fn a_body_that_breaks_off_is_asked_for_from_there() {
    let bytes = b"0123456789";
    let descriptor = blob(bytes);
    let mut play = play();
    let job = play.client.fetch(&repository("app"), &descriptor, 0);
    let run = play.run(
        job,
        [
            fetch(&descriptor).without("Range").bytes(*bytes).cut(4),
            fetch(&descriptor)
                .with("Range", "bytes=4-")
                .status(206)
                .says("Content-Range", "bytes 4-9/10")
                .bytes(b"456789")
                .cut(1),
            // A registry that knows no ranges begins anew.
            fetch(&descriptor).with("Range", "bytes=5-").bytes(*bytes),
        ],
    );
    assert_eq!((run.outcome, run.delivered.as_slice()), (Ok(Outcome::Done), bytes.as_slice()));
    assert_eq!(run.waits.len(), 2);
}

#[test]
fn another_part_than_was_asked_for_is_refused() {
    let descriptor = blob(b"0123456789");
    let mut play = play();
    let job = play.client.fetch(&repository("app"), &descriptor, 4);
    let turn = fetch(&descriptor).with("Range", "bytes=4-").status(206).says("Content-Range", "bytes 0-9/10");
    assert!(matches!(play.run(job, [turn]).error(), Error::InvalidResponse { .. }));
}

#[test]
fn a_body_without_progress_is_given_up() {
    let descriptor = blob(b"0123456789");
    let mut play = play();
    let job = play.client.fetch(&repository("app"), &descriptor, 0);
    let error = play.run(job, vec![fetch(&descriptor).cut(0); 3]).error();
    assert!(error.to_string().ends_with("the body breaks off after 0 of 10 bytes"), "{error}");
    // One that is complete, and too short.
    let job = play.client.fetch(&repository("app"), &descriptor, 0);
    let short = fetch(&descriptor).bytes(b"012");
    let rest = fetch(&descriptor).with("Range", "bytes=3-").status(416);
    let error = play.run(job, [short, rest]).error();
    assert!(matches!(error, Error::Image(portolan_image::Error::SizeMismatch { actual: 3, .. })), "{error}");
}

/// Row 32.
#[test]
fn a_blob_that_is_encoded_on_the_way_is_no_blob() {
    let descriptor = blob(b"0123456789");
    let mut play = play();
    let job = play.client.fetch(&repository("app"), &descriptor, 0);
    let error = play.run(job, [fetch(&descriptor).says("Content-Encoding", "gzip")]).error();
    assert!(error.to_string().ends_with("encoded as gzip, which was not asked for"), "{error}");
}

/// A manifest that an index lists is where manifests are.
#[test]
fn the_media_type_says_where_to_ask() {
    let bytes = manifest("a/b", None);
    let descriptor = manifest_descriptor(&bytes);
    let mut play = play();
    let job = play.client.fetch(&repository("app"), &descriptor, 0);
    let turn = on(&format!("GET /v2/app/manifests/{}", descriptor.digest)).with("Accept", ACCEPT);
    assert_eq!(play.run(job, [document(turn, &bytes)]).delivered, bytes);
}

/// W-43, W-40, W-42.
#[test]
fn a_registry_that_asks_for_patience_gets_it_for_a_while() {
    let mut play = play();
    let ask = |play: &super::script::Play| play.client.ping(REGISTRY);
    let busy = |after: &str| on("GET /v2/").status(429).says("Retry-After", after);
    let run = play.run(
        ask(&play),
        [busy("3"), on("GET /v2/").status(503), on("GET /v2/").fails()].into_iter().take(2).chain([on("GET /v2/")]),
    );
    assert_eq!(run.outcome, Ok(Outcome::Done));
    assert!(run.waits[0] >= 3000 && run.waits[1] < 3000, "{:?}", run.waits);
    let date = busy("Sat, 21 Nov 2026 10:00:05 GMT").says("Date", "Sat, 21 Nov 2026 10:00:00 GMT");
    let run = play.run(ask(&play), [date, on("GET /v2/")]);
    assert!((5000..6000).contains(&run.waits[0]), "{:?}", run.waits);
    let error = play
        .run(
            ask(&play),
            [busy("3600").bytes(br#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow","detail":{"a":1}}]}"#)],
        )
        .error();
    assert!(error.to_string().ends_with("429 TOOMANYREQUESTS: slow; come back in 3600 s"), "{error}");
    let error = play.run(ask(&play), vec![on("GET /v2/").fails(); 3]).error();
    assert_eq!(error.to_string(), format!("GET http://{REGISTRY}/v2/ failed: connection reset"));
}

#[test]
fn two_clients_do_not_come_back_at_the_same_moment() {
    let waits = |seed: u64| {
        let mut play = play_with(Options { seed, retries: 4, ..Options::default() });
        // One that has never answered is given up sooner.
        let job = play.client.ping(REGISTRY);
        assert_eq!(play.run(job, vec![on("GET /v2/").fails(); 3]).waits.len(), 2);
        let job = play.client.ping(REGISTRY);
        play.run(job, [on("GET /v2/")]).outcome.unwrap();
        let job = play.client.ping(REGISTRY);
        play.run(job, vec![on("GET /v2/").fails(); 5]).waits
    };
    let (one, two) = (waits(1), waits(77));
    assert_ne!(one, two);
    assert!(one.windows(2).all(|pair| pair[1] * 4 > pair[0]), "{one:?}");
    assert!(one.iter().all(|wait| (125..20_000).contains(wait)), "{one:?}");
}

/// E-03, row 53.
#[test]
fn a_redirect_takes_no_credentials_to_another_origin() {
    let descriptor = blob(b"abc");
    let mut play = play();
    play.credentials = Some(super::auth::password());
    let job = play.client.fetch(&repository("app"), &descriptor, 0);
    let away = "http://localhost:6000/blob?signature=secret";
    let run = play.run(
        job,
        [
            fetch(&descriptor).status(401).says("WWW-Authenticate", "Basic realm=\"r\""),
            fetch(&descriptor).with("Authorization", super::auth::BASIC).status(307).says("Location", away),
            on(&format!("GET {away}")).without("Authorization").status(302).says("Location", "/again"),
            on("GET http://localhost:6000/again")
                .without("Authorization")
                .status(308)
                .says("Location", &format!("http://{REGISTRY}/home")),
            on("GET /home").with("Authorization", super::auth::BASIC).bytes(b"abc"),
        ],
    );
    assert_eq!(run.delivered, b"abc");
}

/// Row 55.
#[test]
fn redirects_end_and_never_leave_tls() {
    let mut play = play();
    let job = play.client.ping(REGISTRY);
    let error = play.run(job, vec![on("GET /v2/").status(302).says("Location", "/v2/"); 11]).error();
    assert!(error.to_string().ends_with("it redirects more than 10 times"), "{error}");
    let job = play.client.ping("r.example");
    let turn = on("GET https://r.example/v2/").status(302).says("Location", "http://r.example/v2/?token=secret");
    let error = play.run(job, [turn]).error();
    assert_eq!(error.to_string(), "the registry points to http://r.example/v2/: it leads from https to http");
}

/// W-30, W-32.
#[test]
fn mirrors_are_asked_first_and_the_registry_where_they_have_nothing() {
    let bytes = manifest("a/b", None);
    let mirror = |host: &str, is_proxy| Mirror { registry: "r.example".into(), host: host.into(), is_proxy };
    let mirrors = vec![mirror("localhost:1", true), mirror("localhost:2", false)];
    let mut play = play_with(Options { mirrors, retries: 0, ..Options::default() });
    let at = portolan_registry::Repository::new("r.example", "app").unwrap();
    let job = play.client.resolve(&at, &tag("v1"));
    let run = play.run(
        job,
        [
            on("GET http://localhost:1/v2/app/manifests/v1?ns=r.example").fails(),
            on("GET http://localhost:2/v2/app/manifests/v1").status(404),
            document(on("GET https://r.example/v2/app/manifests/v1"), &bytes),
        ],
    );
    assert!(matches!(run.outcome, Ok(Outcome::Manifest(_))));
    // A mirror that breaks off half-way has not done nothing.
    let descriptor = blob(b"0123456789");
    let job = play.client.fetch(&at, &descriptor, 0);
    let path = format!("/v2/app/blobs/{}", descriptor.digest);
    let run = play.run(
        job,
        [
            on(&format!("GET http://localhost:1{path}?ns=r.example")).bytes(b"0123456789").cut(3),
            on(&format!("GET http://localhost:1{path}?ns=r.example")).with("Range", "bytes=3-").status(500),
            on(&format!("GET http://localhost:2{path}"))
                .with("Range", "bytes=3-")
                .status(206)
                .says("Content-Range", "bytes 3-9/10")
                .bytes(b"3456789"),
        ],
    );
    assert_eq!(run.delivered, b"0123456789");
}

/// W-44, W-45.
#[test]
fn warnings_are_told_once() {
    let mut play = play();
    for _ in 0..2 {
        let job = play.client.ping(REGISTRY);
        let turn =
            on("GET /v2/").says("Warning", "299 - \"this \\\"app\\\" is old\"").says("Warning", "199 - \"not ours\"");
        play.run(job, [turn]).outcome.unwrap();
    }
    assert_eq!(play.client.take_warnings(), ["this \"app\" is old"]);
    assert!(play.client.take_warnings().is_empty());
}
