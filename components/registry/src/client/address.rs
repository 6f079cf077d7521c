//! Where registries are, and where their answers may point to.

use crate::error::{Error, Result};
use fluent_uri::{Uri, UriRef};

/// How registries are spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// `https`, but `http` for the machine itself (H-11).
    #[default]
    Automatic,
    /// `http`, whatever the registry.
    Plain,
    /// `https`, whatever the registry.
    Secure,
}

/// The name under which the registry of `docker.io` answers (H-11).
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// An address that a request can go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    text: String,
    scheme: String,
    host: String,
    port: u16,
}

impl Address {
    /// The root of a registry's API, which ends in `/v2/`.
    pub(crate) fn api(registry: &str, transport: Transport) -> Result<Self> {
        let host = if registry == DOCKER_HUB.0 { DOCKER_HUB.1 } else { registry };
        let plain = match transport {
            Transport::Plain => true,
            Transport::Secure => false,
            Transport::Automatic => is_loopback(host_of(host)),
        };
        Self::parse(&format!("{}://{host}/v2/", if plain { "http" } else { "https" }))
    }

    /// An absolute address of `http` or `https`, without its fragment.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let insecure = |reason| Error::InsecureLocation { location: shown(text), reason };
        let uri = Uri::parse(text).map_err(|_| insecure("this is no address"))?;
        let scheme = uri.scheme().as_str().to_ascii_lowercase();
        let default = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return Err(insecure("only http and https are spoken")),
        };
        let authority = uri.authority().ok_or_else(|| insecure("there is no host in it"))?;
        if authority.userinfo().is_some() {
            return Err(insecure("it holds a user name"));
        }
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() {
            return Err(insecure("there is no host in it"));
        }
        let port = match authority.port().map(|port| port.as_str()) {
            None | Some("") => default,
            Some(port) => port.parse().map_err(|_| insecure("its port is no number below 65536"))?,
        };
        let text = text.split('#').next().unwrap_or_default().to_owned();
        Ok(Self { text, scheme, host, port })
    }

    /// What an answer from this address points to.
    ///
    /// # Errors
    /// [`Error::InsecureLocation`] when it is no address, or leads from `https` to `http` (row 55).
    pub(crate) fn follow(&self, location: &str) -> Result<Self> {
        let insecure = |reason| Error::InsecureLocation { location: shown(location), reason };
        let base = Uri::parse(self.text.as_str()).map_err(|_| insecure("this is no address"))?;
        let reference = UriRef::parse(location).map_err(|_| insecure("this is no address"))?;
        let resolved = reference.resolve_against(&base).map_err(|_| insecure("this is no address"))?;
        let target = Self::parse(resolved.as_str())?;
        if self.is_secure() && !target.is_secure() {
            return Err(insecure("it leads from https to http"));
        }
        Ok(target)
    }

    /// An address below this one.
    pub(crate) fn join(&self, path: &str) -> Self {
        Self { text: format!("{}{path}", self.text), ..self.clone() }
    }

    /// The same with one more parameter in its query.
    pub(crate) fn with_query(&self, name: &str, value: &str) -> Self {
        Self { text: crate::http::with_query(&self.text, name, value), ..self.clone() }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// For a person: the query may be a credential, as in signed addresses.
    pub(crate) fn shown(&self) -> String {
        shown(&self.text)
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether the answer comes from the same party (RFC 6454): scheme, host and port.
    pub(crate) fn is_same_origin(&self, other: &Self) -> bool {
        (&self.scheme, &self.host, self.port) == (&other.scheme, &other.host, other.port)
    }

    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Whether it is a host by number, or the machine itself: nothing that a registry elsewhere could mean.
    pub(crate) fn is_local(&self) -> bool {
        self.is_loopback() || self.host.starts_with('[') || is_ipv4(&self.host)
    }

    /// Whether it belongs to the same site as another: the same host, or a sibling or parent below a common domain of two
    /// labels at least, as `auth.docker.io` is to `registry-1.docker.io` and `gitlab.com` to `registry.gitlab.com`.
    pub(crate) fn is_same_site(&self, other: &Self) -> bool {
        if self.host == other.host {
            return true;
        }
        if self.is_local() || other.is_local() {
            return false;
        }
        let site = |host: &str| -> Option<String> {
            let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
            // Two labels, or three where the second is one under which a country registers others' names.
            let shared = ["ac", "co", "com", "edu", "gov", "net", "org", "ne", "or"];
            let [.., second, first] = labels.as_slice() else { return None };
            let count = if first.len() == 2 && shared.contains(second) { 3 } else { 2 };
            (labels.len() >= count).then(|| labels[labels.len() - count..].join("."))
        };
        matches!((site(&self.host), site(&other.host)), (Some(one), Some(two)) if one == two)
    }
}

fn shown(text: &str) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    text[..end].chars().take(300).collect()
}

