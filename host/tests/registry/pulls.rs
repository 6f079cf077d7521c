//! Pulls through connections that break and servers that lie: they come to the right end or to none.

use crate::proxy::{Asked, Fault, Proxy, first};
use crate::{IMAGE, LAYER, LAYER_BYTES, Run, demo_registry, portolan, verify_demo, verify_nothing};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A pull of the demo image through a proxy with this script.
struct Pull {
    run: Run,
    proxy: Proxy,
    layout: PathBuf,
    _scratch: tempfile::TempDir,
    took: Duration,
}

fn pull_with(options: &[&str], script: impl FnOnce(SocketAddr) -> Box<dyn Fn(&Asked) -> Fault + Send + Sync>) -> Pull {
    let scratch = tempfile::tempdir().unwrap();
    let server = demo_registry(&scratch.path().join("root"));
    let proxy = Proxy::new(server.address, script(server.address));
    let layout = scratch.path().join("layout");
    let (from, to) = (format!("{}/demo:1.0", proxy.address), format!("oci:{}:1.0", layout.display()));
    let started = Instant::now();
    let run = portolan(&[&["copy", "--quiet", from.as_str(), to.as_str()], options].concat());
    Pull { run, proxy, layout, _scratch: scratch, took: started.elapsed() }
}

fn pull(script: impl Fn(&Asked) -> Fault + Send + Sync + 'static) -> Pull {
    pull_with(&[], |_| Box::new(script))
}

impl Pull {
    #[track_caller]
    fn done(self) -> Proxy {
        self.run.done();
        verify_demo(&self.layout);
        self.proxy
    }

    #[track_caller]
    fn failed(self, with: &str) -> (Proxy, String) {
        let said = self.run.failed(with);
        verify_nothing(&self.layout);
        (self.proxy, said)
    }
}

fn layer(asked: &Asked) -> bool {
    asked.is("GET", LAYER)
}

fn image(asked: &Asked) -> bool {
    asked.is("GET", "/manifests/1.0")
}

/// what arrived is not fetched again.
#[test]
fn q_09_a_body_that_breaks_off_is_gone_on_with() {
    for at in [0, 1, 1_000, LAYER_BYTES - 1] {
        let proxy = pull(first(layer, vec![Fault::Cut(at)])).done();
        assert_eq!(proxy.down("GET", LAYER), LAYER_BYTES, "{at}");
        let records = proxy.records();
        let last = records.iter().rev().find(|record| layer(&record.asked)).unwrap();
        let wanted = (at > 0).then(|| format!("bytes={at}-"));
        assert_eq!(last.asked.header("range"), wanted.as_deref());
        assert_eq!(last.status, if at > 0 { 206 } else { 200 });
    }
    let proxy = pull(first(layer, vec![Fault::Cut(800), Fault::Cut(800), Fault::Head, Fault::Cut(800)])).done();
    assert_eq!(proxy.down("GET", LAYER), LAYER_BYTES);
}

/// A body that is whole by its own length and not by the descriptor's is asked for from there.
#[test]
fn u_05_a_body_with_a_length_of_its_own_is_gone_on_with_or_refused() {
    let proxy = pull(first(layer, vec![Fault::Short(1_500)])).done();
    assert_eq!(proxy.down("GET", LAYER), LAYER_BYTES);
    pull_with(&["--retries", "1"], |_| Box::new(|asked| if layer(asked) { Fault::Short(0) } else { Fault::None }))
        .failed("size mismatch");
}

#[test]
fn q_09_the_whole_instead_of_a_part_is_cut_to_the_part() {
    let proxy = pull(first(layer, vec![Fault::Cut(1_500), Fault::Whole])).done();
    assert_eq!(proxy.down("GET", LAYER), LAYER_BYTES + 1_500);
}

#[test]
fn q_09_another_part_than_was_asked_for_is_refused() {
    for range in [Some("bytes 0-3272/3273".to_owned()), Some("bytes 1499-3272/3273".to_owned()), None] {
        pull(first(layer, vec![Fault::Cut(1_500), Fault::Header("content-range", range)])).failed("bytes from 1500 on");
    }
    pull(first(layer, vec![Fault::Cut(1_500), Fault::Answer(416, vec![], vec![])])).failed("1500");
}

/// W-43.
#[test]
fn w_43_a_registry_that_is_busy_is_left_alone_for_as_long_as_it_says() {
    let busy = |seconds: &str| Fault::Answer(429, vec![("Retry-After", seconds.to_owned())], vec![]);
    let pulled = pull(first(layer, vec![busy("2")]));
    assert!(pulled.took > Duration::from_secs(2), "{:?}", pulled.took);
    pulled.done();
    let pulled = pull(first(image, vec![busy("86400")]));
    assert!(pulled.took < Duration::from_secs(2), "{:?}", pulled.took);
    pulled.failed("come back in 86400 s");
}

