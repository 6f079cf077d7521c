//! Uploads, manifests and deletes, request by request.

use crate::wire::{INDEX, MANIFEST, Running, artifact, digest, manifest, request, sha256};
use portolan::store::Rules;
use std::io::Write as _;

#[test]
fn e_13_a_blob_goes_in_and_comes_out_of_a_repository_of_any_name() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    for name in ["a", "a/blobs", "a/blobs/sha256", "index.json", "blobs/uploads", "oci-layout/tags/list"] {
        let digest = server.push_blob(name, b"content");
        let path = format!("/v2/{name}/blobs/{digest}");
        let got = server.ask("GET", &path).is(200);
        assert_eq!(got.body, b"content");
        // Q-05, Q-10.
        let head = server.ask("HEAD", &path).is(200);
        for reply in [&got, &head] {
            assert_eq!(reply.header("docker-content-digest"), Some(digest.to_string().as_str()));
            assert_eq!(reply.header("content-length"), Some("7"));
        }
        assert!(head.body.is_empty());
    }
    let names = server.ask("GET", "/v2/_catalog").is(200).json();
    assert_eq!(names["repositories"].as_array().unwrap().len(), 6);
    assert!(root.path().join("a/_blobs/sha256/index.json").is_file());
    assert!(root.path().join("a/_blobs/index.json").is_file());
    assert!(root.path().join("a/index.json").is_file());
}

#[test]
fn u_13_chunks_come_in_order_and_the_upload_says_how_far_it_is() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let upload = server.ask("POST", "/v2/a/blobs/uploads/").is(202).header("location").unwrap().to_owned();
    let chunk = |range: &str, bytes: &[u8]| server.send("PATCH", &upload, &[("content-range", range)], bytes);
    let status = || server.ask("GET", &upload).is(204).header("range").unwrap().to_owned();
    assert_eq!(status(), "0-0");
    assert_eq!(chunk("0-999999", &bytes[..1_000_000]).is(202).header("range"), Some("0-999999"));
    // Out of order, twice the same, and not as long as it says.
    assert_eq!(
        chunk("2000000-2999999", &bytes[2_000_000..]).refuses(416, "BLOB_UPLOAD_INVALID").header("range"),
        Some("0-999999")
    );
    chunk("0-999999", &bytes[..1_000_000]).is(416);
    chunk("1000000-1000009", b"short").refuses(400, "SIZE_INVALID");
    chunk("x", b"short").is(400);
    assert_eq!(status(), "0-999999");
    chunk("1000000-1999999", &bytes[1_000_000..2_000_000]).is(202);
    // The closing PUT keeps to the order too.
    let close = format!("{upload}?digest={}", digest("sha512", &bytes));
    server.send("PUT", &close, &[("content-range", "0-4")], b"wrong").is(416);
    assert_eq!(status(), "0-1999999");
    // U-08: the algorithm shows up only now.
    let ended = server.send("PUT", &close, &[("content-range", "2000000-2999999")], &bytes[2_000_000..]).is(201);
    assert_eq!(server.ask("GET", ended.header("location").unwrap()).is(200).body, bytes);
    server.ask("GET", &upload).refuses(404, "BLOB_UPLOAD_UNKNOWN");
}

