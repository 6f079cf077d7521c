//! The explorer: a page that shows images, served beside the registry, and a way for it to other registries.
//!
//! A page may read the registry that it comes from, and of others next to none, since they do not allow it (CORS). So the
//! server asks them in its stead, when it was told which: with the credentials that this machine has, which the page never
//! sees, and with nothing that the page sent along. Such a way is worth protecting from every other page:
//!
//! - It is below a path with a random token, which stands in the fragment of the URL that is printed
//!   (`http://127.0.0.1:5000/#token=TOKEN`): fragments are neither sent nor logged.
//! - `Host` must be an address that is listened on, whatever is asked for, so that no other name leads here (DNS
//!   rebinding); an `Origin` must be the page's own, or for the registry one of those that may read.
//! - It answers GET and HEAD alone, and registries that were named alone.
//! - It listens on loopback addresses, unless names are given under which it is reached ([`Explorer::reached_as`]).
//!
//! # What the page asks
//!
//! - `/explorer.json`, with the token as the value of the header `Portolan-Token`; 403 without it:
//!
//!   ```json
//!   {
//!     "registry": true,
//!     "repositories": ["demo", "team/app"],
//!     "proxies": [{ "registry": "docker.io", "hosts": ["docker.io", "registry-1.docker.io"], "path": "/explore/TOKEN/docker.io" }]
//!   }
//!   ```
//!
//!   `registry` says that the page's own origin is a registry, whose `repositories` are listed.
//! - `/v2/...`, the registry itself, without a token.
//! - `/explore/TOKEN/HOST/v2/...`: what would be asked at `https://HOST/v2/...` of a registry in `proxies`. Manifests, blobs
//!   with ranges, tags and referrers are answered as registries answer them. The page verifies what it gets. A registry
//!   that does not let us in is 403, one that cannot be reached or is wrong is 502; both say why, as registries do.

mod files;
mod upstream;

pub(super) use upstream::is_host;

use super::answer::{Answer, Asked, Registry, document, set};
use crate::error::Error;
use crate::registry::Registries;
use crate::store::{self, Failure};
use files::Files;
use http::header::{self, HeaderName};
use http::{Method, StatusCode};
use portolan_registry::server::{Code, Refusal, cors, refusal::JSON};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

/// What the page may do: run what comes with it, and speak to this server.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' blob: data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
     form-action 'none'";
/// What everything else may do that a browser is led to: images hold pages, too.
const OTHER_POLICY: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'; sandbox";
/// Where other registries are.
const PREFIX: &str = "/explore/";
const TOKEN: HeaderName = HeaderName::from_static("portolan-token");

/// The explorer page, and the registries that it may ask through the server.
pub struct Explorer {
    files: Files,
    registries: Registries,
    hosts: Vec<String>,
    turns: upstream::Turns,
    token: String,
    /// Under which names it is reached besides the addresses.
    names: Vec<String>,
    /// What `Host` may be.
    authorities: Vec<String>,
    scheme: &'static str,
}

impl Explorer {
    /// The page that is part of this program; `registries` say how others are reached.
    ///
    /// # Errors
    /// [`Error::Usage`] when the program was built without it.
    pub fn embedded(registries: Registries) -> crate::Result<Self> {
        Self::new(Files::embedded()?, registries)
    }

    /// The page in a directory, such as `web/dist`, as it is now.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::Usage`] when it holds no `index.html`.
    pub fn from_directory(registries: Registries, directory: &Path) -> crate::Result<Self> {
        Self::new(Files::read(directory)?, registries)
    }

    fn new(files: Files, registries: Registries) -> crate::Result<Self> {
        let token = store::random()?;
        let (hosts, names, authorities) = (Vec::new(), Vec::new(), Vec::new());
        let turns = upstream::turns();
        Ok(Self { files, registries, hosts, turns, token, names, authorities, scheme: "http" })
    }

    /// Lets the page ask a registry, such as `docker.io`.
    ///
    /// # Errors
    /// [`Error::Usage`] when this is no host.
    pub fn proxy(mut self, host: &str) -> crate::Result<Self> {
        if !is_host(host) {
            return Err(Error::Usage(format!("{host} is no registry such as docker.io or registry.example:5000")));
        }
        self.hosts.push(upstream::canonical(host));
        Ok(self)
    }

    /// The page is reached under this name too, `HOST` or `HOST:PORT`, and not from this machine alone.
    ///
    /// # Errors
    /// [`Error::Usage`] when this is no host.
    pub fn reached_as(mut self, name: &str) -> crate::Result<Self> {
        if !is_host(name) {
            return Err(Error::Usage(format!("{name} is no host such as images.example:5000")));
        }
        self.names.push(name.to_ascii_lowercase());
        Ok(self)
    }

    /// Takes notice of where the server listens.
    pub(super) fn listen(&mut self, scheme: &'static str, addresses: &[SocketAddr]) -> crate::Result<()> {
        self.scheme = scheme;
        if let Some(address) = addresses.iter().find(|address| !address.ip().is_loopback() && self.names.is_empty()) {
            return Err(Error::Usage(format!(
                "the explorer is for this machine, and {address} is not: give the name under which others reach it \
                 with --explorer-host, or listen on 127.0.0.1"
            )));
        }
        for address in addresses {
            let mut hosts = vec![match address.ip() {
                std::net::IpAddr::V4(ip) => ip.to_string(),
                std::net::IpAddr::V6(ip) => format!("[{ip}]"),
            }];
            if address.ip().is_loopback() || address.ip().is_unspecified() {
                hosts.push("localhost".to_owned());
            }
            for host in hosts {
                // Browsers leave out the port that a scheme has anyway.
                if address.port() == if scheme == "https" { 443 } else { 80 } {
                    self.authorities.push(host.clone());
                }
                self.authorities.push(format!("{host}:{}", address.port()));
            }
        }
        self.authorities.extend(self.names.iter().cloned());
        Ok(())
    }

