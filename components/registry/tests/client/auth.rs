//! Getting in: section 19 of the requirements, row 54.

use super::script::{Play, REGISTRY, Run, Turn, document, manifest, on, play, play_with, repository};
use portolan_registry::client::{BlobPush, Reference};
use portolan_registry::{Credentials, Error, Options, Outcome};

/// The header of [`password`].
pub(crate) const BASIC: &str = "Basic dXNlcjpwYXNz";
const TOKEN: &str = "http://localhost:5001/token";
const CHALLENGE: &str =
    "Bearer realm=\"http://localhost:5001/token\",service=\"reg\",scope=\"repository:app:pull\",Basic realm=\"x\"";

pub(crate) fn password() -> Credentials {
    Credentials::Password { username: "user".into(), password: "pass".into() }
}

fn get() -> Turn {
    on("GET /v2/app/manifests/v1")
}

fn denied(challenge: &str) -> Turn {
    get().without("Authorization").status(401).says("WWW-Authenticate", challenge)
}

fn pull(play: &mut Play, turns: impl IntoIterator<Item = Turn>) -> Run {
    let job = play.client.resolve(&repository("app"), &Reference::tag("v1").unwrap());
    play.run(job, turns)
}

fn granted(turn: Turn) -> Turn {
    document(turn, &manifest("a/b", None))
}

const ASK: &str = "GET http://localhost:5001/token?service=reg&scope=repository:app:pull";

