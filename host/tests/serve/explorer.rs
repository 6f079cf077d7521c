//! The explorer: its page, what protects it, and other registries through it.

use crate::wire::{INDEX, MANIFEST, Reply, Running, raw, sha256};
use portolan::registry::{Credentials, Options, Password, Registries};
use portolan::serve::Explorer;
use portolan::store::{Place, Rules, Store};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};

const PAGE: &str = "<!doctype html><title>Portolan</title>";

fn registries() -> Registries {
    Registries::new(portolan::Toolkit::shared().unwrap(), Options { anonymous: true, retries: 0, ..Options::default() })
}

/// A page of a few files, with a secret beside it.
fn page(root: &Path) -> std::path::PathBuf {
    let directory = root.join("dist");
    std::fs::create_dir_all(directory.join("assets")).unwrap();
    for (path, text) in [
        ("index.html", PAGE),
        ("assets/main-1.js", "export {};"),
        ("assets/main-1.css", "a{}"),
        ("assets/toolkit-1.wasm", "\0asm"),
        ("icon.svg", "<svg/>"),
        ("blob", "?"),
    ] {
        std::fs::write(directory.join(path), text).unwrap();
    }
    std::fs::write(root.join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(root.join("secret"), directory.join("link")).unwrap();
    directory
}

/// A server with the page, and what its URL has as the token.
struct Explored {
    server: Running,
    token: String,
    _root: tempfile::TempDir,
}

impl Explored {
    fn of(registries: Registries, proxied: &[String]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut explorer = Explorer::from_directory(registries, &page(root.path())).unwrap();
        for host in proxied {
            explorer = explorer.proxy(host).unwrap();
        }
        // The token is told to whoever starts the server; here it is found as its user finds it.
        let (tell, told) = std::sync::mpsc::channel();
        let server = Running::observed(
            vec![Place::Root(root.path().join("images"))],
            Rules::default(),
            move |builder| builder.explorer(explorer).cors(vec!["https://reader.example".to_owned()]),
            move |server| tell.send(server.explorer_urls()).unwrap(),
        );
        let urls = told.recv().unwrap();
        let token = urls[0].strip_prefix(&format!("http://{}/#token=", server.address)).unwrap().to_owned();
        assert_eq!((urls.len(), token.len()), (1, 32));
        Self { server, token, _root: root }
    }

    fn plain() -> Self {
        Self::of(registries(), &[])
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let host = self.server.address.to_string();
        self.ask_as(&host, method, path, headers)
    }

    fn ask_as(&self, host: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        raw(self.server.address, format!("{text}\r\n").as_bytes())
    }

    fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[])
    }

    /// A path at another registry.
    fn other(&self, host: impl std::fmt::Display, path: &str) -> String {
        format!("/explore/{}/{host}{path}", self.token)
    }
}