#[test]
fn u_18_a_stream_without_a_length_is_taken() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let upload = server.ask("POST", "/v2/a/blobs/uploads/?digest-algorithm=blake3").is(202);
    let upload = upload.header("location").unwrap();
    let head = format!("PATCH {upload} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
    let stream = [head.as_bytes(), b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"].concat();
    assert_eq!(crate::wire::raw(server.address, &stream).is(202).header("range"), Some("0-10"));
    let blake3 = digest("blake3", b"hello world");
    server.ask("PUT", &format!("{upload}?digest={blake3}")).is(201);
    assert_eq!(server.ask("GET", &format!("/v2/a/blobs/{blake3}")).body, b"hello world");
}

#[test]
fn u_14_a_body_that_breaks_off_leaves_what_came() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let upload = server.ask("POST", "/v2/a/blobs/uploads/").header("location").unwrap().to_owned();
    let whole = request("PATCH", &upload, &[], &[7; 1000]);
    let mut stream = crate::wire::connect(server.address);
    stream.write_all(&whole[..whole.len() - 400]).unwrap();
    drop(stream);
    for _ in 0..200 {
        if server.ask("GET", &upload).header("range") == Some("0-599") {
            let close = format!("{upload}?digest={}", sha256(&[7; 1000]));
            server.send("PUT", &close, &[("content-range", "600-999")], &[7; 400]).is(201);
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("what came is not there");
}

/// Row 38.
#[test]
fn u_06_a_wrong_digest_is_refused_and_nothing_stays() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let right = sha256(b"right");
    server.send("POST", &format!("/v2/a/blobs/uploads/?digest={right}"), &[], b"wrong").refuses(400, "DIGEST_INVALID");
    let upload = server.ask("POST", "/v2/a/blobs/uploads/").header("location").unwrap().to_owned();
    for bad in ["", "?digest=sha256:x", "?digest=md5:d41d8cd98f00b204e9800998ecf8427e", "?digest=sha256:../../x"] {
        server.send("PUT", &format!("{upload}{bad}"), &[], b"right").refuses(400, "DIGEST_INVALID");
    }
    server.send("PUT", &format!("{upload}?digest={right}"), &[], b"wrong").refuses(400, "DIGEST_INVALID");
    server.ask("GET", &format!("/v2/a/blobs/{right}")).refuses(404, "BLOB_UNKNOWN");
    server.ask("GET", &upload).is(404);
    server.ask("POST", "/v2/a/blobs/uploads/?digest-algorithm=md5").refuses(400, "DIGEST_INVALID");
    // U-04: right, it is there at once.
    server.send("POST", &format!("/v2/a/blobs/uploads/?digest={right}"), &[], b"right").is(201);
    assert_eq!(server.ask("GET", &format!("/v2/a/blobs/{right}")).body, b"right");
    assert_eq!(std::fs::read_dir(root.path().join("a/.portolan/uploads")).unwrap().count(), 0);
}

#[test]
fn u_17_an_upload_can_be_given_up() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let upload = server.ask("POST", "/v2/a/blobs/uploads/").header("location").unwrap().to_owned();
    server.ask("DELETE", &upload).is(204);
    for method in ["DELETE", "GET", "PATCH", "PUT"] {
        let path = format!("{upload}?digest={}", sha256(b""));
        server.ask(method, &path).refuses(404, "BLOB_UPLOAD_UNKNOWN");
    }
    for id in ["..", "%2e%2e", "x", "..%2findex.json", "index.json"] {
        server.ask("GET", &format!("/v2/a/blobs/uploads/{id}")).is(404);
    }
}

#[test]
fn u_19_a_blob_is_mounted_from_a_repository_or_from_anywhere() {
    use std::os::unix::fs::MetadataExt as _;
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let digest = server.push_blob("a", b"content");
    let mount = |name: &str, from: &str| server.ask("POST", &format!("/v2/{name}/blobs/uploads/?mount={digest}{from}"));
    let mounted = mount("b", "&from=a").is(201);
    assert_eq!(server.ask("GET", mounted.header("location").unwrap()).body, b"content");
    // U-20.
    mount("c", "").is(201);
    let linked = root.path().join("a/blobs/sha256").join(digest.encoded());
    assert_eq!(std::fs::metadata(linked).unwrap().nlink(), 3);
    assert!(mount("d", "&from=none").is(202).header("location").is_some());
    assert!(mount("d", "&from=../a").is(202).header("location").is_some());
    let other = sha256(b"other");
    server.ask("POST", &format!("/v2/b/blobs/uploads/?mount={other}&from=a")).is(202);
}

