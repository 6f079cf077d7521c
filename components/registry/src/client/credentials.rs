//! Credentials, as Docker keeps them in its `config.json` and as helpers answer them (H-09).

use crate::error::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Map, Value, json};
use std::fmt;

/// The most bytes of a file of credentials, or of an answer of a helper.
const CONFIG_BYTES: usize = 4 << 20;
/// The name under which Docker keeps the credentials of `docker.io`.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";
/// The user name by which a helper says that the secret is an identity token.
const TOKEN_USER: &str = "<token>";

/// What proves to a registry who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// A refresh token: it buys tokens at the registry's token server, by OAuth 2.
    Identity(String),
    /// A token that is handed to the registry as it is.
    Token(String),
}

/// No secret is ever printed.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Credentials::Password",
            Self::Identity(_) => "Credentials::Identity",
            Self::Token(_) => "Credentials::Token",
        })
    }
}

impl Credentials {
    /// The value of an `Authorization` header for the scheme `Basic`, where these can be one.
    pub(crate) fn basic(&self) -> Option<String> {
        match self {
            Self::Password { username, password } => {
                Some(format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
            }
            _ => None,
        }
    }
}

/// What a file says about a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// The credentials themselves.
    Credentials(Credentials),
    /// That a program has them: run `docker-credential-PROGRAM get`, write the server to its standard input, and hand its
    /// standard output to [`from_helper`].
    Helper {
        /// What follows `docker-credential-`; letters, digits, `-`, `_` and `.` alone.
        program: String,
        /// What the program is asked for.
        server: String,
    },
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::InvalidCredentials { reason: reason.into() }
}

fn parse(config: &[u8]) -> Result<Map<String, Value>> {
    if config.len() > CONFIG_BYTES {
        return Err(invalid(format!("it has {} bytes, {CONFIG_BYTES} at most are read", config.len())));
    }
    if config.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(config) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(invalid("it is no JSON object")),
        // The parser's message does not repeat what stands there.
        Err(error) => Err(invalid(format!("it is not JSON: line {}, column {}", error.line(), error.column()))),
    }
}

/// The key of a registry in files of credentials.
fn key(registry: &str) -> &str {
    if registry == "docker.io" { DOCKER_HUB } else { registry }
}

/// The registry that a key means: keys may be addresses with a path.
fn registry_of(key: &str) -> &str {
    let host = key.trim_start_matches("https://").trim_start_matches("http://");
    match host.split('/').next().unwrap_or_default() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

fn entry<'a>(config: &'a Map<String, Value>, section: &str, registry: &str) -> Option<&'a Value> {
    let section = config.get(section)?.as_object()?;
    // As it is written by Docker itself, then as others write it.
    section
        .get(key(registry))
        .or_else(|| section.iter().find(|(key, _)| registry_of(key) == registry).map(|(_, value)| value))
}

/// What a `config.json` says about a registry: its own helper first, then the store of all, then the file itself, as
/// Docker does.
///
/// # Errors
/// [`Error::InvalidCredentials`].
pub fn find(config: &[u8], registry: &str) -> Result<Found> {
    let config = parse(config)?;
    let helper = entry(&config, "credHelpers", registry).or_else(|| config.get("credsStore")).and_then(Value::as_str);
    if let Some(program) = helper.filter(|program| !program.is_empty()) {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !program.bytes().all(is_name) {
            return Err(invalid(format!("{program:?} is no name of a credential helper")));
        }
        return Ok(Found::Helper { program: program.to_owned(), server: key(registry).to_owned() });
    }
    let Some(entry) = entry(&config, "auths", registry) else { return Ok(Found::Nothing) };
    let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(token) = text("identitytoken") {
        return Ok(Found::Credentials(Credentials::Identity(token.to_owned())));
    }
    if let Some(token) = text("registrytoken") {
        return Ok(Found::Credentials(Credentials::Token(token.to_owned())));
    }
    if let Some(auth) = text("auth") {
        let wrong = || invalid(format!("the auth of {registry} is not the Base64 of USER:PASSWORD"));
        let decoded = STANDARD.decode(auth).or_else(|_| STANDARD_NO_PAD.decode(auth)).map_err(|_| wrong())?;
        let decoded = String::from_utf8(decoded).map_err(|_| wrong())?;
        let (username, password) = decoded.split_once(':').ok_or_else(wrong)?;
        let password = password.trim_end_matches('\0');
        return Ok(Found::Credentials(password_or_token(username, password)));
    }
    match (text("username"), text("password")) {
        (Some(username), Some(password)) => Ok(Found::Credentials(password_or_token(username, password))),
        _ => Ok(Found::Nothing),
    }
}

fn password_or_token(username: &str, secret: &str) -> Credentials {
    if username == TOKEN_USER {
        return Credentials::Identity(secret.to_owned());
    }
    Credentials::Password { username: username.to_owned(), password: secret.to_owned() }
}

/// What a credential helper answered.
///
/// # Errors
/// [`Error::InvalidCredentials`].
pub fn from_helper(answer: &[u8]) -> Result<Option<Credentials>> {
    let answer = parse(answer)?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    let (username, secret) = (text("Username"), text("Secret"));
    Ok((!username.is_empty() || !secret.is_empty()).then(|| password_or_token(username, secret)))
}

