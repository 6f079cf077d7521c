//! Getting in: token servers of every kind, what they are told, and what they are not.

use crate::proxy::{Asked, Fault, Proxy, Record};
use crate::{Run, command, demo_registry, portolan, run, wire};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A registry that takes bearer tokens, and the token server beside it, in one: a token is `t` and the scope it was bought
/// for.
struct Guarded {
    proxy: Proxy,
    _server: wire::Running,
    _root: tempfile::TempDir,
}

fn token(value: &str) -> Fault {
    Fault::Answer(200, vec![], format!(r#"{{"token":"{value}","expires_in":300}}"#).into_bytes())
}

fn challenge(value: String) -> Fault {
    let body = br#"{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}"#;
    Fault::Answer(401, vec![("WWW-Authenticate", value)], body.to_vec())
}

fn scope_of(asked: &Asked) -> String {
    let decoded = asked.path.replace("%3A", ":").replace("%2C", ",").replace("%2F", "/");
    let scopes = decoded.split(['?', '&']).filter_map(|pair| pair.strip_prefix("scope="));
    scopes.collect::<Vec<_>>().join("+")
}

/// `script` says what comes instead of the ordinary answers.
fn guarded(challenged: &str, script: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) -> Guarded {
    let root = tempfile::tempdir().unwrap();
    let server = demo_registry(root.path());
    let challenged = challenged.to_owned();
    let proxy = Proxy::new(server.address, move |asked| {
        if let Some(fault) = script(asked) {
            return fault;
        }
        let host = asked.header("host").unwrap();
        if asked.path.starts_with("/token") {
            return token(&format!("t{}", scope_of(asked).replace([':', ',', '/'], "-")));
        }
        match asked.header("authorization") {
            Some(value) if value.starts_with("Bearer t") => Fault::None,
            _ => challenge(challenged.replace("HOST", host)),
        }
    });
    Guarded { proxy, _server: server, _root: root }
}

const BEARER: &str = r#"Bearer realm="http://HOST/token",service="s",scope="repository:demo:pull""#;

impl Guarded {
    fn tags(&self, args: &[&str], input: &str) -> Run {
        let place = format!("{}/demo", self.proxy.address);
        run(command([&["tags", place.as_str()], args].concat()), input)
    }

    fn to(&self, path: &str) -> Vec<Record> {
        self.proxy.records().into_iter().filter(|record| record.asked.path.starts_with(path)).collect()
    }
}

const ALICE: [&str; 3] = ["--username", "alice", "--password-stdin"];
/// alice:secret
const BASIC: &str = "Basic YWxpY2U6c2VjcmV0";

/// H-04.
#[test]
fn h_04_tokens_are_bought_by_get_by_anybody_and_by_somebody() {
    let registry = guarded(BEARER, |_| None);
    assert_eq!(registry.tags(&[], "").done(), "1.0\n");
    let bought = registry.to("/token");
    assert_eq!((bought.len(), bought[0].asked.method.as_str()), (1, "GET"));
    assert_eq!(bought[0].asked.header("authorization"), None);
    assert!(bought[0].asked.path.contains("service=s") && scope_of(&bought[0].asked) == "repository:demo:pull");
    let registry = guarded(BEARER, |_| None);
    registry.tags(&ALICE, "secret\n").done();
    assert_eq!(registry.to("/token")[0].asked.header("authorization"), Some(BASIC));
    // The registry sees the token alone.
    assert!(registry.to("/v2").iter().all(|record| record.asked.header("authorization") != Some(BASIC)));
}

/// H-06.
#[test]
fn h_06_a_token_server_without_get_is_asked_by_post() {
    for status in [404, 405] {
        let registry =
            guarded(BEARER, move |asked| asked.is("GET", "/token").then(|| Fault::Answer(status, vec![], vec![])));
        registry.tags(&ALICE, "secret\n").done();
        let bought = registry.to("/token");
        let form = String::from_utf8(bought[1].body.clone()).unwrap();
        assert_eq!(bought[1].asked.method, "POST");
        for part in ["grant_type=password", "username=alice", "password=secret", "service=s", "client_id=", "scope="] {
            assert!(form.contains(part), "{part}: {form}");
        }
        assert!(!bought[1].asked.path.contains("secret"));
    }
}

/// H-02, H-03.
#[test]
fn h_03_the_challenge_that_can_be_met_is_met() {
    let basic =
        guarded("Basic realm=\"a, b\"", |asked| (asked.header("authorization") == Some(BASIC)).then_some(Fault::None));
    basic.tags(&ALICE, "secret\n").done();
    basic.tags(&[], "").failed("portolan login");
    let several = format!(r#"Negotiate, Digest realm="x, y", nonce="\"", {BEARER}, Basic realm="z""#);
    let registry = guarded(&several, |_| None);
    registry.tags(&[], "").done();
    guarded("Negotiate", |_| None).tags(&[], "").failed("neither Bearer nor Basic");
    guarded("Bearer service=\"x\"", |_| None).tags(&[], "").failed("no realm");
    // A token that somebody has already.
    let registry = guarded(BEARER, |_| None);
    registry.tags(&["--token-stdin"], "tmine\n").done();
    assert_eq!(registry.to("/token").len(), 0);
}

/// H-07: once, and then it is said.
#[test]
fn h_07_a_token_that_is_refused_is_renewed_once() {
    let refused = AtomicUsize::new(0);
    let registry = guarded(BEARER, move |asked| {
        let is_meant = asked.path.contains("/blobs/") && refused.fetch_add(1, Ordering::SeqCst) == 0;
        is_meant.then(|| challenge(BEARER.replace("HOST", asked.header("host").unwrap())))
    });
    let scratch = tempfile::tempdir().unwrap();
    let to = format!("oci:{}:1.0", scratch.path().join("l").display());
    let from = format!("{}/demo:1.0", registry.proxy.address);
    portolan(&["copy", "--quiet", "--jobs", "1", &from, &to]).done();
    assert_eq!(registry.to("/token").len(), 2);
    let never = guarded(BEARER, |asked| {
        asked.path.starts_with("/v2").then(|| challenge(BEARER.replace("HOST", asked.header("host").unwrap())))
    });
    never.tags(&ALICE, "secret\n").failed("who are you?");
    assert_eq!((never.to("/token").len(), never.to("/v2").len()), (1, 2));
    for body in ["", "[]", "{}", r#"{"token":""}"#, r#"{"token":"a\r\nX: y"}"#, "<html>"] {
        let registry = guarded(BEARER, move |asked| {
            asked.path.starts_with("/token").then(|| Fault::Answer(200, vec![], body.as_bytes().to_vec()))
        });
        registry.tags(&[], "").failed("error: ");
    }
}

/// H-08, H-10.
#[test]
fn h_08_tokens_are_for_one_repository_and_a_mount_needs_both_in_one() {
    let registry = guarded(BEARER, |_| None);
    let at = registry.proxy.address;
    let (from, to) = (format!("{at}/demo:1.0"), format!("{at}/other:1.0"));
    portolan(&["copy", "--quiet", &from, &to]).done();
    let mounts: Vec<Record> =
        registry.to("/v2/other/blobs/uploads/?mount").into_iter().filter(|record| record.status == 201).collect();
    assert!(mounts.len() >= 9, "{}", mounts.len());
    for mount in mounts {
        let token = mount.asked.header("authorization").unwrap();
        assert!(token.contains("repository-other-pull-push") && token.contains("repository-demo-pull"), "{token}");
    }
    for record in registry.to("/v2/") {
        let token = record.asked.header("authorization").unwrap_or_default();
        let name = record.asked.path.split('/').nth(2).unwrap();
        assert!(token.is_empty() || token.contains(&format!("repository-{name}-")), "{name} {token}");
    }
    assert_eq!(registry.proxy.up(), 0);
}

/// Row 54.
#[test]
fn row_54_a_realm_elsewhere_sees_no_credentials() {
    for realm in [
        "http://169.254.169.254/latest",
        "https://169.254.169.254/latest",
        "http://tokens.example/token",
        "file:///etc/passwd",
        "http://u:p@127.0.0.1/",
    ] {
        let registry = guarded(&format!("Bearer realm=\"{realm}\""), |_| None);
        // Where TLS is taken for granted the machine itself may be no token server either.
        let said = registry.tags(&ALICE, "secret\n").failed("error: ");
        assert!(!said.contains("secret"), "{said}");
        if realm.starts_with("http:") {
            assert!(said.contains("https alone") || said.contains("user name"), "{said}");
        }
    }
    // Another name of this machine is another site.
    let other = Mutex::new(None::<String>);
    let registry = guarded(BEARER, move |asked| {
        let port = asked.header("host").unwrap().rsplit(':').next().unwrap().to_owned();
        if asked.path.starts_with("/token") && asked.header("authorization").is_none() {
            *other.lock().unwrap() = Some(port);
            return Some(Fault::Answer(401, vec![], br#"{"errors":[{"code":"DENIED","message":"not you"}]}"#.to_vec()));
        }
        let is_new = asked.path.starts_with("/v2") && asked.header("authorization").is_none();
        is_new.then(|| challenge(format!("Bearer realm=\"http://localhost:{port}/token\"")))
    });
    let said = registry.tags(&ALICE, "secret\n").failed("--trust-realm localhost");
    assert!(said.contains("not you") && !said.contains("secret"), "{said}");
    assert!(registry.to("/token").iter().all(|record| record.asked.header("authorization").is_none()));
    registry.tags(&[&ALICE[..], &["--trust-realm", "localhost"]].concat(), "secret\n").done();
}
