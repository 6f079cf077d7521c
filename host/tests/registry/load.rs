//! Many clients at once at the program's own registry, and then everything is looked at.

use crate::credentials::Serve;
use crate::{portolan, wire};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CLIENTS: usize = 200;
const REPOSITORIES: usize = 10;

/// A connection that is kept, as clients keep theirs.
struct Connection {
    address: std::net::SocketAddr,
}

impl Connection {
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> wire::Reply {
        wire::ask(self.address, method, path, headers, body)
    }

    fn push_blob(&self, name: &str, bytes: &[u8]) -> String {
        let digest = wire::sha256(bytes).to_string();
        let begun = self.ask("POST", &format!("/v2/{name}/blobs/uploads/"), &[], b"").is(202);
        let location = begun.header("location").unwrap();
        let path = &location[location.find("/v2/").unwrap()..];
        let closing = if path.contains('?') { '&' } else { '?' };
        self.ask("PUT", &format!("{path}{closing}digest={digest}"), &[], bytes).is(201);
        digest
    }
}

/// `PORTOLAN_LOAD_SECONDS` is how long (default 5).
#[test]
fn two_hundred_clients_lose_nothing() {
    let seconds = std::env::var("PORTOLAN_LOAD_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    let server = Serve::start(&root, &[]);
    let address = server.address.parse().unwrap();
    let until = Instant::now() + Duration::from_secs(seconds);
    let (pushed, pulled) = (AtomicU64::new(0), AtomicU64::new(0));
    let tags: Vec<(String, String, String)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (pushed, pulled) = (&pushed, &pulled);
                scope.spawn(move || {
                    let connection = Connection { address };
                    let mut tags = Vec::new();
                    for round in 0.. {
                        if Instant::now() > until {
                            break;
                        }
                        let name = format!("team/r{}", (client + round) % REPOSITORIES);
                        // Tars of nothing, which differ by what follows their end.
                        let layer = [&[0; 10_240][..], format!("{client} {round}").as_bytes(), &[0; 20_000]].concat();
                        let layer_digest = connection.push_blob(&name, &layer);
                        let config = format!(
                            r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{layer_digest}"]}}}}"#
                        );
                        let config_digest = connection.push_blob(&name, config.as_bytes());
                        let manifest = wire::manifest(
                            &config_digest.parse().unwrap(),
                            config.len(),
                            &layer_digest.parse().unwrap(),
                            layer.len(),
                            "",
                        );
                        let digest = wire::sha256(&manifest).to_string();
                        let kind = [("content-type", wire::MANIFEST)];
                        let tag = format!("c{client}-{round}");
                        // One tag of its own, and one that everybody moves.
                        for tag in [tag.as_str(), "latest"] {
                            connection.ask("PUT", &format!("/v2/{name}/manifests/{tag}"), &kind, &manifest).is(201);
                        }
                        pushed.fetch_add(1, Ordering::Relaxed);
                        let got = connection.ask("GET", &format!("/v2/{name}/manifests/{tag}"), &[], b"").is(200);
                        assert_eq!(got.body, manifest);
                        let got = connection.ask("GET", &format!("/v2/{name}/blobs/{layer_digest}"), &[], b"").is(200);
                        assert_eq!(got.body, layer);
                        connection.ask("GET", &format!("/v2/{name}/manifests/latest"), &[], b"").is(200);
                        pulled.fetch_add(1, Ordering::Relaxed);
                        tags.push((name, tag, digest));
                    }
                    tags
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    server.stop();
    println!("{} images pushed and {} pulled in {seconds} s", pushed.into_inner(), pulled.into_inner());
    assert!(tags.len() >= CLIENTS, "{}", tags.len());
    for repository in 0..REPOSITORIES {
        let layout = root.join(format!("team/r{repository}"));
        portolan(&["verify", "--quiet", layout.to_str().unwrap()]).done();
        let index: serde_json::Value =
            serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
        let listed: std::collections::HashMap<&str, &str> = index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|entry| {
                let tag = entry["annotations"]["org.opencontainers.image.ref.name"].as_str()?;
                Some((tag, entry["digest"].as_str()?))
            })
            .collect();
        for (_, tag, digest) in tags.iter().filter(|(name, ..)| *name == format!("team/r{repository}")) {
            assert_eq!(listed.get(tag.as_str()), Some(&digest.as_str()), "{tag}");
        }
        assert!(listed.contains_key("latest"));
    }
}