#[test]
fn u_31_a_manifest_is_kept_byte_for_byte_and_read_by_other_tools() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let digest = server.push_image("a", "1.0", b"layer");
    for reference in ["1.0".to_owned(), digest.to_string()] {
        let got = server.ask("GET", &format!("/v2/a/manifests/{reference}")).is(200);
        assert_eq!(sha256(&got.body), digest);
        assert_eq!(
            (got.header("content-type"), got.header("docker-content-digest")),
            (Some(MANIFEST), Some(digest.to_string().as_str()))
        );
        let length = got.body.len().to_string();
        let head = server.ask("HEAD", &format!("/v2/a/manifests/{reference}")).is(200);
        assert_eq!(head.header("content-length"), Some(length.as_str()));
    }
    let toolkit = portolan::Toolkit::shared().unwrap();
    let reference = format!("oci:{}:1.0", root.path().join("a").display());
    let opened = portolan::source::open(
        toolkit,
        &portolan::registry::Registries::new(toolkit, Default::default()),
        &portolan::reference::parse(toolkit, &reference).unwrap(),
    )
    .unwrap();
    let wanted = portolan::platform::wanted(&[]);
    let resolved = portolan::manifest::resolve(toolkit, opened.source.as_ref(), &opened.selector, wanted).unwrap();
    assert_eq!(resolved.descriptor.digest, digest.to_string());
}

/// Rows 40 and 41.
#[test]
fn u_30_manifests_that_break_a_rule_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let put = |path: &str, content_type: &str, body: &[u8]| {
        server.send("PUT", &format!("/v2/a/manifests/{path}"), &[("content-type", content_type)], body)
    };
    let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
    put("x", MANIFEST, index.as_bytes()).refuses(400, "MANIFEST_INVALID");
    put("x", "text/html", index.as_bytes()).refuses(400, "MANIFEST_INVALID");
    put("x", INDEX, b"{").refuses(400, "MANIFEST_INVALID");
    put("x", INDEX, br#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#).refuses(400, "MANIFEST_INVALID");
    put("x", INDEX, br#"{"schemaVersion":2,"manifests":[],"layers":[]}"#).refuses(400, "MANIFEST_INVALID");
    put(&sha256(b"other").to_string(), INDEX, index.as_bytes()).refuses(400, "DIGEST_INVALID");
    put("sha256:x", INDEX, index.as_bytes()).refuses(400, "DIGEST_INVALID");
    put(".x", INDEX, index.as_bytes()).refuses(400, "MANIFEST_INVALID");
    let large = format!(r#"{{"schemaVersion":2,"manifests":[],"x":"{}"}}"#, "x".repeat(4 << 20));
    // U-37, and 4 MiB are taken.
    put("x", INDEX, large.as_bytes()).refuses(413, "SIZE_INVALID");
    let fits = format!("{}{}", index, " ".repeat((4 << 20) - index.len()));
    put("x", INDEX, fits.as_bytes()).is(201);
    put("y", INDEX, index.as_bytes()).is(201);
}

#[test]
fn u_35_one_push_brings_many_tags() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
    let digest = digest("sha512", index.as_bytes());
    let tags: String = (0..12).map(|number| format!("tag=t{number:02}&")).collect();
    let path = format!("/v2/a/manifests/{digest}?{tags}");
    let put = server.send("PUT", &path, &[("content-type", INDEX)], index.as_bytes()).is(201);
    let told: Vec<&str> =
        put.headers.iter().filter(|(name, _)| name == "oci-tag").map(|(_, tag)| tag.as_str()).collect();
    assert_eq!((told.len(), told[11]), (12, "t11"));
    let got = server.ask("GET", "/v2/a/manifests/t07").is(200);
    assert_eq!(got.header("docker-content-digest"), Some(digest.to_string().as_str()));
    let many: String = (0..1001).map(|number| format!("tag=t{number}&")).collect();
    server
        .send("PUT", &format!("/v2/a/manifests/{digest}?{many}"), &[("content-type", INDEX)], index.as_bytes())
        .is(414);
    server
        .send("PUT", &format!("/v2/a/manifests/{digest}?tag=.x"), &[("content-type", INDEX)], index.as_bytes())
        .is(400);
}

#[test]
fn u_33_a_subject_need_not_exist_and_u_38_it_is_named() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let subject = sha256(b"not there");
    let put = server.send("PUT", "/v2/a/manifests/x", &[("content-type", MANIFEST)], &artifact("a/b", &subject, "n"));
    assert_eq!(put.is(201).header("oci-subject"), Some(subject.to_string().as_str()));
}