/// A `config.json` with the credentials of one registry replaced, or removed; all else stays.
///
/// # Errors
/// [`Error::InvalidCredentials`].
pub fn store(config: &[u8], registry: &str, credentials: Option<&Credentials>) -> Result<Vec<u8>> {
    let mut config = parse(config)?;
    let auths = config.entry("auths").or_insert_with(|| json!({}));
    let auths = auths.as_object_mut().ok_or_else(|| invalid("its auths are no object"))?;
    auths.retain(|key, _| registry_of(key) != registry);
    if let Some(credentials) = credentials {
        let value = match credentials {
            Credentials::Password { username, password } => {
                json!({ "auth": STANDARD.encode(format!("{username}:{password}")) })
            }
            Credentials::Identity(token) => json!({ "identitytoken": token }),
            Credentials::Token(token) => json!({ "registrytoken": token }),
        };
        auths.insert(key(registry).to_owned(), value);
    }
    let mut bytes = serde_json::to_vec_pretty(&config).map_err(|error| invalid(error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(username: &str, password: &str) -> Found {
        let (username, password) = (username.to_owned(), password.to_owned());
        Found::Credentials(Credentials::Password { username, password })
    }

    /// H-09.
    #[test]
    fn the_forms_that_docker_writes_are_read() {
        let config = br#"{"auths":{
            "https://index.docker.io/v1/":{"auth":"dXNlcjpwYTpzcw=="},
            "ghcr.io":{"auth":"dTpw","identitytoken":"refresh"},
            "https://quay.io/v2/":{"username":"u","password":"p"},
            "registry.example":{"registrytoken":"t"},
            "tokens.example":{"auth":"PHRva2VuPjphYmM="},
            "localhost:5000":{"auth":"dTpw"},
            "empty.example":{}}}"#;
        assert_eq!(find(config, "docker.io").unwrap(), password("user", "pa:ss"));
        assert_eq!(find(config, "ghcr.io").unwrap(), Found::Credentials(Credentials::Identity("refresh".into())));
        assert_eq!(find(config, "quay.io").unwrap(), password("u", "p"));
        assert_eq!(find(config, "registry.example").unwrap(), Found::Credentials(Credentials::Token("t".into())));
        assert_eq!(find(config, "tokens.example").unwrap(), Found::Credentials(Credentials::Identity("abc".into())));
        assert_eq!(find(config, "localhost:5000").unwrap(), password("u", "p"));
        for nothing in ["localhost", "localhost:5001", "empty.example", "io", "example"] {
            assert_eq!(find(config, nothing).unwrap(), Found::Nothing, "{nothing}");
        }
        assert_eq!(find(b"", "ghcr.io").unwrap(), Found::Nothing);
    }

    #[test]
    fn a_helper_of_the_registry_goes_before_the_store_of_all() {
        let config =
            br#"{"credsStore":"desktop","credHelpers":{"gcr.io":"gcloud"},"auths":{"gcr.io":{"auth":"dTpw"}}}"#;
        let helper = |program: &str, server: &str| Found::Helper { program: program.into(), server: server.into() };
        assert_eq!(find(config, "gcr.io").unwrap(), helper("gcloud", "gcr.io"));
        assert_eq!(find(config, "docker.io").unwrap(), helper("desktop", "https://index.docker.io/v1/"));
    }

    #[test]
    fn a_helper_is_a_name_and_no_path() {
        for program in ["../evil", "a b", "a;b", "/bin/sh"] {
            let config = serde_json::to_vec(&json!({ "credsStore": program })).unwrap();
            assert!(matches!(find(&config, "gcr.io"), Err(Error::InvalidCredentials { .. })), "{program}");
        }
    }

    #[test]
    fn helpers_answer_passwords_and_identity_tokens() {
        let answer = |text: &str| from_helper(text.as_bytes()).unwrap();
        assert_eq!(
            answer(r#"{"ServerURL":"x","Username":"u","Secret":"p"}"#),
            Some(Credentials::Password { username: "u".into(), password: "p".into() })
        );
        assert_eq!(answer(r#"{"Username":"<token>","Secret":"r"}"#), Some(Credentials::Identity("r".into())));
        assert_eq!(answer(r#"{"Username":"","Secret":""}"#), None);
        assert!(from_helper(b"credentials not found in native keychain").is_err());
    }

    #[test]
    fn what_is_stored_is_found_and_all_else_stays() {
        let config = br#"{"psFormat":"x","auths":{"index.docker.io":{"auth":"YTpi"},"ghcr.io":{"auth":"dTpw"}}}"#;
        let credentials = Credentials::Password { username: "n".into(), password: "s:t".into() };
        let stored = store(config, "docker.io", Some(&credentials)).unwrap();
        assert_eq!(find(&stored, "docker.io").unwrap(), Found::Credentials(credentials));
        assert_eq!(find(&stored, "ghcr.io").unwrap(), password("u", "p"));
        assert!(String::from_utf8(stored.clone()).unwrap().contains("psFormat"));
        let removed = store(&stored, "docker.io", None).unwrap();
        assert_eq!(find(&removed, "docker.io").unwrap(), Found::Nothing);
        assert_eq!(find(&removed, "ghcr.io").unwrap(), password("u", "p"));
    }

    #[test]
    fn no_secret_is_printed() {
        let secrets = [
            Credentials::Password { username: "name".into(), password: "secret".into() },
            Credentials::Identity("secret".into()),
            Credentials::Token("secret".into()),
        ];
        for credentials in secrets {
            assert!(!format!("{credentials:?}").contains("secret"));
        }
        let error = find(br#"{"auths":{"a":{"auth":"c2VjcmV0"}}}"#, "a").unwrap_err();
        assert!(!error.to_string().contains("c2VjcmV0") && !error.to_string().contains("secret"), "{error}");
    }
}
