//! Who may ask, from where, through what; and requests that are attacks.

use crate::wire::{INDEX, Reply, Running, connect, read, request, sha256};
use portolan::serve::{Access, Upstreams};
use portolan::store::{Place, Rules};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_read_only_registry_answers_and_writes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let digest = Running::root(root.path()).push_image("a", "1", b"layer");
    let listing = std::fs::read(root.path().join("a/index.json")).unwrap();
    let server = Running::with(root.path(), Rules { read_only: true, ..Rules::default() }, |builder| builder);
    server.ask("GET", "/v2/a/manifests/1").is(200);
    server.ask("HEAD", &format!("/v2/a/blobs/{}", sha256(b"layer"))).is(200);
    for (method, path) in [
        ("POST", "/v2/a/blobs/uploads/".to_owned()),
        ("PUT", "/v2/b/manifests/x".to_owned()),
        ("DELETE", format!("/v2/a/manifests/{digest}")),
    ] {
        server.ask(method, &path).refuses(405, "UNSUPPORTED");
    }
    assert_eq!(std::fs::read(root.path().join("a/index.json")).unwrap(), listing);
    assert!(!root.path().join("b").exists());
}

#[test]
fn one_layout_is_served_under_its_name_and_nothing_else_is_made() {
    let root = tempfile::tempdir().unwrap();
    drop(Running::root(root.path()).push_image("inner", "1", b"layer"));
    let directory = root.path().join("inner");
    let text = directory.to_str().unwrap();
    let place = Place::parse(text).unwrap();
    assert_eq!(place, Place::Layout { name: "inner".to_owned(), directory: directory.clone() });
    assert!(Place::parse(&format!("Not A Name={text}")).is_err());
    assert!(matches!(Place::parse(root.path().to_str().unwrap()), Ok(Place::Root(_))));
    let places = vec![Place::parse(&format!("team/app={text}")).unwrap()];
    let server = Running::places(places, Rules::default(), |builder| builder);
    server.ask("GET", "/v2/team/app/manifests/1").is(200);
    server.push_image("team/app", "2", b"more");
    server.ask("POST", "/v2/other/blobs/uploads/").refuses(404, "NAME_UNKNOWN");
}

#[test]
fn names_and_passwords_are_those_of_the_file() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("users");
    std::fs::write(&file, format!("# who\nalice:{}\n", bcrypt::hash("secret", 4).unwrap())).unwrap();
    let access = Access::read(&file).unwrap();
    let server = Running::with(&root.path().join("r"), Rules::default(), |builder| builder.access(access).metrics());
    for path in ["/v2/", "/v2/a/tags/list", "/metrics", "/"] {
        let refused = server.ask("GET", path).refuses(401, "UNAUTHORIZED");
        assert!(refused.header("www-authenticate").unwrap().starts_with("Basic realm="));
    }
    let with = |value: &str| server.send("GET", "/v2/", &[("authorization", value)], b"").status;
    // alice:secret, alice:wrong, bob:secret, and no Basic at all.
    for _ in 0..2 {
        assert_eq!(with("Basic YWxpY2U6c2VjcmV0"), 200);
        assert_eq!(with("Basic YWxpY2U6d3Jvbmc="), 401);
        assert_eq!(with("Basic Ym9iOnNlY3JldA=="), 401);
        assert_eq!(with("Bearer x"), 401);
    }
    std::fs::write(&file, "alice:{SHA}x\n").unwrap();
    assert!(Access::read(&file).err().unwrap().to_string().contains("users:1: expected NAME:HASH"));
}

#[test]
fn tls_is_spoken_with_the_certificate_given() {
    let root = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/tls");
    let (certificate, key) = (fixtures.join("localhost.crt"), fixtures.join("localhost.key"));
    let server = Running::with(root.path(), Rules::default(), {
        let certificate = certificate.clone();
        move |builder| builder.tls(certificate, key)
    });
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let mut session = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut socket = connect(server.address);
    let mut stream = rustls::Stream::new(&mut session, &mut socket);
    stream.write_all(&request("GET", "/v2/", &[], b"")).unwrap();
    read(&mut stream).unwrap().is(200);
    // Whoever does not speak TLS gets nothing.
    let mut plain = connect(server.address);
    plain.write_all(&request("GET", "/v2/", &[], b"")).unwrap();
    assert!(read(&mut plain).is_none());
}

