//! What a guest may reach beyond its own.

use crate::error::{Error, Result};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::str::FromStr;
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

/// What is granted; by default nothing.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Variables of the environment; of several with one name the last counts.
    pub env: Vec<(String, String)>,
    /// Directories of this machine.
    pub mounts: Vec<Mount>,
    /// Addresses that may be connected to, sent to and bound.
    pub network: Vec<SocketAddr>,
    /// Hosts that requests of `wasi:http` may go to: `HOST`, or `HOST:PORT`.
    pub http: Vec<String>,
}

/// A directory of this machine that a guest sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is here.
    pub host: PathBuf,
    /// Where the guest sees it.
    pub guest: String,
    /// Whether the guest may only read.
    pub read_only: bool,
}

/// `HOST:GUEST`, or `HOST:GUEST:ro`.
impl FromStr for Mount {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (rest, read_only) = match text.strip_suffix(":ro") {
            Some(rest) => (rest, true),
            None => (text.strip_suffix(":rw").unwrap_or(text), false),
        };
        match rest.rsplit_once(':') {
            Some((host, guest)) if !host.is_empty() && guest.starts_with('/') => {
                Ok(Self { host: host.into(), guest: guest.to_owned(), read_only })
            }
            _ => Err("expected HOST:GUEST or HOST:GUEST:ro, with an absolute path for the guest".to_owned()),
        }
    }
}

impl Grants {
    /// Grants the addresses that `HOST:PORT` stands for.
    ///
    /// # Errors
    /// [`Error::Usage`] when it stands for none.
    pub fn allow_network(&mut self, text: &str) -> Result<()> {
        let addresses = text.to_socket_addrs();
        let addresses = addresses.map_err(|error| Error::Usage(format!("{text} is no HOST:PORT: {error}")))?;
        self.network.extend(addresses);
        Ok(())
    }

    /// Whether a request may go to a host.
    pub(super) fn allows(&self, uri: &hyper::Uri) -> bool {
        let Some(host) = uri.host() else { return false };
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        self.http.iter().any(|granted| {
            granted.eq_ignore_ascii_case(host) || granted.eq_ignore_ascii_case(&format!("{host}:{port}"))
        })
    }

    /// Hands the grants to WASI.
    pub(super) fn apply(&self, wasi: &mut WasiCtxBuilder) -> wasmtime::Result<()> {
        let mut variables: Vec<&(String, String)> = Vec::new();
        for variable in &self.env {
            match variables.iter_mut().find(|(name, _)| *name == variable.0) {
                Some(earlier) => *earlier = variable,
                None => variables.push(variable),
            }
        }
        for (name, value) in variables {
            wasi.env(name, value);
        }
        for mount in &self.mounts {
            let perms = if mount.read_only { FsPerms::ReadOnly } else { FsPerms::ReadWrite };
            wasi.preopened_dir(&mount.host, &mount.guest, perms)
                .map_err(|error| error.context(format!("cannot mount {}", mount.host.display())))?;
        }
        let is_granted = !self.network.is_empty();
        wasi.allow_tcp(is_granted).allow_udp(is_granted).allow_ip_name_lookup(is_granted);
        let network = self.network.clone();
        wasi.socket_addr_check(move |address, how| {
            // Before anything is sent, a socket is bound to whatever is free: that reaches nobody.
            let is_any = address.ip().is_unspecified() && address.port() == 0;
            let is_bound = matches!(how, SocketAddrUse::UdpBind | SocketAddrUse::TcpBind);
            let may = network.contains(&address) || (is_granted && is_any && is_bound);
            Box::pin(async move { may })
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_names_both_sides() {
        let mount = |text: &str| text.parse::<Mount>();
        let expected = Mount { host: "a:b".into(), guest: "/data".to_owned(), read_only: true };
        assert_eq!(mount("a:b:/data:ro").unwrap(), expected);
        assert_eq!(mount(".:/data").unwrap(), Mount { host: ".".into(), guest: "/data".to_owned(), read_only: false });
        for wrong in ["", "a", "a:", ":/data", "a:data", "a:b:ro"] {
            assert!(mount(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn requests_go_to_granted_hosts_alone() {
        let grants = Grants { http: vec!["a.example".to_owned(), "b.example:8080".to_owned()], ..Grants::default() };
        let allows = |uri: &str| grants.allows(&uri.parse().unwrap());
        assert!(allows("https://a.example/x") && allows("http://A.example:81/") && allows("http://b.example:8080/"));
        assert!(!allows("http://b.example/") && !allows("https://a.example.evil/") && !allows("/path"));
    }
}