/// H-04, H-05, H-10.
#[test]
fn a_token_is_bought_for_a_scope_and_used_until_it_ends() {
    let mut play = play();
    let answer = br#"{"token":"t1","expires_in":300}"#;
    let run = pull(
        &mut play,
        [
            denied(CHALLENGE),
            on(ASK).without("Authorization").bytes(*answer),
            granted(get().with("Authorization", "Bearer t1")),
        ],
    );
    assert!(matches!(run.outcome, Ok(Outcome::Manifest(_))));
    assert_eq!(run.asked, [REGISTRY]);
    play.now += 290_000;
    let run = pull(&mut play, [granted(get().with("Authorization", "Bearer t1"))]);
    assert!(run.outcome.is_ok() && run.asked.is_empty());
    // Another repository is another scope.
    let job = play.client.resolve(&repository("other"), &Reference::tag("v1").unwrap());
    assert!(play.run(job, [granted(on("GET /v2/other/manifests/v1").without("Authorization"))]).outcome.is_ok());
    play.now += 10_000;
    let run = pull(
        &mut play,
        [
            denied(CHALLENGE),
            on(ASK).bytes(br#"{"access_token":"t2"}"#),
            granted(get().with("Authorization", "Bearer t2")),
        ],
    );
    assert!(run.outcome.is_ok());
}

#[test]
fn a_password_is_shown_to_the_token_server() {
    let mut play = play();
    play.credentials = Some(password());
    let ask = on(&format!("{ASK}&account=user")).with("Authorization", BASIC).bytes(br#"{"token":"t"}"#);
    let run = pull(&mut play, [denied(CHALLENGE), ask, granted(get().with("Authorization", "Bearer t"))]);
    assert!(run.outcome.is_ok());
}

/// H-06, H-09.
#[test]
fn an_identity_token_and_a_server_without_get_speak_oauth2() {
    let mut play_identity = play();
    play_identity.credentials = Some(Credentials::Identity("re fresh".into()));
    let rest = "service=reg&client_id=portolan&access_type=offline&scope=repository:app:pull";
    let ask = on(&format!("POST {TOKEN}"))
        .without("Authorization")
        .with("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("grant_type=refresh_token&refresh_token=re%20fresh&{rest}"))
        .bytes(br#"{"access_token":"t"}"#);
    let run = pull(&mut play_identity, [denied(CHALLENGE), ask, granted(get().with("Authorization", "Bearer t"))]);
    assert!(run.outcome.is_ok());
    let mut play = play();
    play.credentials = Some(password());
    let refused = on(&format!("{ASK}&account=user")).status(405);
    let ask = on(&format!("POST {TOKEN}"))
        .body(format!("grant_type=password&username=user&password=pass&{rest}"))
        .bytes(br#"{"access_token":"t"}"#);
    let run = pull(&mut play, [denied(CHALLENGE), refused, ask, granted(get().with("Authorization", "Bearer t"))]);
    assert!(run.outcome.is_ok());
}

/// The secret is in the body, which no header rule protects.
#[test]
fn a_form_does_not_follow_a_redirect_to_another_host() {
    let mut play = play();
    play.credentials = Some(Credentials::Identity("secret".into()));
    let away = on(&format!("POST {TOKEN}")).status(307).says("Location", "http://localhost:6666/");
    let error = pull(&mut play, [denied(CHALLENGE), away]).error();
    assert!(matches!(error, Error::InsecureLocation { .. }), "{error}");
}

#[test]
fn basic_is_known_from_then_on() {
    let mut play = play();
    play.credentials = Some(password());
    let basic = || granted(get().with("Authorization", BASIC));
    assert!(pull(&mut play, [denied("basic Realm=x"), basic()]).outcome.is_ok());
    assert!(pull(&mut play, [basic()]).outcome.is_ok());
}

#[test]
fn a_token_of_our_own_is_handed_over_as_it_is() {
    let mut play = play();
    play.credentials = Some(Credentials::Token("mine".into()));
    assert!(pull(&mut play, [denied(CHALLENGE), granted(get().with("Authorization", "Bearer mine"))]).outcome.is_ok());
}

/// H-07.
#[test]
fn what_is_refused_with_a_token_is_not_asked_again() {
    let mut play = play();
    let body = br#"{"errors":[{"code":"DENIED","message":"not yours"}]}"#;
    for status in [401, 403] {
        let turns = [
            denied(CHALLENGE),
            on(ASK).bytes(br#"{"token":"t"}"#),
            get().with("Authorization", "Bearer t").status(status).says("WWW-Authenticate", CHALLENGE).bytes(*body),
        ];
        let error = pull(&mut play, turns).error();
        assert_eq!(error.to_string(), format!("{REGISTRY} does not let us in: {status} DENIED: not yours"));
    }
}

#[test]
fn without_credentials_the_error_says_how_to_get_some() {
    let error = pull(&mut play(), [denied("Basic realm=\"x\"")]).error();
    assert!(error.to_string().contains(&format!("`portolan login {REGISTRY}`")), "{error}");
    for nothing in ["Negotiate", "Bearer service=\"x\"", "=\"x"] {
        let error = pull(&mut play(), [denied(nothing)]).error();
        assert!(matches!(error, Error::Unauthorized { .. }), "{nothing}: {error}");
    }
}

/// Row 54.
#[test]
fn a_realm_is_asked_only_where_a_token_server_can_be() {
    let evil = [
        "http://169.254.169.254/latest",
        "http://auth.r.example/token",
        "https://127.0.0.1/token",
        "https://[::1]/token",
        "https://10.1.2.3/token",
        "file:///etc/passwd",
        "https://user:pass@auth.r.example/",
        "/token",
    ];
    for realm in evil {
        let mut play = play();
        play.credentials = Some(password());
        let job = play.client.ping("r.example");
        let turn =
            on("GET https://r.example/v2/").status(401).says("WWW-Authenticate", &format!("Bearer realm=\"{realm}\""));
        let error = play.run(job, [turn]).error();
        assert!(matches!(error, Error::InsecureLocation { .. }), "{realm}: {error}");
    }
}

/// Row 54.
#[test]
fn a_foreign_realm_sees_no_credentials_unless_it_is_trusted() {
    let run = |trusted_realms: Vec<String>, ask: Turn, last: Vec<Turn>| {
        let mut play = play_with(Options { trusted_realms, retries: 0, ..Options::default() });
        play.credentials = Some(password());
        let job = play.client.ping("r.example");
        let challenge = "Bearer realm=\"https://auth.elsewhere.test/\"";
        let first = on("GET https://r.example/v2/").status(401).says("WWW-Authenticate", challenge);
        play.run(job, [first, ask].into_iter().chain(last))
    };
    let anonymous = on("GET https://auth.elsewhere.test/").without("Authorization").status(401);
    let error = run(Vec::new(), anonymous, Vec::new()).error();
    assert!(error.to_string().ends_with("--trust-realm auth.elsewhere.test"), "{error}");
    let trusted =
        on("GET https://auth.elsewhere.test/?account=user").with("Authorization", BASIC).bytes(br#"{"token":"t"}"#);
    let last = on("GET https://r.example/v2/").with("Authorization", "Bearer t");
    assert!(run(vec!["auth.elsewhere.test".into()], trusted, vec![last]).outcome.is_ok());
}

#[test]
fn what_is_no_token_does_not_become_a_header() {
    for answer in [&br#"{"token":"a\r\nX-Evil: 1"}"#[..], br#"{"token":""}"#, b"<html>", br#"{"token":5}"#] {
        let error = pull(&mut play(), [denied(CHALLENGE), on(ASK).bytes(answer)]).error();
        assert!(matches!(error, Error::InvalidResponse { .. }), "{error}");
    }
}

/// H-08.
#[test]
fn a_mount_asks_for_both_repositories_at_once() {
    let mut play = play();
    let descriptor = super::script::blob(b"abc");
    let push = BlobPush { mount_from: vec![repository("base")], ..BlobPush::of(descriptor.clone()) };
    let job = play.client.push_blob(&repository("app"), push);
    let challenge =
        |turn: Turn| turn.status(401).says("WWW-Authenticate", "Bearer realm=\"http://localhost:5001/token\"");
    let mount = format!("POST /v2/app/blobs/uploads/?mount={}&from=base", descriptor.digest);
    let run = play.run(
        job,
        [
            challenge(on(&format!("HEAD /v2/app/blobs/{}", descriptor.digest))),
            on(&format!("GET {TOKEN}?scope=repository:app:pull%2Cpush").replace("%2C", ","))
                .bytes(br#"{"token":"one"}"#),
            on(&format!("HEAD /v2/app/blobs/{}", descriptor.digest)).with("Authorization", "Bearer one").status(404),
            challenge(on(&mount)),
            on(&format!("GET {TOKEN}?scope=repository:app:pull,push&scope=repository:base:pull"))
                .bytes(br#"{"token":"two"}"#),
            on(&mount).with("Authorization", "Bearer two").status(201).says("Location", "/v2/app/blobs/x"),
        ],
    );
    let Ok(Outcome::Pushed(pushed)) = run.outcome else { panic!("{:?}", run.outcome) };
    assert_eq!(pushed.how, portolan_registry::client::How::Mounted);
}
