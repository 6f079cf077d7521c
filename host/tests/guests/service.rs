//! The inspecting service under `portolan run --http` and under another wasmtime.

use crate::http::Server;
use portolan_tests::image::{Algorithm, Builder, Layer, Layout};
use portolan_tests::{guests, tar};
use serde_json::Value;

#[test]
fn the_service_says_the_same_wherever_it_is_hosted() {
    let file = guests::service();
    let file = file.to_str().unwrap();
    let files = tar::Builder::new().dir("etc/").file("etc/motd", b"ahoy\n").whiteout("etc/issue").build();
    let layer = Layer::gzip(files.clone()).to_blob();
    let mut layout = Layout::new();
    let image = layout.image(Builder::new("linux/amd64").layer(Layer::gzip(files.clone())));
    let manifest = layout.bytes(image.digest()).unwrap().to_vec();
    let config = layout.document(image.digest())["config"]["digest"].as_str().unwrap().to_owned();
    let config = layout.bytes(&config).unwrap().to_vec();
    let mut answers = Vec::new();
    for server in [Server::start(&[], file), Server::theirs(file)] {
        let (status, shown) = server.ask_with("POST", "/document", &manifest);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((status, &shown["kind"]), (200, &"manifest".into()));
        assert_eq!(shown["digest"], Algorithm::Sha256.digest(&manifest));
        let (status, of_config) = server.ask_with("POST", "/document", &config);
        let of_config: Value = serde_json::from_str(&of_config).unwrap();
        assert_eq!((status, &of_config["platforms"][0]), (200, &"linux/amd64".into()));
        let (status, lines) = server.ask_with("POST", "/layer", &layer);
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((status, lines.len()), (200, 4));
        assert_eq!((&lines[1]["path"], &lines[1]["size"]), (&"etc/motd".into(), &5.into()));
        assert_eq!((&lines[2]["path"], &lines[2]["type"]), (&"etc/issue".into(), &"whiteout".into()));
        assert_eq!(lines[3]["digest"], Algorithm::Sha256.digest(&layer));
        assert_eq!(lines[3]["diffId"], Algorithm::Sha256.digest(&files));
        let (status, damaged) = server.ask_with("POST", "/layer", &layer[..layer.len() / 2]);
        let last: Value = serde_json::from_str(damaged.lines().last().unwrap()).unwrap();
        assert_eq!((status, &last["error"]["code"]), (200, &"invalid-compression".into()));
        let (status, wrong) = server.ask_with("POST", "/document", b"{}");
        let wrong: Value = serde_json::from_str(&wrong).unwrap();
        assert_eq!((status, &wrong["error"]["code"]), (422, &"invalid-document".into()));
        answers.push((shown, of_config, lines, damaged, wrong));
    }
    assert_eq!(answers[0], answers[1]);
}

/// What it fetches is fetched as far as its host lets it.
#[test]
fn the_service_fetches_where_it_may() {
    let directory = tempfile::tempdir().unwrap();
    Layout::single("1.0", Builder::new("linux/amd64")).write(&directory.path().join("images/app"));
    let root = directory.path().join("images");
    let registry = crate::forms::Registry::start(root.to_str().unwrap());
    let url = format!("http://{}/v2/app/manifests/1.0", registry.address);
    let file = guests::service();
    let file = file.to_str().unwrap();
    let closed = Server::start(&[], file);
    let (status, said) = closed.ask_with("GET", &format!("/document?url={url}"), b"");
    assert!(status == 502 && said.contains("HttpRequestDenied"), "{status} {said}");
    let open = Server::start(&["--allow-http", &registry.address], file);
    let (status, said) = open.ask_with("GET", &format!("/document?url={url}"), b"");
    assert!(status == 200 && said.starts_with(r#"{"kind":"manifest""#), "{status} {said}");
}