/// The host of an authority without its port.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(end) => &authority[..end + 2],
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost") || host == "[::1]" || host.starts_with("127.") && is_ipv4(&host)
}

fn is_ipv4(host: &str) -> bool {
    host.split('.').count() == 4 && host.split('.').all(|part| part.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(registry: &str) -> String {
        Address::api(registry, Transport::Automatic).unwrap().text
    }

    #[test]
    fn docker_hub_answers_under_another_name() {
        assert_eq!(api("docker.io"), "https://registry-1.docker.io/v2/");
        assert_eq!(api("ghcr.io"), "https://ghcr.io/v2/");
    }

    #[test]
    fn only_the_machine_itself_is_spoken_to_in_the_clear() {
        for local in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.8.9.1", "[::1]:5000"] {
            assert!(api(local).starts_with("http://"), "{local}");
        }
        for remote in ["localhost.example.org", "10.0.0.1:5000", "registry:5000", "[::2]", "128.0.0.1"] {
            assert!(api(remote).starts_with("https://"), "{remote}");
        }
        assert!(Address::api("localhost", Transport::Secure).unwrap().is_secure());
        assert!(!Address::api("ghcr.io", Transport::Plain).unwrap().is_secure());
    }

    /// U-01, U-02, rows 53 and 55.
    #[test]
    fn locations_are_resolved_and_never_lead_out_of_tls() {
        let base = Address::parse("https://r.example/v2/app/blobs/uploads/?n=1").unwrap();
        let follow = |location: &str| base.follow(location).map(|address| address.text);
        assert_eq!(follow("/v2/x?state=a%2Fb").unwrap(), "https://r.example/v2/x?state=a%2Fb");
        assert_eq!(follow("abc").unwrap(), "https://r.example/v2/app/blobs/uploads/abc");
        assert_eq!(follow("https://cdn.example:8443/x#part").unwrap(), "https://cdn.example:8443/x");
        assert_eq!(follow("//cdn.example/x").unwrap(), "https://cdn.example/x");
        for wrong in
            ["http://r.example/x", "ftp://r.example/x", "file:///etc/passwd", "https://u:p@r.example/", "https:///x"]
        {
            assert!(matches!(follow(wrong), Err(Error::InsecureLocation { .. })), "{wrong}");
        }
    }

    #[test]
    fn another_port_is_another_origin() {
        let of = |text: &str| Address::parse(text).unwrap();
        assert!(of("https://r.example/a").is_same_origin(&of("https://R.example:443/b")));
        for other in ["https://r.example:444/", "http://r.example:443/", "https://s.example/"] {
            assert!(!of("https://r.example/").is_same_origin(&of(other)), "{other}");
        }
    }

    /// Row 54.
    #[test]
    fn a_site_is_a_domain_that_somebody_registered() {
        let same = |one: &str, two: &str| {
            let of = |host: &str| Address::parse(&format!("https://{host}/")).unwrap();
            of(one).is_same_site(&of(two))
        };
        assert!(same("registry-1.docker.io", "auth.docker.io"));
        assert!(same("registry.gitlab.com", "gitlab.com"));
        assert!(same("a.example.co.uk", "b.example.co.uk"));
        assert!(same("10.0.0.1:5000", "10.0.0.1:5001"));
        for (one, two) in [
            ("a.co.uk", "b.co.uk"),
            ("ghcr.io", "docker.io"),
            ("10.0.0.1", "11.0.0.1"),
            ("r.example", "169.254.169.254"),
            ("registry", "auth"),
        ] {
            assert!(!same(one, two), "{one} {two}");
        }
    }
}