/// A registry that says what it was asked, and answers what it must not get through.
struct Upstream {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    fn new(answer: impl Fn(SocketAddr, &str) -> (u16, Vec<String>, Vec<u8>) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let records = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
                let (status, headers, body) = answer(address, &head);
                records.lock().unwrap().push(head);
                let mut text =
                    format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
                text.push_str("Set-Cookie: upstream=1\r\nX-Upstream: 1\r\n");
                for header in headers {
                    text.push_str(&format!("{header}\r\n"));
                }
                let _ = stream.write_all(&[text.as_bytes(), b"\r\n", &body].concat());
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[test]
fn the_page_is_served_with_types_a_policy_and_nothing_else_of_the_disk() {
    let explored = Explored::plain();
    let index = explored.get("/").is(200);
    assert_eq!(index.body, PAGE.as_bytes());
    let policy = index.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'none'",
    ] {
        assert!(policy.split("; ").any(|found| found == part), "{part}: {policy}");
    }
    assert_eq!(index.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(index.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(index.header("cross-origin-resource-policy"), Some("same-origin"));
    assert_eq!(index.header("cache-control"), Some("no-cache"));
    for (path, media_type) in [
        ("/index.html", "text/html; charset=utf-8"),
        ("/assets/main-1.js", "text/javascript; charset=utf-8"),
        ("/assets/main-1.css", "text/css; charset=utf-8"),
        ("/assets/toolkit-1.wasm", "application/wasm"),
        ("/icon.svg", "image/svg+xml"),
        ("/blob", "application/octet-stream"),
    ] {
        let reply = explored.get(path).is(200);
        assert_eq!(reply.header("content-type"), Some(media_type), "{path}");
        let tag = reply.header("etag").unwrap();
        explored.ask("GET", path, &[("if-none-match", tag)]).is(304);
        let head = explored.ask("HEAD", path, &[]).is(200);
        assert_eq!((head.body.len(), head.header("content-length")), (0, reply.header("content-length")));
    }
    assert!(explored.get("/assets/main-1.js").header("cache-control").unwrap().contains("immutable"));
    for path in
        ["/../secret", "/assets/../../secret", "/%2e%2e/secret", "/link", "/assets", "/assets/", "//index.html", "/.."]
    {
        let reply = explored.get(path);
        assert!([400, 404].contains(&reply.status), "{path}: {}", reply.status);
        assert!(!reply.body.ends_with(b"secret"), "{path}");
    }
}

#[test]
fn a_directory_that_is_no_page_and_hosts_that_are_none_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let refused = |result: portolan::Result<Explorer>| result.err().unwrap().to_string();
    assert!(refused(Explorer::from_directory(registries(), root.path())).contains("holds no index.html"));
    for host in ["", "https://ghcr.io", "ghcr.io/org", "user@ghcr.io", "..", "a b"] {
        let explorer = Explorer::from_directory(registries(), &page(root.path().join("p").as_path())).unwrap();
        assert!(refused(explorer.proxy(host)).contains("is no registry"), "{host}");
        let _ = std::fs::remove_dir_all(root.path().join("p"));
    }
}

#[test]
fn other_names_and_pages_of_other_origins_are_refused() {
    let explored = Explored::plain();
    let port = explored.server.address.port();
    let description = [("portolan-token", explored.token.as_str())];
    for host in ["evil.example", "evil.example:5000", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.nip.io:80", ""] {
        for path in ["/", "/explorer.json", "/v2/", "/v2/_catalog", "/explore/x/y/v2/"] {
            explored.ask_as(host, "GET", path, &description).refuses(403, "DENIED");
        }
    }
    explored.ask_as(&format!("LOCALHOST:{port}"), "GET", "/explorer.json", &description).is(200);
    let own = explored.server.address.to_string();
    for origin in ["http://evil.example", "null", &format!("https://{own}"), "http://127.0.0.1:1", &own] {
        for path in ["/", "/explorer.json", "/v2/"] {
            explored.ask("GET", path, &[description[0], ("origin", origin)]).refuses(403, "DENIED");
        }
        explored
            .ask("POST", "/v2/a/blobs/uploads/", &[("origin", origin), ("content-length", "0")])
            .refuses(403, "DENIED");
    }
    for origin in [format!("http://{own}"), format!("http://localhost:{port}")] {
        explored.ask("GET", "/explorer.json", &[description[0], ("origin", &origin)]).is(200);
    }
    // Who may read the registry may not read on through it.
    let reader = ("origin", "https://reader.example");
    explored.ask("GET", "/v2/", &[reader]).is(200);
    explored.ask("GET", "/explorer.json", &[description[0], reader]).refuses(403, "DENIED");
}

#[test]
fn the_explorer_says_what_there_is_to_whom_has_the_token() {
    let explored = Explored::of(registries(), &["docker.io".to_owned(), "GHCR.io".to_owned()]);
    for headers in [&[][..], &[("portolan-token", "")], &[("portolan-token", "0123456789abcdef0123456789abcdef")]] {
        explored.ask("GET", "/explorer.json", headers).refuses(403, "DENIED");
    }
    let reply = explored.ask("GET", "/explorer.json", &[("portolan-token", &explored.token)]).is(200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let path = |host| explored.other(host, "");
    assert_eq!(
        reply.json(),
        serde_json::json!({
            "registry": true,
            "repositories": [],
            "proxies": [
                {
                    "registry": "docker.io",
                    "hosts": ["docker.io", "registry-1.docker.io", "index.docker.io"],
                    "path": path("docker.io"),
                },
                { "registry": "ghcr.io", "hosts": ["ghcr.io"], "path": path("ghcr.io") },
            ],
        })
    );
    for (method, path) in [("POST", "/"), ("PUT", "/explorer.json"), ("DELETE", &*path("ghcr.io"))] {
        let refused = explored.ask(method, path, &[("content-length", "0")]).refuses(405, "UNSUPPORTED");
        assert_eq!(refused.header("allow"), Some("GET, HEAD, OPTIONS"), "{method} {path}");
    }
}

#[test]
fn other_registries_are_asked_when_they_may_be_and_only_with_the_token() {
    let root = tempfile::tempdir().unwrap();
    let upstream = Running::root(root.path());
    let digest = upstream.push_image("team/app", "1", b"a layer of bytes");
    let artifact = crate::wire::artifact("a/b", &digest, "note");
    let put = [("content-type", MANIFEST)];
    upstream.send("PUT", &format!("/v2/team/app/manifests/{}", sha256(&artifact)), &put, &artifact).is(201);
    let explored = Explored::of(registries(), &[upstream.address.to_string()]);
    let at = |path: &str| explored.other(upstream.address, path);

    explored.get(&at("/v2/")).is(200);
    for reference in ["1".to_owned(), digest.to_string()] {
        let got = explored.get(&at(&format!("/v2/team/app/manifests/{reference}"))).is(200);
        assert_eq!((sha256(&got.body), got.header("content-type")), (digest.clone(), Some(MANIFEST)));
        assert_eq!(got.header("docker-content-digest"), Some(&*digest.to_string()));
        assert!(got.header("content-security-policy").unwrap().contains("sandbox"));
    }
    let tags = explored.get(&at("/v2/team/app/tags/list")).is(200);
    assert_eq!(tags.json(), serde_json::json!({ "name": "team/app", "tags": ["1"] }));
    let referrers = explored.get(&at(&format!("/v2/team/app/referrers/{digest}?artifactType=a/b"))).is(200);
    assert_eq!(referrers.header("content-type"), Some(INDEX));
    assert_eq!(referrers.header("oci-filters-applied"), Some("artifactType"));
    let listed = &referrers.json()["manifests"][0];
    assert_eq!((&listed["artifactType"], &listed["annotations"]["note"]), (&"a/b".into(), &"note".into()));
    explored.get(&at("/v2/team/app/manifests/none")).refuses(404, "MANIFEST_UNKNOWN");
    explored.get(&at(&format!("/v2/team/app/blobs/{}", sha256(b"none")))).refuses(404, "BLOB_UNKNOWN");

    for path in ["/v2/_catalog", "/v2/team/app/blobs/uploads/x"] {
        explored.get(&at(path)).refuses(405, "UNSUPPORTED");
    }
    for path in ["", "/", "/metrics", "/v1/x", "/../v2/", "/v2/../x/tags/list"] {
        let reply = explored.get(&at(path));
        assert!([400, 404].contains(&reply.status), "{path}: {}", reply.status);
    }
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        explored.ask(method, &at("/v2/team/app/manifests/1"), &[("content-length", "0")]).refuses(405, "UNSUPPORTED");
    }
    for host in ["127.0.0.1:1", "localhost", "169.254.169.254", "docker.io", ""] {
        explored.get(&explored.other(host, "/v2/")).refuses(403, "DENIED");
    }
    for token in ["", "x", &explored.token[1..], &format!("{}0", explored.token)] {
        explored.get(&format!("/explore/{token}/{}/v2/", upstream.address)).refuses(403, "DENIED");
    }
}

#[test]
fn blobs_of_other_registries_come_in_whole_and_in_parts() {
    let root = tempfile::tempdir().unwrap();
    let upstream = Running::root(root.path());
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let digest = upstream.push_blob("a", &bytes);
    let explored = Explored::of(registries(), &[upstream.address.to_string()]);
    let path = explored.other(upstream.address, &format!("/v2/a/blobs/{digest}"));
    let whole = explored.get(&path).is(200);
    assert_eq!(
        (whole.header("content-length"), whole.header("content-type")),
        (Some("3000000"), Some("application/octet-stream"))
    );
    assert!(whole.body == bytes);
    let head = explored.ask("HEAD", &path, &[]).is(200);
    assert_eq!((head.header("content-length"), head.body.len()), (Some("3000000"), 0));
    for (range, first, last) in
        [("bytes=2999000-", 2_999_000, 2_999_999), ("bytes=10-19", 10, 19), ("bytes=0-9999999", 0, 2_999_999)]
    {
        let part = explored.ask("GET", &path, &[("range", range)]).is(206);
        assert_eq!(part.header("content-range"), Some(&*format!("bytes {first}-{last}/3000000")));
        assert!(part.body == bytes[first..=last], "{range}");
    }
    explored.ask("GET", &path, &[("range", "bytes=-5")]).is(200);
    explored.ask("GET", &path, &[("range", "bytes=3000000-")]).is(416);
}

#[test]
fn nothing_of_the_page_goes_to_other_registries_and_no_credentials_come_back() {
    let blob = sha256(b"layer");
    let elsewhere = Upstream::new(|_, _| (200, Vec::new(), b"layer".to_vec()));
    let there = elsewhere.address;
    let upstream = Upstream::new(move |address, head| {
        if head.starts_with("get /token") {
            return (200, Vec::new(), br#"{"token":"bought-secret"}"#.to_vec());
        }
        if !head.contains("authorization: bearer bought-secret") {
            let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{address}/token\",service=\"up\"");
            return (401, vec![challenge], b"{}".to_vec());
        }
        if head.contains("/denied/") {
            return (403, vec!["WWW-Authenticate: Basic realm=\"x\"".to_owned()], b"{}".to_vec());
        }
        (307, vec![format!("Location: http://{there}/storage?signature=1")], Vec::new())
    });
    let registries = registries();
    let known = Password { username: "alice".to_owned(), password: "secret".to_owned() };
    registries.authorize(&upstream.address.to_string(), Credentials::Password(known));
    let explored = Explored::of(registries, &[upstream.address.to_string()]);
    let sent =
        [("authorization", "Basic cGFnZTpwYWdl"), ("cookie", "page=1"), ("x-page", "1"), ("referer", "http://page/")];
    let got = explored.ask("GET", &explored.other(upstream.address, &format!("/v2/a/blobs/{blob}")), &sent).is(200);
    assert_eq!(got.body, b"layer");
    let denied = explored
        .ask("GET", &explored.other(upstream.address, &format!("/v2/denied/blobs/{blob}")), &sent)
        .refuses(403, "DENIED");
    for reply in [&got, &denied] {
        for header in ["set-cookie", "www-authenticate", "location", "authorization", "x-upstream"] {
            assert_eq!(reply.header(header), None, "{header}");
        }
        let text = format!("{:?} {}", reply.headers, String::from_utf8_lossy(&reply.body));
        assert!(!text.contains("secret") && !text.contains("YWxpY2U6c2VjcmV0"), "{text}");
    }
    let asked = upstream.asked();
    // alice:secret, shown to the token server alone.
    assert!(
        asked.iter().any(|head| head.starts_with("get /token") && head.contains("basic ywxpy2u6c2vjcmv0")),
        "{asked:?}"
    );
    for head in asked.iter().chain(&elsewhere.asked()) {
        assert!(!head.contains("cgfnztpwywdl") && !head.contains("page"), "{head}");
    }
    assert_eq!(elsewhere.asked().len(), 1);
    assert!(!elsewhere.asked()[0].contains("authorization"));
}

#[test]
fn a_registry_that_is_not_there_is_said_to_be_so() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let explored = Explored::of(registries(), &[gone.to_string()]);
    explored.get(&explored.other(gone, "/v2/a/manifests/1")).refuses(502, "UNSUPPORTED");
}

#[test]
fn other_machines_are_let_in_under_a_name_that_was_given() {
    let root = tempfile::tempdir().unwrap();
    let bind = |names: &[&str]| {
        let mut explorer = Explorer::from_directory(registries(), &page(root.path())).unwrap();
        let _ = std::fs::remove_file(root.path().join("dist/link"));
        for name in names {
            explorer = explorer.reached_as(name).unwrap();
        }
        let store = Store::open(vec![Place::Root(root.path().join("images"))], Rules::default()).unwrap();
        let builder = portolan::serve::Server::builder(store).listen("0.0.0.0:0").explorer(explorer);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(builder.bind()).map(|server| server.explorer_urls())
    };
    let refused = bind(&[]).err().unwrap().to_string();
    assert!(refused.contains("--explorer-host"), "{refused}");
    let urls = bind(&["images.example:5000"]).unwrap();
    assert!(urls.len() == 1 && urls[0].starts_with("http://images.example:5000/#token="), "{urls:?}");
}