    /// The URLs of the page, with its token.
    pub(super) fn urls(&self, addresses: &[SocketAddr]) -> Vec<String> {
        let (scheme, token) = (self.scheme, &self.token);
        let given = addresses.iter().filter(|address| !address.ip().is_unspecified()).map(ToString::to_string);
        given.chain(self.names.iter().cloned()).map(|host| format!("{scheme}://{host}/#token={token}")).collect()
    }

    /// A path as it may be logged.
    pub(super) fn masked(&self, path: &str) -> String {
        path.replace(&self.token, "TOKEN")
    }

    /// Refuses what was sent to another name, or by a page of another origin.
    pub(super) fn admit(&self, asked: &Asked, path: &str, readers: &[String]) -> Result<(), Refusal> {
        let denied = |message: &str| Err(Refusal::new(Code::Denied, message));
        let host = asked.header(header::HOST).unwrap_or_default().to_ascii_lowercase();
        if !self.authorities.contains(&host) {
            return denied("the server with the explorer answers under the address that it listens on alone");
        }
        let Some(origin) = asked.headers.get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default();
        let is_own = origin.split_once("://").is_some_and(|(scheme, authority)| {
            scheme == self.scheme && self.authorities.iter().any(|own| authority.eq_ignore_ascii_case(own))
        });
        let is_registry = path == "/v2" || path.starts_with("/v2/");
        if is_own || is_registry && cors::allowed(readers, Some(origin)).is_some() {
            return Ok(());
        }
        denied("pages of other origins may not ask here")
    }

    /// Whether this is the token. Every byte is compared, so that the time tells nothing.
    fn is_token(&self, given: &str) -> bool {
        let pairs = given.bytes().zip(self.token.bytes());
        given.len() == self.token.len() && pairs.fold(0, |sum, (left, right)| sum | (left ^ right)) == 0
    }

    /// Adds to every answer what keeps a browser from making something of it that it is not.
    pub(super) fn add_headers(&self, answer: &mut Answer) {
        if !answer.headers().contains_key(header::CONTENT_SECURITY_POLICY) {
            set(answer, header::CONTENT_SECURITY_POLICY, OTHER_POLICY);
        }
        set(answer, header::REFERRER_POLICY, "no-referrer");
    }
}

impl Registry {
    /// The answer to what belongs to the explorer; nothing for every other path.
    pub(super) async fn explore(&self, asked: &Asked, path: &str) -> Result<Option<Answer>, Failure> {
        let Some(explorer) = &self.explorer else { return Ok(None) };
        let below = path.strip_prefix(PREFIX);
        let file = explorer.files.find(path);
        if below.is_none() && file.is_none() && path != "/explorer.json" {
            return Ok(None);
        }
        if !matches!(asked.method, Method::GET | Method::HEAD) {
            let refusal = Refusal::new(Code::Unsupported, "this is for reading: GET and HEAD");
            return Err(refusal.with_header("allow", "GET, HEAD, OPTIONS").into());
        }
        let mut answer = match (below, file) {
            (Some(below), _) => explorer.forward(asked, below).await?,
            (None, Some(file)) => {
                let mut answer = file.send(asked);
                set(&mut answer, header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
                set(&mut answer, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
                answer
            }
            (None, None) => explorer.describe(asked, self.store.names()?)?,
        };
        set(&mut answer, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
        if !answer.headers().contains_key(header::CACHE_CONTROL) {
            set(&mut answer, header::CACHE_CONTROL, "no-store");
        }
        Ok(Some(answer))
    }
}

impl Explorer {
    fn describe(&self, asked: &Asked, repositories: BTreeSet<String>) -> Result<Answer, Failure> {
        if !self.is_token(asked.header(TOKEN).unwrap_or_default()) {
            let message = "the token is wanted: open the URL that `portolan serve` printed when it began";
            return Err(Refusal::new(Code::Denied, message).into());
        }
        let proxies = self.hosts.iter().map(|host| {
            let path = format!("{PREFIX}{}/{host}", self.token);
            serde_json::json!({ "registry": host, "hosts": upstream::aliases(host), "path": path })
        });
        let described = serde_json::json!({ "registry": true, "repositories": repositories, "proxies": proxies.collect::<Vec<_>>() });
        Ok(document(StatusCode::OK, JSON, described.to_string().into_bytes(), asked.is_head()))
    }

    /// Asks another registry; `below` is `TOKEN/HOST/v2/...`.
    async fn forward(&self, asked: &Asked, below: &str) -> Result<Answer, Failure> {
        let (token, rest) = below.split_once('/').unwrap_or((below, ""));
        if !self.is_token(token) {
            let message = "the token is wrong: open the URL that `portolan serve` printed when it began";
            return Err(Refusal::new(Code::Denied, message).into());
        }
        let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
        let registry = upstream::canonical(host);
        if !self.hosts.contains(&registry) {
            let message =
                format!("this registry may not be asked: --explorer-registry names those that may, not {host:?}");
            return Err(Refusal::new(Code::Denied, message).into());
        }
        let path = rest.get(host.len()..).unwrap_or_default();
        upstream::answer(&self.registries, &self.turns, &registry, asked, path).await
    }
}