#[test]
fn pages_of_allowed_origins_may_read() {
    let root = tempfile::tempdir().unwrap();
    let origins = vec!["https://a.example".to_owned()];
    let server = Running::with(root.path(), Rules::default(), |builder| builder.cors(origins));
    let asked = server.send("OPTIONS", "/v2/a/manifests/x", &[("origin", "https://a.example")], b"").is(204);
    assert_eq!(asked.header("access-control-allow-origin"), Some("https://a.example"));
    assert_eq!(asked.header("access-control-allow-methods"), Some("GET, HEAD, OPTIONS"));
    let got = server.send("GET", "/v2/a/tags/list", &[("origin", "https://a.example")], b"").is(404);
    let exposed = got.header("access-control-expose-headers").unwrap();
    for header in ["Docker-Content-Digest", "Link", "Content-Range", "WWW-Authenticate", "OCI-Filters-Applied"] {
        assert!(exposed.contains(header), "{header}");
    }
    let other = server.send("GET", "/v2/", &[("origin", "https://b.example")], b"").is(200);
    assert_eq!(other.header("access-control-allow-origin"), None);
}

/// What the upstream has, and what it is asked.
fn pull_through(upstream: &Running, root: &Path) -> Running {
    let mut upstreams = Upstreams::new(portolan::Toolkit::shared().unwrap(), Default::default());
    upstreams.add("docker.io", &format!("http://{}", upstream.address)).unwrap();
    Running::with(root, Rules::default(), move |builder| builder.proxy(upstreams))
}

#[test]
fn w_30_what_is_asked_for_with_ns_is_pulled_verified_and_kept() {
    let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let upstream = Running::root(there.path());
    let digest = upstream.push_image("library/x", "1", b"layer");
    let bad = upstream.push_blob("library/x", b"will be bad");
    std::fs::write(there.path().join("library/x/blobs/sha256").join(bad.encoded()), b"is bad now.").unwrap();
    let server = pull_through(&upstream, here.path());
    let ask = |path: &str| server.send("GET", path, &[("authorization", "Basic eDp5")], b"");
    ask("/v2/library/x/manifests/1").refuses(404, "NAME_UNKNOWN");
    ask("/v2/library/x/manifests/1?ns=ghcr.io").is(404);
    let got = ask("/v2/library/x/manifests/1?ns=docker.io").is(200);
    // W-31.
    assert_eq!((got.header("oci-namespace"), sha256(&got.body)), (Some("docker.io"), digest.clone()));
    let blob = format!("/v2/library/x/blobs/{}?ns=docker.io", sha256(b"layer"));
    assert_eq!(ask(&blob).is(200).body, b"layer");
    ask("/v2/library/x/manifests/none?ns=docker.io").refuses(404, "MANIFEST_UNKNOWN");
    ask(&format!("/v2/library/x/blobs/{bad}?ns=docker.io")).is(502);
    ask("/v2/../x/manifests/1?ns=docker.io").is(400);
    // What is kept is no repository of ours.
    assert_eq!(ask("/v2/_catalog").json()["repositories"], serde_json::json!([]));
    drop(upstream);
    // It is kept, so the upstream may be gone.
    assert_eq!(ask(&blob).is(200).body, b"layer");
    ask("/v2/library/x/manifests/1?ns=docker.io").is(200);
    ask(&format!("/v2/library/x/manifests/{digest}?ns=docker.io")).is(200);
}

/// Row 39.
#[test]
fn paths_do_not_lead_out_of_the_store() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("secret"), "secret").unwrap();
    let server = Running::root(&root.path().join("r"));
    server.push_blob("a", b"x");
    for path in [
        "/v2/../secret",
        "/v2/a/blobs/../../../secret",
        "/v2/a/../../manifests/x",
        "/v2/%2e%2e/tags/list",
        "/v2/a%2f..%2f..%2fsecret/tags/list",
        "/v2/a/blobs/sha256:..%2f..%2f..%2f..%2fsecret",
        "/v2/a/blobs/sha256%3A..",
        "/v2/a/blobs/..:secret",
        "/v2/a/manifests/..%2fsecret",
        "/v2/a/blobs/uploads/..%2f..%2findex.json",
        "/v2/./tags/list",
        "/v2/.portolan/tags/list",
        "/v2/a/.portolan/uploads/tags/list",
        "//v2/",
        "/v2/a//tags/list",
        "/secret",
    ] {
        let reply = server.ask("GET", path);
        assert!([400, 404].contains(&reply.status), "{path}: {}", reply.status);
        assert!(!reply.body.ends_with(b"secret"), "{path}");
        let pushed = server.send("PUT", path, &[("content-type", INDEX)], b"{}");
        assert!([400, 404, 405].contains(&pushed.status), "{path}: {}", pushed.status);
    }
    let long = format!("/v2/{}/blobs/uploads/", "a".repeat(256));
    server.ask("POST", &long).refuses(400, "NAME_INVALID");
    server.ask("POST", &format!("/v2/{}/blobs/uploads/", "a".repeat(255))).is(202);
}

