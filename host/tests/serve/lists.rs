//! Lists of tags and referrers, parts of blobs, conditions.

use crate::wire::{INDEX, MANIFEST, Running, artifact, sha256};
use portolan_image::layout::{Listing, Untagged};
use portolan_image::{Descriptor, MediaType};

fn put(server: &Running, reference: &str, content_type: &str, bytes: &[u8]) {
    server.send("PUT", &format!("/v2/a/manifests/{reference}"), &[("content-type", content_type)], bytes).is(201);
}

#[test]
fn w_03_tags_come_page_by_page() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    server.ask("GET", "/v2/a/tags/list").refuses(404, "NAME_UNKNOWN");
    let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
    for tag in ["c", "a", "_x", "B", "b"] {
        put(&server, tag, INDEX, index.as_bytes());
    }
    let (mut path, mut seen) = ("/v2/a/tags/list?n=2".to_owned(), Vec::new());
    loop {
        let page = server.ask("GET", &path).is(200);
        assert_eq!(page.header("content-type"), Some("application/json"));
        seen.extend(page.json()["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()));
        let Some(link) = page.header("link") else { break };
        path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert_eq!(seen, ["B", "_x", "a", "b", "c"]);
    server.ask("GET", "/v2/a/tags/list?n=x").is(400);
    let none = server.ask("GET", "/v2/a/tags/list?n=0").is(200);
    assert_eq!((none.json()["tags"].as_array().unwrap().len(), none.header("link")), (0, None));
}

#[test]
fn w_10_referrers_are_listed_filtered_and_gone_when_deleted() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let subject = sha256(b"subject");
    let path = format!("/v2/a/referrers/{subject}");
    let list = |query: &str| {
        let reply = server.ask("GET", &format!("{path}{query}")).is(200);
        assert_eq!(reply.header("content-type"), Some(INDEX));
        let filters = reply.header("oci-filters-applied").map(str::to_owned);
        (reply.json()["manifests"].as_array().unwrap().clone(), filters)
    };
    // Never 404, even before there is a repository.
    assert_eq!(list(""), (vec![], None));
    server.ask("GET", "/v2/a/referrers/sha256:x").refuses(400, "DIGEST_INVALID");
    let (first, second) = (artifact("a/sbom+json", &subject, "1"), artifact("a/signature", &subject, "2"));
    for bytes in [&first, &second] {
        put(&server, &sha256(bytes).to_string(), MANIFEST, bytes);
    }
    assert_eq!(list("").0.len(), 2);
    let (found, filters) = list("?artifactType=a/sbom%2Bjson");
    assert_eq!((found.len(), filters.as_deref()), (1, Some("artifactType")));
    // W-11.
    assert_eq!(
        (found[0]["artifactType"].as_str(), found[0]["annotations"]["note"].as_str()),
        (Some("a/sbom+json"), Some("1"))
    );
    assert_eq!(found[0]["digest"], sha256(&first).to_string());
    server.ask("DELETE", &format!("/v2/a/manifests/{}", sha256(&first))).is(202);
    assert_eq!(list("").0.len(), 1);
}

#[test]
fn w_18_referrers_that_lie_in_a_referrers_tag_are_listed_too() {
    let root = tempfile::tempdir().unwrap();
    let layout = root.path().join("a");
    std::fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    let write =
        |bytes: &[u8]| std::fs::write(layout.join("blobs/sha256").join(sha256(bytes).encoded()), bytes).unwrap();
    let subject = sha256(b"subject");
    let referrer = artifact("a/b", &subject, "n");
    let entry = Descriptor::new(MediaType::ImageManifest, sha256(&referrer), referrer.len() as u64);
    let entry = String::from_utf8(entry.to_value().to_bytes()).unwrap();
    let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{entry}]}}"#).into_bytes();
    write(&referrer);
    write(&index);
    let mut listing = Listing::default();
    let descriptor = Descriptor::new(MediaType::ImageIndex, sha256(&index), index.len() as u64);
    listing.set_tag(&portolan_registry::referrers::tag(&subject), &descriptor, Untagged::Keep);
    std::fs::write(layout.join("index.json"), listing.to_bytes()).unwrap();
    std::fs::write(layout.join("oci-layout"), portolan_image::Layout::bytes()).unwrap();
    let server = Running::root(root.path());
    let listed = server.ask("GET", &format!("/v2/a/referrers/{subject}")).is(200).json();
    assert_eq!(listed["manifests"][0]["digest"], sha256(&referrer).to_string());
}

#[test]
fn what_other_tools_write_is_served_and_what_they_wrote_stays() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let digest = server.push_image("a", "1", b"layer");
    let path = root.path().join("a/index.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut changed = text.replacen('{', r#"{"com.example.unknown":{"b":1,"a":2},"#, 1);
    changed = changed.replace(r#""1"}"#, r#""moved","k":"v"}"#);
    assert_ne!(text, changed);
    std::fs::write(root.path().join("a/new"), &changed).unwrap();
    std::fs::rename(root.path().join("a/new"), &path).unwrap();
    assert_eq!(server.ask("GET", "/v2/a/tags/list").json()["tags"], serde_json::json!(["moved"]));
    server.push_image("a", "2", b"other");
    let after = std::fs::read_to_string(&path).unwrap();
    assert!(after.starts_with(r#"{"com.example.unknown":{"b":1,"a":2},"#) && after.contains(r#""k":"v""#), "{after}");
    server.ask("GET", &format!("/v2/a/manifests/{digest}")).is(200);
}

#[test]
fn q_09_parts_of_blobs_are_sent() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 253) as u8).collect();
    let digest = server.push_blob("a", &bytes);
    let path = format!("/v2/a/blobs/{digest}");
    let part = |range: &str| server.send("GET", &path, &[("range", range)], b"");
    let found = part("bytes=700000-").is(206);
    assert_eq!(found.header("content-range"), Some("bytes 700000-999999/1000000"));
    assert_eq!(found.body, bytes[700_000..]);
    assert_eq!(part("bytes=-5").is(206).body, bytes[999_995..]);
    assert_eq!(part("bytes=1000000-").is(416).header("content-range"), Some("bytes */1000000"));
    assert_eq!(part("bytes=0-1,3-4").is(200).body, bytes);
    let tag = format!("\"{digest}\"");
    let conditional =
        |name: &str, value: &str| server.send("GET", &path, &[(name, value), ("range", "bytes=0-0")], b"");
    conditional("if-range", &tag).is(206);
    conditional("if-range", "\"other\"").is(200);
    assert!(conditional("if-none-match", &tag).is(304).body.is_empty());
}
