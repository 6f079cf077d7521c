//! Getting in: Basic, and tokens of a token server (H-02 to H-10).

use super::address::Address;
use super::challenge::Challenge;
use super::exchange::{Ask, Reply};
use super::{Credentials, Endpoint, Shared};
use crate::error::{Error, Result};
use crate::http::{Body, Method, encode};
use crate::job::{Answer, Desk, Step};
use serde_json::Value;

/// Bytes of the answer of a token server.
const TOKEN_BYTES: u64 = 1 << 20;
/// Seconds that a token lives where nothing is said (H-05).
const LIFETIME: u64 = 60;
/// Seconds before its end at which a token is no longer used.
const MARGIN: u64 = 5;
const CLIENT_ID: &str = "portolan";

/// How a registry wants to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Basic,
    Bearer,
}

pub(super) struct Token {
    value: String,
    /// Milliseconds on the clock of the driver.
    ends: u64,
}

impl Shared {
    /// What is known to let us in.
    pub(super) fn authorization(&self, endpoint: &Endpoint, scopes: &[String], now: u64) -> Option<String> {
        let state = self.state.borrow();
        let credentials = || state.credentials.get(&endpoint.registry).and_then(Option::as_ref);
        match state.schemes.get(&endpoint.registry)? {
            Scheme::Basic => credentials()?.basic(),
            Scheme::Bearer => match credentials() {
                Some(Credentials::Token(token)) => Some(format!("Bearer {token}")),
                _ => {
                    let token = state.tokens.get(&(endpoint.registry.clone(), scopes.join(" ")))?;
                    (now < token.ends).then(|| format!("Bearer {}", token.value))
                }
            },
        }
    }

    /// What was refused is not tried again.
    pub(super) fn forget(&self, endpoint: &Endpoint, scopes: &[String]) {
        self.state.borrow_mut().tokens.remove(&(endpoint.registry.clone(), scopes.join(" ")));
    }

    /// Does what a 401 asks for, and answers what lets us in.
    pub(super) async fn authenticate(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        scopes: &[String],
        reply: &Reply,
    ) -> Result<String> {
        let unauthorized = |reason: String| Error::Unauthorized { registry: endpoint.registry.clone(), reason };
        let challenges: Vec<Challenge> =
            reply.head.values("www-authenticate").filter_map(Challenge::parse).flatten().collect();
        let offers = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        let credentials = self.credentials(desk, endpoint).await?;
        let (scheme, authorization) = match (&credentials, offers("bearer"), offers("basic")) {
            (Some(Credentials::Token(token)), _, _) => (Scheme::Bearer, format!("Bearer {token}")),
            (_, Some(challenge), _) => {
                let token = self.token(desk, endpoint, challenge, scopes, credentials.as_ref()).await?;
                let authorization = format!("Bearer {}", token.value);
                let key = (endpoint.registry.clone(), scopes.join(" "));
                self.state.borrow_mut().tokens.insert(key, token);
                (Scheme::Bearer, authorization)
            }
            (Some(credentials), None, Some(_)) => {
                let basic = credentials.basic().ok_or_else(|| {
                    unauthorized("it wants a name and a password, and there is an identity token".to_owned())
                })?;
                (Scheme::Basic, basic)
            }
            (None, None, Some(_)) => {
                let hint = format!("no credentials are known; log in with `portolan login {}`", endpoint.registry);
                return Err(unauthorized(format!("{}; {hint}", reply.reason())));
            }
            (_, None, None) => {
                return Err(unauthorized(format!("{}; it offers neither Bearer nor Basic", reply.reason())));
            }
        };
        self.state.borrow_mut().schemes.insert(endpoint.registry.clone(), scheme);
        Ok(authorization)
    }

    /// What the driver knows, asked once for a registry.
    async fn credentials(&self, desk: &Desk, endpoint: &Endpoint) -> Result<Option<Credentials>> {
        if let Some(known) = self.state.borrow().credentials.get(&endpoint.registry) {
            return Ok(known.clone());
        }
        let Answer::Credentials(credentials) = desk.ask(Step::Credentials(endpoint.registry.clone())).await else {
            return Err(Error::InvalidState { reason: "credentials are answered by credentials" });
        };
        self.state.borrow_mut().credentials.insert(endpoint.registry.clone(), credentials.clone());
        Ok(credentials)
    }

