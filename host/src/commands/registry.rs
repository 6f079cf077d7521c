//! What every command understands that speaks to a registry.

use portolan::interrupt::Interrupt;
use portolan::registry::{Credentials, Mirror, Options, Password, Transport};
use portolan::{Error, Result, Toolkit, limits};
use std::io::Read as _;
use std::path::PathBuf;

/// Bytes of a password or token on standard input.
const SECRET_BYTES: u64 = 64 << 10;

/// How registries are reached. Credentials come from `portolan login`, Docker or Podman unless they are given here.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Registry options")]
pub(crate) struct Args {
    /// Speak HTTP without TLS [default: only to this machine]
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_short_help = true)]
    plain_http: Option<bool>,
    /// Trust the certificate authorities in this PEM file as well
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    ca: Vec<PathBuf>,
    /// Log in under this name, with --password-stdin
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub(super) username: Option<String>,
    /// Read the password from standard input
    #[arg(long, global = true, requires = "username", conflicts_with = "token_stdin", hide_short_help = true)]
    password_stdin: bool,
    /// Read a token from standard input and hand it to the registry as it is
    #[arg(long, global = true, conflicts_with = "username", hide_short_help = true)]
    token_stdin: bool,
    /// Pull from this host first; with `?ns` it is a proxy that is told for whom
    #[arg(long, global = true, value_name = "REGISTRY=HOST[?ns]", hide_short_help = true)]
    mirror: Vec<String>,
    /// Show credentials to this token server although it is on another site than the registry
    #[arg(long, global = true, value_name = "HOST", hide_short_help = true)]
    trust_realm: Vec<String>,
    /// How often to try again
    #[arg(long, global = true, value_name = "N", default_value_t = 5, hide_short_help = true)]
    retries: u32,
    /// Push blobs in chunks of so many bytes, such as 64M [default: in one piece]
    #[arg(long, global = true, value_name = "BYTES", hide_short_help = true)]
    chunk_size: Option<String>,
}

impl Args {
    pub(super) fn options(&self, toolkit: &Toolkit, interrupt: &Interrupt) -> Result<Options> {
        let transport = match self.plain_http {
            None => Transport::Automatic,
            Some(true) => Transport::Plain,
            Some(false) => Transport::Secure,
        };
        let chunk = match &self.chunk_size {
            None => None,
            // The grammar of amounts is that of limits.
            Some(size) => limits::parse(toolkit, &format!("archive-bytes={size}"))
                .map_err(|_| Error::Usage(format!("--chunk-size is a number with an optional K, M or G, not {size}")))?
                .first()
                .map(|limit| limit.value),
        };
        Ok(Options {
            transport,
            authorities: self.ca.clone(),
            mirrors: self.mirror.iter().map(|text| mirror(text)).collect::<Result<_>>()?,
            trusted_realms: self.trust_realm.clone(),
            retries: self.retries,
            chunk,
            interrupt: interrupt.clone(),
            ..Options::default()
        })
    }

    /// What is given to get in.
    pub(super) fn credentials(&self) -> Result<Option<Credentials>> {
        match &self.username {
            Some(username) if self.password_stdin => {
                let (username, password) = (username.clone(), secret()?);
                Ok(Some(Credentials::Password(Password { username, password })))
            }
            None if self.token_stdin => Ok(Some(Credentials::Token(secret()?))),
            _ => Ok(None),
        }
    }
}

pub(super) fn secret() -> Result<String> {
    let mut secret = String::new();
    std::io::stdin()
        .take(SECRET_BYTES)
        .read_to_string(&mut secret)
        .map_err(|error| Error::Usage(format!("no secret can be read from standard input: {error}")))?;
    match secret.trim_end_matches(['\r', '\n']) {
        "" => Err(Error::Usage("standard input holds no secret".to_owned())),
        secret => Ok(secret.to_owned()),
    }
}

fn mirror(text: &str) -> Result<Mirror> {
    let (registry, host) =
        text.split_once('=').filter(|(registry, host)| !registry.is_empty() && !host.is_empty()).ok_or_else(|| {
            Error::Usage(format!("--mirror is REGISTRY=HOST[?ns], such as docker.io=localhost:5000, not {text}"))
        })?;
    let (host, is_proxy) = host.strip_suffix("?ns").map_or((host, false), |host| (host, true));
    Ok(Mirror { registry: registry.to_owned(), host: host.to_owned(), is_proxy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_that_is_a_proxy_says_so() {
        let of = |text: &str| mirror(text).map(|mirror| (mirror.registry, mirror.host, mirror.is_proxy)).unwrap();
        assert_eq!(of("docker.io=localhost:5000"), ("docker.io".into(), "localhost:5000".into(), false));
        assert_eq!(of("ghcr.io=proxy.example?ns"), ("ghcr.io".into(), "proxy.example".into(), true));
        for wrong in ["docker.io", "=x", "x="] {
            assert!(matches!(mirror(wrong), Err(Error::Usage(_))), "{wrong}");
        }
    }
}
