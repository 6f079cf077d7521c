//! Pushes through connections that break and registries that lie.

use crate::proxy::{Asked, Fault, Proxy, first};
use crate::{LAYER_BYTES, Run, demo_place, portolan, verify_demo, wire};
use portolan_tests::demo;
use std::path::PathBuf;

/// A push of the demo image through a proxy with this script.
struct Push {
    run: Run,
    proxy: Proxy,
    layout: PathBuf,
    _scratch: tempfile::TempDir,
}

fn push_with(options: &[&str], script: impl Fn(&Asked) -> Fault + Send + Sync + 'static) -> Push {
    let scratch = tempfile::tempdir().unwrap();
    let server = wire::Running::root(scratch.path());
    let proxy = Proxy::new(server.address, script);
    let to = format!("{}/demo:1.0", proxy.address);
    let run = portolan(&[&["copy", "--quiet", &demo_place(), to.as_str()], options].concat());
    Push { run, proxy, layout: scratch.path().join("demo"), _scratch: scratch }
}

fn push(script: impl Fn(&Asked) -> Fault + Send + Sync + 'static) -> Push {
    push_with(&[], script)
}

impl Push {
    #[track_caller]
    fn done(self) -> Proxy {
        self.run.done();
        verify_demo(&self.layout);
        self.proxy
    }

    #[track_caller]
    fn failed(self, with: &str) -> Proxy {
        self.run.failed(with);
        let listed = std::fs::read_to_string(self.layout.join("index.json")).unwrap_or_default();
        assert!(!listed.contains(demo::TAG), "{listed}");
        self.proxy
    }
}

/// The upload of the largest layer in one piece.
fn closing(asked: &Asked) -> bool {
    asked.is("PUT", "/blobs/uploads/") && asked.header("content-length") == Some(&LAYER_BYTES.to_string())
}

fn chunk(asked: &Asked) -> bool {
    asked.is("PATCH", "/blobs/uploads/")
}

fn begin(asked: &Asked) -> bool {
    asked.is("POST", "/blobs/uploads/")
}

fn status(asked: &Asked) -> bool {
    asked.is("GET", "/blobs/uploads/")
}

/// All that is uploaded when nothing goes wrong.
fn plain_bytes() -> usize {
    push(|_| Fault::None).done().up()
}

/// U-14: what the registry has is not sent again.
#[test]
fn u_14_an_upload_that_breaks_off_is_gone_on_with() {
    let plain = plain_bytes();
    for at in [0, 1, 1_500, LAYER_BYTES - 1] {
        let proxy = push(first(closing, vec![Fault::CutUpload(at)])).done();
        // U-15: one byte and none look the same, so the upload begins anew.
        let twice = usize::from(at == 1);
        assert_eq!(proxy.up(), plain + twice, "{at}");
        assert_eq!(proxy.records().iter().filter(|record| status(&record.asked)).count(), 1);
    }
    let proxy = push_with(&["--chunk-size", "800"], first(chunk, vec![Fault::None, Fault::CutUpload(100)])).done();
    assert_eq!(proxy.up(), plain);
}

#[test]
fn u_14_an_answer_that_is_lost_is_asked_for() {
    push(first(closing, vec![Fault::Lost])).done();
    push(first(begin, vec![Fault::Lost, Fault::Silence])).done();
    push_with(&["--chunk-size", "800"], first(chunk, vec![Fault::Lost, Fault::None, Fault::Lost])).done();
    push(first(|asked| asked.is("PUT", "/manifests/"), vec![Fault::Lost; 4])).done();
    push(first(|asked| asked.is("HEAD", "/blobs/"), vec![Fault::Lost; 4])).done();
}

/// U-13.
#[test]
fn u_13_a_chunk_out_of_order_is_sent_from_where_the_registry_is() {
    let refused = || Fault::Answer(416, vec![("Range", "0-0".to_owned())], vec![]);
    let proxy = push_with(&["--chunk-size", "800"], first(chunk, vec![refused(), Fault::None, refused()])).done();
    assert!(proxy.records().iter().filter(|record| status(&record.asked)).count() >= 2);
    push_with(
        &["--chunk-size", "800", "--retries", "1"],
        move |asked| if chunk(asked) { refused() } else { Fault::None },
    )
    .failed("416");
}

