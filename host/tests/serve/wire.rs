//! A server in this process, and a client that writes its requests by hand.

use portolan::serve::{Builder, Server};
use portolan::store::{Place, Rules, Store};
use portolan_image::Digest;
use portolan_image::digest::{SoftwareHashes, digest_bytes};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::oneshot;

pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A server that stops when it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    pub(crate) fn root(directory: &Path) -> Self {
        Self::with(directory, Rules::default(), |builder| builder)
    }

    pub(crate) fn with(
        directory: &Path,
        rules: Rules,
        build: impl FnOnce(Builder) -> Builder + Send + 'static,
    ) -> Self {
        Self::places(vec![Place::Root(directory.to_owned())], rules, build)
    }

    pub(crate) fn places(
        places: Vec<Place>,
        rules: Rules,
        build: impl FnOnce(Builder) -> Builder + Send + 'static,
    ) -> Self {
        Self::observed(places, rules, build, |_| ())
    }

    /// The same, and what somebody finds who sees it begin.
    pub(crate) fn observed(
        places: Vec<Place>,
        rules: Rules,
        build: impl FnOnce(Builder) -> Builder + Send + 'static,
        observe: impl FnOnce(&Server) + Send + 'static,
    ) -> Self {
        let (told, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let store = Store::open(places, rules).unwrap();
                let server = build(Server::builder(store).listen("127.0.0.1:0")).bind().await.unwrap();
                observe(&server);
                told.send(server.addresses()[0]).unwrap();
                server.run(async { stopped.await.unwrap_or(()) }).await;
            });
        });
        Self { address: address.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    /// Asks the server to stop, without waiting for it.
    pub(crate) fn stop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Reply {
        ask(self.address, method, path, &[], b"")
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        ask(self.address, method, path, headers, body)
    }

    /// Pushes a blob by POST and PUT.
    pub(crate) fn push_blob(&self, name: &str, bytes: &[u8]) -> Digest {
        let digest = sha256(bytes);
        let begun = self.ask("POST", &format!("/v2/{name}/blobs/uploads/")).is(202);
        let ended = self.send("PUT", &format!("{}?digest={digest}", begun.header("location").unwrap()), &[], bytes);
        ended.is(201);
        digest
    }

    /// Pushes a manifest of one layer and tags it.
    pub(crate) fn push_image(&self, name: &str, tag: &str, content: &[u8]) -> Digest {
        let layer = self.push_blob(name, content);
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{layer}"]}}}}"#
        );
        let digest = self.push_blob(name, config.as_bytes());
        let manifest = manifest(&digest, config.len(), &layer, content.len(), "");
        let put = self.send("PUT", &format!("/v2/{name}/manifests/{tag}"), &[("content-type", MANIFEST)], &manifest);
        put.is(201);
        sha256(&manifest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?} {}", self.headers, String::from_utf8_lossy(&self.body));
        self
    }

    /// Whether it is a refusal of this status and code.
    #[track_caller]
    pub(crate) fn refuses(self, status: u16, code: &str) -> Self {
        let reply = self.is(status);
        assert_eq!(reply.json()["errors"][0]["code"], code, "{}", reply.json());
        reply
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The bytes of a request that is whole.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    [text.as_bytes(), b"\r\n", body].concat()
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    raw(address, &request(method, path, headers, body))
}

/// Sends bytes and reads the answer until the connection is closed.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = connect(address);
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(bytes);
    read(&mut stream).expect("an answer")
}

pub(crate) fn read(stream: &mut impl std::io::Read) -> Option<Reply> {
    let mut answer = Vec::new();
    let _ = stream.take(1 << 30).read_to_end(&mut answer);
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let pair =
        |line: &str| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).unwrap();
    Some(Reply { status, headers: lines.map(pair).collect(), body: answer[end + 4..].to_vec() })
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    digest("sha256", bytes)
}

pub(crate) fn digest(algorithm: &str, bytes: &[u8]) -> Digest {
    digest_bytes(&SoftwareHashes, &portolan_image::Algorithm::from_name(algorithm), bytes).unwrap()
}

/// A manifest of one layer, with more members.
pub(crate) fn manifest(
    config: &Digest,
    config_size: usize,
    layer: &Digest,
    layer_size: usize,
    members: &str,
) -> Vec<u8> {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":{config_size}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":{layer_size}}}]{members}}}"#
    )
    .into_bytes()
}

/// An artifact about a subject.
pub(crate) fn artifact(artifact_type: &str, subject: &Digest, note: &str) -> Vec<u8> {
    let empty = format!(
        r#"{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{}","size":2}}"#,
        portolan_image::descriptor::EMPTY_JSON_DIGEST
    );
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"{artifact_type}","config":{empty},"layers":[{empty}],"subject":{{"mediaType":"{MANIFEST}","digest":"{subject}","size":7}},"annotations":{{"note":"{note}"}}}}"#
    )
    .into_bytes()
}
