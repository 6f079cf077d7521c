//! Lists that do not end or are no lists, and bodies that never come.

use crate::proxy::{Fault, Proxy, first};
use crate::{LAYER, LAYER_BYTES, demo_registry, portolan, registries, repository, selector};
use portolan::registry::Options;
use std::io::Read as _;
use std::time::{Duration, Instant};

fn page(link: &str) -> Fault {
    let link = vec![("Link", format!("<{link}>; rel=\"next\"")), ("Content-Type", "application/json".to_owned())];
    Fault::Answer(200, link, br#"{"name":"demo","tags":["a"]}"#.to_vec())
}

/// Row 55, W-06.
#[test]
fn row_55_pages_that_loop_or_lead_elsewhere_are_no_list() {
    let scratch = tempfile::tempdir().unwrap();
    let server = demo_registry(scratch.path());
    let tags = |proxy: &Proxy| portolan(&["tags", &format!("{}/demo", proxy.address)]);
    let same = Proxy::new(server.address, |asked| page(&asked.path));
    tags(&same).failed("does not end");
    assert_eq!(same.records().len(), 1);
    let two = Proxy::new(server.address, |asked| {
        page(if asked.path.contains("last=a") { "/v2/demo/tags/list?last=b" } else { "/v2/demo/tags/list?last=a" })
    });
    tags(&two).failed("does not end");
    let other = Proxy::honest(server.address);
    let there = format!("http://{}/v2/demo/tags/list", other.address);
    let elsewhere = Proxy::new(server.address, move |_| page(&there));
    tags(&elsewhere).failed("the next page of a listing is at the same registry");
    assert_eq!(other.records().len(), 0);
    // Every page is a new one, for ever: the number of pages is bounded, which takes too long to see here; the list of
    // tags is what the registry says it is.
    let honest = Proxy::honest(server.address);
    assert_eq!(tags(&honest).done(), "1.0\n");
}

/// W-04, W-06: as many pages as it takes.
#[test]
fn w_06_more_tags_than_a_page_holds_are_all_listed() {
    let scratch = tempfile::tempdir().unwrap();
    let server = demo_registry(scratch.path());
    let file = scratch.path().join("demo/index.json");
    let mut index: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap();
    for n in 0..2_500 {
        let mut entry = entries[0].clone();
        entry["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": format!("t{n:04}") });
        entries.push(entry);
    }
    std::fs::write(&file, index.to_string()).unwrap();
    let proxy = Proxy::honest(server.address);
    let listed = portolan(&["tags", &format!("{}/demo", proxy.address)]).done();
    assert_eq!((listed.lines().count(), listed.lines().last()), (2_501, Some("t2499")));
    assert_eq!(proxy.count("GET", "/tags/list"), 3);
}

/// W-14: 200 and a page for people is what servers without the API say.
#[test]
fn w_14_a_page_in_html_is_no_list_of_referrers() {
    let scratch = tempfile::tempdir().unwrap();
    let server = demo_registry(scratch.path());
    let html = || {
        let page = b"<!doctype html><title>Welcome</title>".to_vec();
        Fault::Answer(200, vec![("Content-Type", "text/html; charset=utf-8".to_owned())], page)
    };
    let proxy = Proxy::new(server.address, move |asked| match asked.path.contains("/referrers/") {
        true => html(),
        false => Fault::None,
    });
    let run = portolan(&["referrers", "--json", &format!("{}/demo:1.0", proxy.address)]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    // The tag is where they would be.
    assert_eq!(proxy.count("GET", &format!("/manifests/{}", crate::IMAGE.replace(':', "-"))), 1);
    let broken = Proxy::new(server.address, |asked| match asked.path.contains("/referrers/") {
        true => {
            Fault::Answer(200, vec![("Content-Type", crate::wire::INDEX.to_owned())], b"{\"manifests\":7}".to_vec())
        }
        false => Fault::None,
    });
    portolan(&["referrers", &format!("{}/demo:1.0", broken.address)]).failed("error: ");
}

/// Row 55: a body that drips holds nobody for ever, however often it begins anew.
#[test]
fn row_55_a_body_that_drips_is_given_up() {
    let scratch = tempfile::tempdir().unwrap();
    let server = demo_registry(scratch.path());
    let proxy = Proxy::new(server.address, |asked| match asked.is("GET", LAYER) {
        true => Fault::Drip(1, Duration::from_millis(100)),
        false => Fault::None,
    });
    let options = Options { patience: Duration::from_millis(500), retries: 2, ..Options::default() };
    let registries = registries(options);
    let descriptor = crate::descriptor(LAYER, LAYER_BYTES);
    let started = Instant::now();
    let mut blob = registries.fetch(&repository(proxy.address, "demo"), &descriptor, 0).unwrap().unwrap();
    let mut bytes = Vec::new();
    let error = blob.read_to_end(&mut bytes).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(15), "{:?} {}", started.elapsed(), bytes.len());
    assert!(bytes.len() < 100, "{}", bytes.len());
    assert!(error.to_string().contains("breaks off"), "{error}");
    // Whoever says nothing at all is not waited for either.
    let silent = Proxy::new(server.address, |_| Fault::Delay(Duration::from_secs(20)));
    let started = Instant::now();
    registries.resolve(&repository(silent.address, "demo"), &selector("1.0")).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

/// A slow body is not one that drips.
#[test]
fn a_slow_body_is_waited_for() {
    let scratch = tempfile::tempdir().unwrap();
    let server = demo_registry(scratch.path());
    let script = first(|asked| asked.is("GET", LAYER), vec![Fault::Drip(400, Duration::from_millis(200))]);
    let proxy = Proxy::new(server.address, script);
    let registries = registries(Options { patience: Duration::from_millis(600), retries: 0, ..Options::default() });
    let descriptor = crate::descriptor(LAYER, LAYER_BYTES);
    let mut blob = registries.fetch(&repository(proxy.address, "demo"), &descriptor, 0).unwrap().unwrap();
    let mut bytes = Vec::new();
    blob.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), LAYER_BYTES);
}
