//! Listing and deleting: section 18 of the requirements.

use super::script::{REGISTRY, Turn, digest, document, manifest, manifest_descriptor, on, play, repository};
use portolan_image::{Descriptor, Index, Limits, MediaType};
use portolan_registry::client::Reference;
use portolan_registry::referrers::tag as tag_of;
use portolan_registry::{Error, Outcome};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn page(tags: &str) -> Vec<u8> {
    format!(r#"{{"name":"app","tags":{tags}}}"#).into_bytes()
}

/// W-01, W-04 to W-06.
#[test]
fn tags_are_followed_from_page_to_page() {
    let mut play = play();
    let job = play.client.tags(&repository("app"));
    let run = play.run(
        job,
        [
            on("GET /v2/app/tags/list?n=1000")
                .bytes(page(r#"["a"]"#))
                .says("Link", "</v2/app/tags/list?last=a&n=1>; rel=\"next\""),
            on("GET /v2/app/tags/list?last=a&n=1").bytes(page("[]")).says("Link", "<list?last=b>; rel=next"),
            on("GET /v2/app/tags/list?last=b").bytes(page(r#"["a","c"]"#)),
        ],
    );
    assert_eq!(run.outcome, Ok(Outcome::Tags(vec!["a".into(), "c".into()])));
    let job = play.client.tags(&repository("app"));
    assert_eq!(
        play.run(job, [on("GET /v2/app/tags/list?n=1000").bytes(page("null"))]).outcome,
        Ok(Outcome::Tags(Vec::new()))
    );
}

/// Row 55.
#[test]
fn a_listing_ends_and_stays_where_it_is() {
    let mut play = play();
    let first = || on("GET /v2/app/tags/list?n=1000").bytes(page(r#"["a"]"#));
    let job = play.client.tags(&repository("app"));
    let error = play.run(job, [first().says("Link", "</v2/app/tags/list?n=1000>; rel=next")]).error();
    assert!(matches!(error, Error::InvalidResponse { .. }), "{error}");
    let job = play.client.tags(&repository("app"));
    let error = play.run(job, [first().says("Link", "<http://elsewhere.test/>; rel=next")]).error();
    assert!(matches!(error, Error::InsecureLocation { .. }), "{error}");
    for wrong in [&b"<html>"[..], br#"{"tags":"a"}"#, br#"{"tags":["../x"]}"#, br#"{"tags":[1]}"#] {
        let job = play.client.tags(&repository("app"));
        let error = play.run(job, [on("GET /v2/app/tags/list?n=1000").bytes(wrong)]).error();
        assert!(matches!(error, Error::InvalidResponse { .. }), "{error}");
    }
}

fn index(entries: &[Descriptor]) -> Vec<u8> {
    let entries: Vec<String> =
        entries.iter().map(|entry| String::from_utf8(entry.to_value().to_bytes()).unwrap()).collect();
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, entries.join(",")).into_bytes()
}

fn referrer(artifact_type: &str, subject: &Descriptor) -> (Vec<u8>, Descriptor) {
    let bytes = manifest(artifact_type, Some(subject));
    let mut descriptor = manifest_descriptor(&bytes);
    descriptor.artifact_type = Some(MediaType::parse(artifact_type).unwrap());
    (bytes, descriptor)
}

fn subject() -> Descriptor {
    manifest_descriptor(&manifest("a/subject", None))
}

/// W-10, W-12, W-13.
#[test]
fn referrers_are_filtered_by_whoever_says_so() {
    let subject = subject();
    let (one, two) = (referrer("a/one", &subject).1, referrer("a/two", &subject).1);
    let mut play = play();
    let url = format!("/v2/app/referrers/{}", subject.digest);
    let answer = |turn: Turn, entries: &[Descriptor]| turn.says("Content-Type", INDEX).bytes(index(entries));
    let job = play.client.referrers(&repository("app"), &subject.digest, None);
    let first = answer(on(&format!("GET {url}")), std::slice::from_ref(&one)).says("Link", "<?page=2>; rel=\"next\"");
    let run = play.run(job, [first, answer(on(&format!("GET {url}?page=2")), &[two.clone(), one.clone()])]);
    assert_eq!(run.outcome, Ok(Outcome::Referrers(vec![one.clone(), two.clone()])));
    let filtered = on(&format!("GET {url}?artifactType=a/one"));
    for (turn, expected) in [
        (answer(filtered.clone(), &[one.clone(), two.clone()]), vec![one.clone()]),
        // Who says that it filtered is believed.
        (
            answer(filtered, std::slice::from_ref(&two)).says("OCI-Filters-Applied", "x, artifactType"),
            vec![two.clone()],
        ),
    ] {
        let job = play.client.referrers(&repository("app"), &subject.digest, Some("a/one"));
        assert_eq!(play.run(job, [turn]).outcome, Ok(Outcome::Referrers(expected)));
    }
}

/// W-14.
#[test]
fn without_the_api_the_tag_is_read_and_what_is_no_index_counts_as_none() {
    let subject = subject();
    let (bytes, one) = referrer("a/one", &subject);
    let (other_bytes, two) = referrer("a/two", &subject);
    let mut play = play();
    let api = || on(&format!("GET /v2/app/referrers/{}", subject.digest)).status(404);
    let tag = || on(&format!("GET /v2/app/manifests/{}", tag_of(&subject.digest)));
    let list = || tag().says("Content-Type", INDEX).bytes(index(&[one.clone(), two.clone()]));
    for (turns, expected) in [
        (vec![api(), list()], vec![one.clone(), two.clone()]),
        (vec![api(), tag().status(404)], Vec::new()),
        (vec![api(), document(tag(), &bytes)], Vec::new()),
        // The front page of a server that answers everything.
        (vec![api().status(200).says("Content-Type", "text/html"), list()], vec![one.clone(), two.clone()]),
    ] {
        let job = play.client.referrers(&repository("app"), &subject.digest, None);
        assert_eq!(play.run(job, turns).outcome, Ok(Outcome::Referrers(expected)));
    }
    // What such a list says of types is known to be wrong.
    let get = |descriptor: &Descriptor| on(&format!("GET /v2/app/manifests/{}", descriptor.digest));
    let mut mistaken = one.clone();
    mistaken.artifact_type = Some(MediaType::parse("a/two").unwrap());
    let job = play.client.referrers(&repository("app"), &subject.digest, Some("a/one"));
    let filtered = on(&format!("GET /v2/app/referrers/{}?artifactType=a/one", subject.digest)).status(404);
    let list = tag().says("Content-Type", INDEX).bytes(index(&[mistaken, two.clone()]));
    let run = play.run(job, [filtered, list, document(get(&one), &bytes), document(get(&two), &other_bytes)]);
    assert_eq!(run.outcome, Ok(Outcome::Referrers(vec![one])));
}

/// W-20, W-21.
#[test]
fn what_is_deleted_is_accepted_missing_or_not_allowed() {
    let mut play = play();
    let tag = Reference::tag("v1").unwrap();
    let delete = || on("DELETE /v2/app/manifests/v1");
    let job = play.client.delete(&repository("app"), &tag);
    assert_eq!(play.run(job, [delete().status(202)]).outcome, Ok(Outcome::Done));
    let job = play.client.delete(&repository("app"), &tag);
    assert!(matches!(play.run(job, [delete().status(404)]).error(), Error::ManifestNotFound { .. }));
    let job = play.client.delete(&repository("app"), &tag);
    let error = play.run(job, [delete().status(405).bytes(br#"{"errors":[{"code":"UNSUPPORTED"}]}"#)]).error();
    assert!(error.to_string().contains("405 UNSUPPORTED; this registry may delete by digest alone"), "{error}");
    let blob = digest(b"abc");
    let job = play.client.delete_blob(&repository("app"), &blob);
    let error = play.run(job, [on(&format!("DELETE /v2/app/blobs/{blob}")).status(404)]).error();
    assert_eq!(error.to_string(), format!("blob {blob} is not in {REGISTRY}/app"));
}

/// W-17.
#[test]
fn a_deleted_referrer_leaves_the_referrers_tag() {
    let subject = subject();
    let (bytes, one) = referrer("a/one", &subject);
    let two = referrer("a/two", &subject).1;
    let mut play = play();
    let job = play.client.delete(&repository("app"), &Reference::Digest(one.digest.clone()));
    let tag = format!("/v2/app/manifests/{}", tag_of(&subject.digest));
    let after = index(std::slice::from_ref(&two));
    assert_eq!(Index::parse(&after, &Limits::default()).unwrap().manifests.len(), 1);
    let run = play.run(
        job,
        [
            document(on(&format!("GET /v2/app/manifests/{}", one.digest)), &bytes),
            on(&format!("DELETE /v2/app/manifests/{}", one.digest)).status(202),
            on(&format!("GET /v2/app/referrers/{}", subject.digest)).status(404),
            on(&format!("GET {tag}")).says("Content-Type", INDEX).bytes(index(&[one.clone(), two])),
            on(&format!("PUT {tag}")).with("Content-Type", INDEX).body(after).status(201),
        ],
    );
    assert_eq!(run.outcome, Ok(Outcome::Done));
}