    /// Buys a token.
    async fn token(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        challenge: &Challenge,
        scopes: &[String],
        credentials: Option<&Credentials>,
    ) -> Result<Token> {
        let unauthorized = |reason: String| Error::Unauthorized { registry: endpoint.registry.clone(), reason };
        let realm =
            challenge.parameter("realm").ok_or_else(|| unauthorized("its challenge has no realm".to_owned()))?;
        let realm = realm_of(endpoint, realm)?;
        let is_trusted = realm.is_same_site(&endpoint.root)
            || self.options.trusted_realms.iter().any(|trusted| trusted.eq_ignore_ascii_case(realm.host()));
        let (credentials, hint) = match credentials {
            Some(_) if !is_trusted => {
                let host = realm.host();
                (
                    None,
                    format!("; the credentials were not shown to {host}, which is another site: --trust-realm {host}"),
                )
            }
            credentials => (credentials, String::new()),
        };
        let mut wanted: Vec<&str> = scopes.iter().map(String::as_str).collect();
        for scope in challenge.parameter("scope").unwrap_or_default().split_ascii_whitespace() {
            if !wanted.contains(&scope) {
                wanted.push(scope);
            }
        }
        let service = challenge.parameter("service");
        // The realm is a party of its own: nothing of the endpoint goes there.
        let server = Endpoint { registry: endpoint.registry.clone(), root: realm.clone(), namespace: None };
        let reply = match credentials {
            Some(Credentials::Identity(token)) => {
                let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
                self.buy(desk, &server, &form, service, &wanted).await?
            }
            credentials => {
                let mut address = realm.clone();
                if let Some(service) = service {
                    address = address.with_query("service", service);
                }
                for scope in &wanted {
                    address = address.with_query("scope", scope);
                }
                let basic = credentials.and_then(Credentials::basic);
                if let Some(Credentials::Password { username, .. }) = credentials {
                    address = address.with_query("account", username);
                }
                let ask = Ask::new(Method::Get, address, &[]).read(TOKEN_BYTES);
                let reply = self.send(desk, &server, &ask, basic).await?;
                match (reply.status(), credentials) {
                    // H-06, the other way round: it only speaks OAuth 2.
                    (404 | 405, Some(Credentials::Password { username, password })) => {
                        let form = [("grant_type", "password"), ("username", username), ("password", password)];
                        self.buy(desk, &server, &form, service, &wanted).await?
                    }
                    _ => reply,
                }
            }
        };
        if reply.status() != 200 {
            return Err(unauthorized(format!("{} says {}{hint}", reply.request, reply.reason())));
        }
        read_token(&reply, desk.now())
    }

    /// OAuth 2 (H-06).
    async fn buy(
        &self,
        desk: &Desk,
        server: &Endpoint,
        grant: &[(&str, &str)],
        service: Option<&str>,
        scopes: &[&str],
    ) -> Result<Reply> {
        let scope = scopes.join(" ");
        let rest = [("client_id", CLIENT_ID), ("access_type", "offline"), ("scope", scope.as_str())];
        let service = service.map(|service| ("service", service));
        let pairs = grant.iter().copied().chain(service).chain(rest);
        let form: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let ask = Ask::new(Method::Post, server.root.clone(), &[])
            .with("Content-Type", "application/x-www-form-urlencoded")
            .body(Body::Bytes(form.join("&").into_bytes()))
            .secret()
            .read(TOKEN_BYTES);
        self.send(desk, server, &ask, None).await
    }
}

/// The address of a token server, if it is one that may be asked (row 54).
fn realm_of(endpoint: &Endpoint, realm: &str) -> Result<Address> {
    let address = Address::parse(realm)?;
    let insecure = |reason| Error::InsecureLocation { location: address.shown(), reason };
    let is_own_host = address.host() == endpoint.root.host();
    let both_here = address.is_loopback() && endpoint.root.is_loopback();
    let both_plain = is_own_host && !endpoint.root.is_secure();
    if !(address.is_secure() || both_here || both_plain) {
        return Err(insecure("a token server is asked over https alone"));
    }
    if address.is_local() && !is_own_host && !both_here {
        return Err(insecure("a token server is no host by number, and not this machine"));
    }
    Ok(address)
}

/// H-05.
fn read_token(reply: &Reply, now: u64) -> Result<Token> {
    let body: Value =
        serde_json::from_slice(&reply.body).map_err(|_| reply.invalid("what should hold a token is not JSON"))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let value = text("token").or_else(|| text("access_token")).ok_or_else(|| reply.invalid("it holds no token"))?;
    // It becomes a header: nothing else may ride on it.
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(reply.invalid("the token is no word of ASCII"));
    }
    let seconds = body.get("expires_in").and_then(Value::as_u64).unwrap_or(LIFETIME);
    let ends = now.saturating_add(seconds.saturating_sub(MARGIN).saturating_mul(1000));
    Ok(Token { value: value.to_owned(), ends })
}