#[test]
fn u_01_a_session_that_is_forgotten_begins_anew_but_not_for_ever() {
    let gone = || Fault::Answer(404, vec![], br#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#.to_vec());
    push(first(closing, vec![gone()])).done();
    push_with(&["--chunk-size", "800"], first(chunk, vec![Fault::None, gone()])).done();
    push(first(move |asked| closing(asked) || status(asked), vec![Fault::CutUpload(1_500), gone()])).done();
    push(move |asked| if closing(asked) { gone() } else { Fault::None }).failed("BLOB_UPLOAD_UNKNOWN");
}

/// U-11, U-14: a registry that says that it has what it has not.
#[test]
fn u_14_lies_about_what_is_there_end_in_the_truth_or_in_an_error() {
    for range in ["0-8999999", "0-2345", "0-17", "banana", "0-18446744073709551615"] {
        let lie = Fault::Header("range", Some(range.to_owned()));
        let lies = vec![Fault::CutUpload(1_500), lie];
        let pushed = push_with(&["--retries", "1"], first(|asked| closing(asked) || status(asked), lies));
        match pushed.run.code {
            Some(0) => drop(pushed.done()),
            _ => drop(pushed.failed("error: ")),
        }
        let lie = Fault::Header("range", Some(range.to_owned()));
        let pushed = push_with(&["--chunk-size", "800", "--retries", "1"], first(chunk, vec![lie]));
        match pushed.run.code {
            Some(0) => drop(pushed.done()),
            _ => drop(pushed.failed("error: ")),
        }
    }
    // It never says that anything came.
    let stuck = push_with(&["--chunk-size", "800", "--retries", "1"], |asked| match chunk(asked) {
        true => Fault::Answer(202, vec![("Location", asked.path.clone()), ("Range", "0-0".to_owned())], vec![]),
        false => Fault::None,
    });
    stuck.failed("error: ");
}

#[test]
fn u_32_a_registry_that_says_another_digest_is_refused() {
    let other = || Fault::Header("docker-content-digest", Some(crate::IMAGE.replace('8', "9")));
    push(first(closing, vec![other()])).failed("it says sha256:");
    push(first(|asked| asked.is("PUT", "/manifests/"), vec![other()])).failed("it says sha256:");
}

#[test]
fn u_05_what_the_registry_got_otherwise_is_refused_by_it() {
    // The registry hears of another digest than that of the bytes.
    let refused = br#"{"errors":[{"code":"DIGEST_INVALID","message":"it is another"}]}"#;
    push(first(closing, vec![Fault::Answer(400, vec![], refused.to_vec())])).failed("DIGEST_INVALID: it is another");
}

/// Row 53, U-01.
#[test]
fn row_53_an_upload_on_another_port_gets_no_credentials() {
    let scratch = tempfile::tempdir().unwrap();
    let server = wire::Running::root(scratch.path());
    let other = Proxy::honest(server.address);
    let there = other.address;
    let upstream = server.address;
    let proxy = Proxy::new(server.address, move |asked| match asked.header("authorization") {
        None => Fault::Answer(401, vec![("WWW-Authenticate", "Basic realm=\"r\"".to_owned())], vec![]),
        Some(_) if begin(asked) => {
            // A session of the registry, at another address.
            let begun = wire::ask(upstream, "POST", &asked.path, &[], b"").is(202);
            let location = begun.header("location").unwrap().to_owned();
            let path = location.find("/v2/").map_or("", |at| &location[at..]);
            Fault::Answer(202, vec![("Location", format!("http://{there}{path}"))], vec![])
        }
        Some(_) => Fault::None,
    });
    let to = format!("{}/demo:1.0", proxy.address);
    let args = ["copy", "--quiet", "--username", "alice", "--password-stdin", &demo_place(), &to];
    crate::run(crate::command(args), "secret\n").done();
    verify_demo(&scratch.path().join("demo"));
    let elsewhere = other.records();
    assert!(elsewhere.len() > 5);
    assert!(elsewhere.iter().all(|record| record.asked.header("authorization").is_none()), "{elsewhere:?}");
    assert_eq!(proxy.up(), 0);
}