#[test]
fn u_34_a_complete_registry_takes_no_manifest_before_its_blobs() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::with(root.path(), Rules { complete: true, ..Rules::default() }, |builder| builder);
    let config = server.push_blob("a", b"{}");
    let bytes = manifest(&config, 2, &sha256(b"layer"), 5, "");
    let put = || server.send("PUT", "/v2/a/manifests/x", &[("content-type", MANIFEST)], &bytes);
    put().refuses(400, "MANIFEST_BLOB_UNKNOWN");
    server.push_blob("a", b"layer");
    put().is(201);
}

#[test]
fn w_21_deletes_take_a_tag_or_a_manifest_with_all_its_tags() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let digest = server.push_image("a", "1", b"layer");
    server.push_image("a", "2", b"layer");
    server.ask("DELETE", "/v2/a/manifests/1").is(202);
    server.ask("GET", "/v2/a/manifests/1").refuses(404, "MANIFEST_UNKNOWN");
    server.ask("DELETE", "/v2/a/manifests/1").refuses(404, "MANIFEST_UNKNOWN");
    server.ask("GET", "/v2/a/manifests/2").is(200);
    server.ask("DELETE", "/v2/a/manifests/2").is(202);
    let path = format!("/v2/a/manifests/{digest}");
    server.ask("GET", &path).is(200);
    server.push_image("a", "3", b"layer");
    // A manifest is no blob to be deleted.
    server.ask("DELETE", &format!("/v2/a/blobs/{digest}")).is(405);
    server.ask("DELETE", &path).is(202);
    for gone in [path.as_str(), "/v2/a/manifests/3"] {
        server.ask("GET", gone).refuses(404, "MANIFEST_UNKNOWN");
    }
    server.ask("DELETE", &path).refuses(404, "MANIFEST_UNKNOWN");
    let blob = format!("/v2/a/blobs/{}", sha256(b"layer"));
    server.ask("DELETE", &blob).is(202);
    server.ask("DELETE", &blob).refuses(404, "BLOB_UNKNOWN");
    server.ask("GET", &blob).refuses(404, "BLOB_UNKNOWN");
    server.ask("DELETE", "/v2/none/manifests/x").refuses(404, "NAME_UNKNOWN");
}

#[test]
fn a_push_may_depend_on_what_is_there() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let index = |note: u8| {
        format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[],"annotations":{{"n":"{note}"}}}}"#)
    };
    let put = |note: u8, condition: (&str, &str)| {
        server.send("PUT", "/v2/a/manifests/x", &[("content-type", INDEX), condition], index(note).as_bytes())
    };
    let tag = |note: u8| format!("\"{}\"", sha256(index(note).as_bytes()));
    put(1, ("if-match", &tag(1))).is(412);
    put(1, ("if-none-match", "*")).is(201);
    put(2, ("if-none-match", "*")).is(412);
    put(2, ("if-match", &tag(2))).is(412);
    put(2, ("if-match", &tag(1))).is(201);
    assert_eq!(server.ask("HEAD", "/v2/a/manifests/x").header("etag"), Some(tag(2).as_str()));
}
