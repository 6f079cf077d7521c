//! An upstream over HTTP. Nothing that a client of ours sent goes there, least of all its credentials (W-32).

use super::{Given, Later, Pieces, Upstream, UpstreamError};
use crate::error::{Error, Result};
use bytes::Bytes;
use portolan_registry::server::query::encode;
use reqwest::header::WWW_AUTHENTICATE;
use reqwest::{Response, Url};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a token is used. Registries give them for a minute or more.
const TOKEN: Duration = Duration::from_secs(50);
/// The bytes of the answer that brings a token.
const TOKEN_BYTES: usize = 64 << 10;
/// How many tokens are kept.
const TOKENS: usize = 1000;

/// A registry at a URL, asked as anybody may ask.
pub(super) struct Client {
    client: reqwest::Client,
    url: Url,
    tokens: Mutex<HashMap<String, (String, Instant)>>,
}

impl Client {
    pub(super) fn new(url: &str) -> Result<Self> {
        // It says so when another is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let wrong = |error: &dyn std::fmt::Display| Error::Usage(format!("cannot pull from {url}: {error}"));
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(15))
            .read_timeout(Duration::from_secs(60))
            .user_agent(concat!("portolan/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| wrong(&error))?;
        let url = Url::parse(url.trim_end_matches('/')).map_err(|error| wrong(&error))?;
        Ok(Self { client, url, tokens: Mutex::default() })
    }

    async fn send(
        &self,
        path: &str,
        accept: &str,
        token: Option<&str>,
    ) -> std::result::Result<Response, UpstreamError> {
        let base = self.url.as_str().trim_end_matches('/');
        let mut request = self.client.get(format!("{base}/v2/{path}")).header("accept", accept);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.map_err(failed)
    }

    /// The token that the registry gives to anybody, as its challenge says.
    async fn token(&self, challenge: &str) -> std::result::Result<String, UpstreamError> {
        let parameter = |name: &str| parameter(challenge, name);
        let realm = parameter("realm").and_then(|realm| Url::parse(&realm).ok()).ok_or(UpstreamError::Missing)?;
        // A realm is wherever the registry says; over plain HTTP it is believed only of its own host, so that nobody
        // makes us ask the machines around us (row 54).
        if realm.scheme() != "https" && (realm.scheme() != self.url.scheme() || realm.host() != self.url.host()) {
            return Err(UpstreamError::Failed(format!("its realm {realm} is not HTTPS")));
        }
        let query: Vec<String> = ["service", "scope"]
            .iter()
            .filter_map(|name| parameter(name).map(|value| format!("{name}={}", encode(&value))))
            .collect();
        let mut url = realm;
        url.set_query(Some(&query.join("&")));
        let mut answer = self.client.get(url).send().await.map_err(failed)?;
        if !answer.status().is_success() {
            return Err(UpstreamError::Missing);
        }
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > TOKEN_BYTES {
                return Err(UpstreamError::Failed("its token is too long".to_owned()));
            }
        }
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let token = ["token", "access_token"].iter().find_map(|name| value.get(name)?.as_str());
        token.map(str::to_owned).ok_or_else(|| UpstreamError::Failed("it gives no token".to_owned()))
    }
}

/// A parameter of a `Bearer` challenge.
fn parameter(challenge: &str, name: &str) -> Option<String> {
    let rest = challenge.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer ")).and(challenge.get(7..))?;
    let (_, after) = rest.split_once(&format!("{name}=\""))?;
    after.split_once('"').map(|(value, _)| value.to_owned())
}

fn failed(error: reqwest::Error) -> UpstreamError {
    UpstreamError::Failed(error.to_string())
}

impl Upstream for Client {
    fn pull<'a>(&'a self, path: &'a str, accept: &'a str) -> Later<'a, Given> {
        Box::pin(async move {
            // Everything but the last two components is the repository, for which a token is.
            let repository = path.rsplitn(3, '/').last().unwrap_or_default().to_owned();
            let tokens = || self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            let known =
                tokens().get(&repository).filter(|(_, at)| at.elapsed() < TOKEN).map(|(token, _)| token.clone());
            let mut answer = self.send(path, accept, known.as_deref()).await?;
            if answer.status().as_u16() == 401 {
                let challenge = answer.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
                let token = self.token(challenge.ok_or(UpstreamError::Missing)?).await?;
                answer = self.send(path, accept, Some(&token)).await?;
                let mut tokens = tokens();
                if tokens.len() >= TOKENS {
                    tokens.clear();
                }
                tokens.insert(repository, (token, Instant::now()));
            }
            match answer.status().as_u16() {
                200 => Ok((answer.headers().clone(), Box::new(Body(answer)) as Box<dyn Pieces>)),
                401 | 403 | 404 => Err(UpstreamError::Missing),
                status => Err(UpstreamError::Failed(format!("status {status}"))),
            }
        })
    }
}

struct Body(Response);

impl Pieces for Body {
    fn next(&mut self) -> Later<'_, std::result::Result<Option<Bytes>, UpstreamError>> {
        Box::pin(async move { self.0.chunk().await.map_err(failed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_has_parameters() {
        let challenge = r#"Bearer realm="https://a.example/token",service="a",scope="repository:x/y:pull""#;
        assert_eq!(parameter(challenge, "realm").as_deref(), Some("https://a.example/token"));
        assert_eq!(parameter(challenge, "scope").as_deref(), Some("repository:x/y:pull"));
        assert_eq!(
            (parameter(challenge, "error"), parameter("Basic realm=\"x\"", "realm"), parameter("", "realm")),
            (None, None, None)
        );
    }
}