#[test]
fn answers_that_pass_are_waited_for_and_others_are_not() {
    let fails = |status| Fault::Answer(status, vec![], b"<html>".to_vec());
    for is_meant in [image, layer] {
        pull(first(is_meant, vec![fails(500), fails(502), fails(503)])).done();
        // A registry that has never answered is not asked as often as one that has.
        pull(first(is_meant, vec![Fault::Silence, Fault::Head])).done();
        pull(first(is_meant, vec![Fault::Lost, Fault::Delay(Duration::from_millis(300))])).done();
        let pulled = pull_with(&["--retries", "1"], |_| {
            Box::new(move |asked| if is_meant(asked) { fails(502) } else { Fault::None })
        });
        let (proxy, _) = pulled.failed("502");
        let asked = proxy.records().iter().filter(|record| is_meant(&record.asked)).count();
        assert_eq!(asked, 2);
        for status in [400, 403, 404, 410, 418] {
            let (proxy, said) = pull(first(is_meant, vec![fails(status); 9])).failed("error: ");
            let asked = proxy.records().iter().filter(|record| is_meant(&record.asked)).count();
            assert_eq!(asked, 1, "{status}: {said}");
        }
    }
}

///
#[test]
fn q_08_wrong_bytes_of_the_right_length_are_refused() {
    for is_meant in [layer, image] {
        pull(first(is_meant, vec![Fault::Flip(700)])).failed("digest mismatch");
    }
    pull(first(layer, vec![Fault::Cut(1_500), Fault::Flip(700)])).failed("digest mismatch");
}

///
#[test]
fn q_07_headers_that_contradict_the_manifest_are_refused() {
    let digest = IMAGE.replace('8', "9");
    pull(first(image, vec![Fault::Header("docker-content-digest", Some(digest))])).failed("digest mismatch");
    let manifest = "application/vnd.oci.image.manifest.v1+json".to_owned();
    pull(first(image, vec![Fault::Header("content-type", Some(manifest))])).failed("ambiguous document");
    let page = "text/html; charset=utf-8".to_owned();
    pull(first(image, vec![Fault::Header("content-type", Some(page))])).failed("error: ");
    // Those that say nothing are no contradiction.
    pull(first(image, vec![Fault::Header("content-type", None)])).done();
    pull(first(image, vec![Fault::Header("docker-content-digest", None)])).done();
    pull(first(image, vec![Fault::Header("content-type", Some("application/octet-stream".to_owned()))])).done();
    pull(first(layer, vec![Fault::Header("content-encoding", Some("gzip".to_owned()))])).failed("encoded as gzip");
}

/// Row 53: what proves who we are goes to the registry alone.
#[test]
fn row_53_a_redirect_takes_no_credentials_to_another_port() {
    let scratch = tempfile::tempdir().unwrap();
    let server = demo_registry(&scratch.path().join("root"));
    let other = Proxy::honest(server.address);
    let there = other.address;
    let proxy = Proxy::new(server.address, move |asked| match asked.header("authorization") {
        None => Fault::Answer(401, vec![("WWW-Authenticate", "Basic realm=\"r\"".to_owned())], vec![]),
        Some(_) if layer(asked) => {
            Fault::Answer(307, vec![("Location", format!("http://{there}{}", asked.path))], b"elsewhere".to_vec())
        }
        Some(_) => Fault::None,
    });
    let layout = scratch.path().join("layout");
    let (from, to) = (format!("{}/demo:1.0", proxy.address), format!("oci:{}:1.0", layout.display()));
    let args = ["copy", "--quiet", "--username", "alice", "--password-stdin", &from, &to];
    crate::run(crate::command(args), "secret\n").done();
    verify_demo(&layout);
    let elsewhere = other.records();
    assert_eq!(elsewhere.len(), 1);
    assert!(elsewhere.iter().all(|record| record.asked.header("authorization").is_none()), "{elsewhere:?}");
    assert!(elsewhere[0].asked.header("cookie").is_none() && elsewhere[0].asked.header("referer").is_none());
}

/// Row 55.
#[test]
fn row_55_redirects_come_to_an_end() {
    let pulled = pull(|asked| match layer(asked) {
        true => Fault::Answer(302, vec![("Location", format!("{}x", asked.path))], vec![]),
        false => Fault::None,
    });
    let (proxy, _) = pulled.failed("redirects more than 10 times");
    assert_eq!(proxy.count("GET", LAYER), 11);
    for location in ["file:///etc/passwd", "http://user:word@127.0.0.1/", "ftp://127.0.0.1/x", "http://"] {
        pull(first(layer, vec![Fault::Answer(302, vec![("Location", location.to_owned())], vec![])])).failed("error: ");
    }
}
