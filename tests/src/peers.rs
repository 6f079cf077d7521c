//! Runs of the field's other tools, to see that they and we agree.
//!
//! A missing tool fails the test that needs it: a comparison that is silently left out proves nothing.

use std::ffi::{OsStr, OsString};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// Runs a peer to its end and returns what it said, whether it succeeded or not.
///
/// # Panics
///
/// When the program is not installed.
pub fn run<I: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = I>) -> Output {
    // Some of them live where only root's path looks.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let run = Command::new(program).args(args).env("PATH", path).env("LC_ALL", "C").stdin(Stdio::null()).output();
    run.unwrap_or_else(|error| panic!("{program} cannot be run ({error}); `make setup` installs it"))
}

/// Runs a peer that must succeed and returns its standard output.
///
/// # Panics
///
/// When the program is missing or fails; the message holds its arguments and what it wrote.
pub fn succeed<I: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = I>) -> Vec<u8> {
    let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
    let output = run(program, &args);
    assert!(
        output.status.success(),
        "{program} {args:?} failed: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Debian's `docker-registry` on a free port, until it is dropped.
#[derive(Debug)]
pub struct DockerRegistry {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
}

impl DockerRegistry {
    /// Starts it with its store in a directory; whether it deletes is said.
    ///
    /// # Panics
    ///
    /// When it is not installed or does not listen.
    #[must_use]
    pub fn start(directory: &Path, deletes: bool) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let config = format!(
            "version: 0.1\nlog: {{ level: error, accesslog: {{ disabled: true }} }}\nstorage:\n  filesystem: {{ rootdirectory: {} }}\n  \
             delete: {{ enabled: {deletes} }}\nhttp: {{ addr: \"{address}\" }}\n",
            directory.join("store").display()
        );
        let file = directory.join("config.yml");
        std::fs::write(&file, config).expect("the configuration is written");
        let mut command = Command::new("docker-registry");
        let child = command.arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let running = Self { address, child: child.expect("docker-registry; `make setup` installs it") };
        for _ in 0..200 {
            if TcpStream::connect(address).is_ok() {
                return running;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("docker-registry does not listen");
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn at(prefix: &str, path: &Path, suffix: &str) -> OsString {
    let mut out = OsString::from(prefix);
    out.push(path);
    out.push(suffix);
    out
}

/// A name for skopeo: `oci:PATH:TAG`.
#[must_use]
pub fn oci(path: &Path, tag: &str) -> OsString {
    at("oci:", path, &format!(":{tag}"))
}

/// A name for skopeo: `oci-archive:PATH:TAG`.
#[must_use]
pub fn oci_archive(path: &Path, tag: &str) -> OsString {
    at("oci-archive:", path, &format!(":{tag}"))
}

/// A name for skopeo: `docker-archive:PATH:REFERENCE`.
#[must_use]
pub fn docker_archive(path: &Path, reference: &str) -> OsString {
    at("docker-archive:", path, &format!(":{reference}"))
}

/// `skopeo copy`: the image for linux/amd64, or all of an index with `--all` among `options`.
///
/// # Panics
///
/// When it is missing or fails.
pub fn skopeo_copy(options: &[&str], from: &OsStr, to: &OsStr) {
    let mut args: Vec<&OsStr> =
        ["--insecure-policy", "--override-os=linux", "--override-arch=amd64", "copy"].map(OsStr::new).to_vec();
    args.extend(options.iter().map(OsStr::new));
    args.extend([from, to]);
    succeed("skopeo", args);
}

/// `skopeo inspect --raw`: the bytes of a manifest or index.
///
/// # Panics
///
/// When it is missing or fails.
#[must_use]
pub fn skopeo_inspect_raw(from: &OsStr) -> Vec<u8> {
    succeed("skopeo", [OsStr::new("inspect"), OsStr::new("--raw"), from])
}

/// `umoci unpack`: a bundle of an image whose `index.json` entry is a tagged manifest; answers the rootfs.
///
/// # Panics
///
/// When it is missing or fails.
#[must_use]
pub fn umoci_unpack(layout: &Path, tag: &str, bundle: &Path) -> PathBuf {
    let image = at("", layout, &format!(":{tag}"));
    succeed("umoci", [OsStr::new("unpack"), OsStr::new("--image"), &image, bundle.as_os_str()]);
    bundle.join("rootfs")
}

/// `umoci raw unpack`: only the rootfs.
///
/// # Panics
///
/// When it is missing or fails.
pub fn umoci_raw_unpack(layout: &Path, tag: &str, rootfs: &Path) {
    let image = at("", layout, &format!(":{tag}"));
    succeed("umoci", [OsStr::new("raw"), OsStr::new("unpack"), OsStr::new("--image"), &image, rootfs.as_os_str()]);
}

/// `runc run` of a bundle whose process has no terminal.
///
/// # Panics
///
/// When it is missing.
#[must_use]
pub fn runc_run(bundle: &Path, id: &str) -> Output {
    // A state directory of its own: two tests must not meet in /run/runc.
    let state = tempfile::tempdir().expect("a temporary directory can be made");
    let (root, bundle) = (at("--root=", state.path(), ""), at("--bundle=", bundle, ""));
    run("runc", [&root, OsStr::new("run"), &bundle, OsStr::new(id)])
}

/// `crun run` of a bundle whose process has no terminal, without cgroups.
///
/// # Panics
///
/// When it is missing.
#[must_use]
pub fn crun_run(bundle: &Path, id: &str) -> Output {
    let state = tempfile::tempdir().expect("a temporary directory can be made");
    let (root, bundle) = (at("--root=", state.path(), ""), at("--bundle=", bundle, ""));
    // Many machines that run tests have a hybrid of cgroups 1 and 2, which crun declines.
    run("crun", [&root, OsStr::new("--cgroup-manager=disabled"), OsStr::new("run"), &bundle, OsStr::new(id)])
}

/// GNU tar extracts an archive with owners, modes, times and extended attributes.
///
/// # Panics
///
/// When it is missing or fails.
pub fn tar_extract(archive: &Path, directory: &Path) {
    let flags = ["--numeric-owner", "--same-owner", "-p", "--xattrs", "--xattrs-include=*", "-xf"];
    let mut args: Vec<&OsStr> = flags.map(OsStr::new).to_vec();
    args.extend([archive.as_os_str(), OsStr::new("-C"), directory.as_os_str()]);
    succeed("tar", args);
}

/// GNU tar's listing of an archive: one line an entry, numeric owners, full times in UTC, names escaped.
///
/// # Panics
///
/// When it is missing or fails.
#[must_use]
pub fn tar_list(archive: &Path) -> String {
    let flags = ["--full-time", "--numeric-owner", "--utc", "--quoting-style=escape", "-tvf"];
    let mut args: Vec<&OsStr> = flags.map(OsStr::new).to_vec();
    args.push(archive.as_os_str());
    String::from_utf8_lossy(&succeed("tar", args)).into_owned()
}
