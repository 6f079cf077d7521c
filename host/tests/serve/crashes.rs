//! What outlives a restart and a crash, and what many at once do to each other.

use crate::wire::{MANIFEST, Running, ask, manifest, sha256};
use portolan::store::{Place, Rules, Store};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[test]
fn an_upload_goes_on_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    let upload = server.ask("POST", "/v2/a/blobs/uploads/").is(202).header("location").unwrap().to_owned();
    server.send("PATCH", &upload, &[("content-range", "0-4")], b"hello").is(202);
    drop(server);
    let server = Running::root(root.path());
    assert_eq!(server.ask("GET", &upload).is(204).header("range"), Some("0-4"));
    let close = format!("{upload}?digest={}", sha256(b"hello world"));
    let ended = server.send("PUT", &close, &[("content-range", "5-10")], b" world").is(201);
    assert_eq!(server.ask("GET", ended.header("location").unwrap()).body, b"hello world");
}

#[test]
fn sixty_four_pushers_to_one_repository_lose_nothing() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    std::thread::scope(|scope| {
        for number in 0..64 {
            let server = &server;
            scope.spawn(move || {
                for round in 0..3 {
                    server.push_image("a", &format!("t{number}-{round}"), format!("{number} {round}").as_bytes());
                    server.push_image("a", "same", format!("{number} {round}").as_bytes());
                }
            });
        }
    });
    let tags = server.ask("GET", "/v2/a/tags/list").json();
    assert_eq!(tags["tags"].as_array().unwrap().len(), 64 * 3 + 1);
    drop(server);
    assert_eq!(check(root.path()), 64 * 3 + 1);
}

/// Every tag of the repository `a` leads to a manifest whose blobs are there and right; how many tags.
fn check(root: &Path) -> usize {
    let store = Store::open(vec![Place::Root(root.to_owned())], Rules { read_only: true, ..Rules::default() }).unwrap();
    let repository = store.find("a").unwrap();
    let state = repository.state().unwrap();
    for tag in state.tags() {
        let manifest = state.manifest(state.tag(tag).unwrap()).unwrap();
        for digest in std::iter::once(&manifest.digest).chain(&manifest.blobs) {
            let path = root.join("a/blobs/sha256").join(digest.encoded());
            assert_eq!(sha256(&std::fs::read(path).unwrap()), *digest, "{tag}");
        }
    }
    state.tags().count()
}

fn spawn(root: &Path, options: &[&str]) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portolan"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(options)
        .arg(root)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line}")).parse().unwrap();
    (child, address)
}

/// A push that may fail because the server is gone; whether it was acknowledged.
fn try_push(address: SocketAddr, tag: &str, content: &[u8]) -> bool {
    let push = || {
        for bytes in [content, b"{}"] {
            let path = format!("/v2/a/blobs/uploads/?digest={}", sha256(bytes));
            if try_ask(address, "POST", &path, &[], bytes)? != 201 {
                return None;
            }
        }
        let manifest = manifest(&sha256(b"{}"), 2, &sha256(content), content.len(), "");
        try_ask(address, "PUT", &format!("/v2/a/manifests/{tag}"), &[("content-type", MANIFEST)], &manifest)
    };
    push() == Some(201)
}

fn try_ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<u16> {
    use std::io::Write as _;
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream.write_all(&crate::wire::request(method, path, headers, body)).ok()?;
    crate::wire::read(&mut stream).map(|reply| reply.status)
}

#[test]
fn what_was_acknowledged_is_whole_after_kill_9() {
    let root = tempfile::tempdir().unwrap();
    let acknowledged = AtomicU64::new(0);
    for round in 0..4 {
        let (mut child, address) = spawn(root.path(), &[]);
        let tags: Vec<String> = std::thread::scope(|scope| {
            let pushers: Vec<_> = (0..8)
                .map(|pusher| {
                    scope.spawn(move || {
                        let mut done = Vec::new();
                        for number in 0.. {
                            let tag = format!("t{round}-{pusher}-{number}");
                            let content = tag.repeat(5000);
                            if !try_push(address, &tag, content.as_bytes()) {
                                return done;
                            }
                            done.push(tag);
                        }
                        done
                    })
                })
                .collect();
            std::thread::sleep(Duration::from_millis(250));
            child.kill().unwrap();
            child.wait().unwrap();
            pushers.into_iter().flat_map(|pusher| pusher.join().unwrap()).collect()
        });
        acknowledged.fetch_add(tags.len() as u64, Ordering::Relaxed);
        assert!(check(root.path()) as u64 >= acknowledged.load(Ordering::Relaxed));
        let server = Running::root(root.path());
        for tag in tags {
            server.ask("HEAD", &format!("/v2/a/manifests/{tag}")).is(200);
        }
    }
    assert!(acknowledged.load(Ordering::Relaxed) > 8, "{acknowledged:?}");
}