/// Row 55.
#[test]
fn heads_that_are_too_large_and_bodies_that_stop_end_the_connection() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::with(root.path(), Rules::default(), |builder| builder.idle(Duration::from_millis(300)));
    let huge = "x".repeat(1 << 20);
    assert_eq!(server.send("GET", "/v2/", &[("x-huge", &huge)], b"").status, 431);
    let many: Vec<(&str, &str)> = vec![("x-many", "y"); 200];
    assert_eq!(server.send("GET", "/v2/", &many, b"").status, 431);
    for (method, path) in
        [("PUT", "/v2/a/manifests/x".to_owned()), ("POST", format!("/v2/a/blobs/uploads/?digest={}", sha256(b"")))]
    {
        let whole = request(method, &path, &[("content-type", INDEX)], &[b'{'; 1000]);
        let mut stream = connect(server.address);
        stream.write_all(&whole[..whole.len() - 10]).unwrap();
        read(&mut stream).unwrap().is(408);
    }
}

#[test]
fn methods_that_are_not_answered_say_which_are() {
    let root = tempfile::tempdir().unwrap();
    let server = Running::with(root.path(), Rules::default(), |builder| builder.metrics());
    server.push_image("a", "1", b"layer");
    for (method, path, allowed) in
        [("PATCH", "/v2/a/tags/list", "GET"), ("PUT", "/v2/a/blobs/uploads/", "POST"), ("DELETE", "/v2/", "GET")]
    {
        let refused = server.ask(method, path).refuses(405, "UNSUPPORTED");
        assert!(refused.header("allow").unwrap().contains(allowed), "{path}");
    }
    let ping: Reply = server.ask("GET", "/v2/").is(200);
    assert_eq!(ping.header("docker-distribution-api-version"), Some("registry/2.0"));
    let metrics = String::from_utf8(server.ask("GET", "/metrics").is(200).body).unwrap();
    assert!(
        metrics.contains(r#"portolan_requests_total{endpoint="manifest",method="PUT",status="2xx"} 1"#),
        "{metrics}"
    );
}

/// An upstream that answers each request in its turn, and tells what it was asked.
fn scripted(answers: Vec<String>) -> (std::net::SocketAddr, std::thread::JoinHandle<Vec<String>>) {
    use std::io::Read as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            asked.push(String::from_utf8(head).unwrap().to_ascii_lowercase());
            stream.write_all(answer.replace("ADDRESS", &address.to_string()).as_bytes()).unwrap();
        }
        asked
    };
    (address, std::thread::spawn(answer))
}

/// Row 54.
#[test]
fn w_32_an_upstream_is_asked_as_anybody_and_no_credentials_go_there() {
    let root = tempfile::tempdir().unwrap();
    let challenge = |realm: &str| {
        format!(
            "HTTP/1.1 401 x\r\nConnection: close\r\nContent-Length: 0\r\nWWW-Authenticate: Bearer realm=\"{realm}\",scope=\"repository:x:pull\"\r\n\r\n"
        )
    };
    let ok =
        |body: &str| format!("HTTP/1.1 200 x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (address, asked) = scripted(vec![
        challenge("http://ADDRESS/token"),
        ok(r#"{"token":"given"}"#),
        ok("layer"),
        challenge("http://169.254.169.254/token"),
    ]);
    let mut upstreams = Upstreams::new(portolan::Toolkit::shared().unwrap(), Default::default());
    upstreams.add("up", &format!("http://{address}")).unwrap();
    let server = Running::with(root.path(), Rules::default(), move |builder| builder.proxy(upstreams));
    let ask = |name: &str, digest| {
        server.send(
            "GET",
            &format!("/v2/{name}/blobs/{digest}?ns=up"),
            &[("authorization", "Basic c2VjcmV0OnNlY3JldA==")],
            b"",
        )
    };
    assert_eq!(ask("x", sha256(b"layer")).is(200).body, b"layer");
    ask("y", sha256(b"other")).is(502);
    let asked = asked.join().unwrap();
    assert!(asked[1].starts_with("get /token?scope=repository:x:pull http/1.1"), "{}", asked[1]);
    assert!(asked[2].contains("authorization: bearer given"));
    assert!(asked.iter().all(|asked| !asked.contains("c2vjcmv0")));
}