#[test]
fn a_signal_ends_the_server_when_its_requests_are_answered() {
    use std::io::Write as _;
    let root = tempfile::tempdir().unwrap();
    let (mut child, address) = spawn(root.path(), &[]);
    let digest = sha256(&[1; 1000]);
    let whole = crate::wire::request("POST", &format!("/v2/a/blobs/uploads/?digest={digest}"), &[], &[1; 1000]);
    let mut stream = crate::wire::connect(address);
    stream.write_all(&whole[..whole.len() - 500]).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none(), "it waits for the request");
    stream.write_all(&whole[whole.len() - 500..]).unwrap();
    crate::wire::read(&mut stream).unwrap().is(201);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_collection_takes_what_nobody_needs_and_spares_pushes() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::root(root.path());
    server.push_image("a", "1", b"needed");
    let garbage = server.push_blob("a", b"garbage");
    let upload = server.ask("POST", "/v2/a/blobs/uploads/").header("location").unwrap().to_owned();
    let store = || Store::open(vec![Place::Root(root.path().to_owned())], Rules::default()).unwrap();
    let hour = Duration::from_secs(3600);
    assert_eq!(store().collect(hour, false).unwrap().blobs, 0);
    // It has been there for long; somebody asks for it before they push, and nothing takes it.
    let path = root.path().join("a/blobs/sha256").join(garbage.encoded());
    let age = || {
        let old = std::time::SystemTime::now() - 2 * hour;
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    };
    age();
    server.ask("HEAD", &format!("/v2/a/blobs/{garbage}")).is(200);
    assert_eq!(store().collect(hour, false).unwrap().blobs, 0);
    age();
    let dry = store().collect(hour, true).unwrap();
    assert_eq!((dry.blobs, dry.bytes, path.exists()), (1, 7, true));
    assert_eq!(store().collect(hour, false).unwrap().blobs, 1);
    server.ask("GET", &format!("/v2/a/blobs/{garbage}")).is(404);
    server.ask("GET", &upload).is(204);
    let all = store().collect(Duration::ZERO, false).unwrap();
    assert_eq!((all.blobs, all.uploads), (0, 1));
    drop(server);
    assert_eq!(check(root.path()), 1);
}

#[test]
fn collections_beside_pushes_break_no_image() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::with(root.path(), Rules { complete: true, ..Rules::default() }, |builder| builder);
    server.push_image("a", "first", b"first");
    let is_over = AtomicBool::new(false);
    let pushed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let store = Store::open(vec![Place::Root(root.path().to_owned())], Rules::default()).unwrap();
            while !is_over.load(Ordering::SeqCst) {
                // No grace at all: pushes fail then, and are told so, but no image is acknowledged that is not whole.
                store.find("a").unwrap().collect(Duration::ZERO, false).unwrap();
            }
        });
        let pushers: Vec<_> = (0..4)
            .map(|pusher| {
                let (pushed, address) = (&pushed, server.address);
                scope.spawn(move || {
                    for number in 0..25 {
                        let tag = format!("t{pusher}-{number}");
                        pushed.fetch_add(u64::from(try_push(address, &tag, tag.as_bytes())), Ordering::SeqCst);
                    }
                })
            })
            .collect();
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        is_over.store(true, Ordering::SeqCst);
    });
    let tags = ask(server.address, "GET", "/v2/a/tags/list", &[], b"").json()["tags"].as_array().unwrap().len();
    assert_eq!(tags as u64, pushed.load(Ordering::SeqCst) + 1);
    drop(server);
    assert_eq!(check(root.path()), tags);
}
