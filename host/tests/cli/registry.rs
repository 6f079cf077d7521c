//! Images and artifacts at a registry, as users of it go about them.

use crate::{command, demo, portolan};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

/// `portolan serve` as a process, ended when dropped.
struct Serving {
    child: Child,
    host: String,
    // The registry's files; gone after the process.
    _directory: tempfile::TempDir,
}

impl Serving {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut serve = command(["serve", "--listen", "127.0.0.1:0"]);
        let mut child = serve.arg(directory.path()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut line).unwrap();
        let host = line.trim().rsplit("//").next().unwrap().to_owned();
        assert!(host.starts_with("127.0.0.1:"), "{line}");
        // Nobody reads on, and a full pipe would stop it.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Self { child, host, _directory: directory }
    }

    fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn json<const N: usize>(args: [&str; N]) -> Value {
    serde_json::from_str(&portolan(args.into_iter().chain(["--json"])).done()).unwrap()
}

#[test]
fn an_image_goes_to_a_registry_and_comes_back_as_it_was() {
    let serving = Serving::start();
    let directory = tempfile::tempdir().unwrap();
    let name = serving.name("team/app:1");
    let pushed = portolan(["push", &demo(), &name]).done();
    let digest = pushed.split(' ').next().unwrap().to_owned();
    assert_eq!(pushed, format!("{digest} -> {name}\n"));
    // Again, there is nothing to send.
    let again = json(["push", &demo(), &name]);
    assert_eq!((&again["copied"], &again["bytes"]), (&Value::from(0), &Value::from(0)), "{again}");

    let layout = directory.path().join("app");
    let destination = format!("oci:{}", layout.display());
    let pulled = portolan(["pull", &name, &destination]).done();
    assert!(pulled.starts_with(&format!("{digest} -> ")), "{pulled}");
    let all = |place: &str| portolan(["inspect", "--raw", place]).done();
    assert_eq!(all(&name), all(&demo()));
    assert_eq!(all(&format!("{destination}:1")), all(&demo()));
    let verified = json(["verify", &name]);
    assert_eq!(verified["errors"], 0, "{verified}");
    // The same answers, wherever the image lies.
    for command in ["ls", "tree", "platforms"] {
        assert_eq!(portolan([command, &name]).done(), portolan([command, &demo()]).done(), "{command}");
    }
    let rootfs = directory.path().join("rootfs");
    portolan(["unpack", &name, rootfs.to_str().unwrap()]).done();
    assert!(rootfs.join("bin").exists());
}

#[test]
fn all_tags_of_a_repository_are_copied_at_once() {
    let serving = Serving::start();
    let (name, other) = (serving.name("team/app"), serving.name("team/other"));
    portolan(["push", &demo(), &format!("{name}:1")]).done();
    portolan(["tag", &format!("{name}:1"), "2"]).done();
    portolan(["copy", "--all-tags", &name, &other]).done();
    assert_eq!(portolan(["tags", &other]).done(), "1\n2\n");
    let error = portolan(["copy", "--all-tags", &format!("{name}:1"), &other]).failed(2);
    assert!(error.contains("name the repository alone"), "{error}");
}

/// W-20, W-21.
#[test]
fn tags_are_given_listed_and_deleted() {
    let serving = Serving::start();
    let name = serving.name("app");
    portolan(["copy", &demo(), &format!("{name}:1")]).done();
    portolan(["tag", &format!("{name}:1"), "two", "three"]).done();
    assert_eq!(portolan(["tags", &name]).done(), "1\nthree\ntwo\n");
    portolan(["delete", &format!("{name}:two")]).done();
    assert_eq!(json(["tags", &name])["tags"], serde_json::json!(["1", "three"]));
    let digest = json(["inspect", &format!("{name}:1")])["indexes"][0]["digest"].as_str().unwrap().to_owned();
    portolan(["delete", &format!("{name}@{digest}")]).done();
    assert_eq!(portolan(["tags", &name]).done(), "");
    let error = portolan(["inspect", &format!("{name}:1")]).failed(2);
    assert!(error.starts_with(&format!("error: there is no {name}:1 at the registry")), "{error}");
    let error = portolan(["delete", &name]).failed(2);
    assert!(error.contains("names neither a tag nor a digest"), "{error}");
}

/// W-10, W-11, U-33.
#[test]
fn what_is_attached_is_found_and_travels() {
    let serving = Serving::start();
    let directory = tempfile::tempdir().unwrap();
    let note = directory.path().join("note.txt");
    std::fs::write(&note, "read me\n").unwrap();
    let name = serving.name("app:1");
    portolan(["push", &demo(), &name]).done();
    let file = format!("{}:text/plain", note.display());
    let attach = |image: &str, kind: &str| {
        json(["attach", "--artifact-type", kind, "--annotation", "who=me", image, &file])["descriptor"].clone()
    };
    let note = attach(&name, "application/vnd.note");
    let about_note =
        attach(&serving.name(&format!("app@{}", note["digest"].as_str().unwrap())), "application/vnd.about");
    let found = json(["referrers", &name]);
    assert_eq!(found["referrers"][0]["digest"], note["digest"]);
    assert_eq!(found["referrers"][0]["artifactType"], "application/vnd.note");
    assert_eq!(found["referrers"][0]["annotations"]["who"], "me");
    assert_eq!(found["referrers"][0]["referrers"][0]["digest"], about_note["digest"]);
    let none = json(["referrers", "--artifact-type", "a/b", &name]);
    assert_eq!(none["referrers"], serde_json::json!([]));

    let layout = format!("oci:{}", directory.path().join("layout").display());
    portolan(["copy", "--referrers", &name, &layout]).done();
    let tree = |place: &str| portolan(["referrers", place]).done();
    assert_eq!(tree(&layout), tree(&name));
    assert_eq!(tree(&name).lines().count(), 3);
    let back = serving.name("back:1");
    portolan(["copy", "--referrers", &layout, &back]).done();
    assert_eq!(tree(&back), tree(&name));
    // A layout takes attachments as well.
    attach(&layout, "application/vnd.more");
    assert_eq!(json(["referrers", &layout])["referrers"].as_array().unwrap().len(), 2);
}

fn write(directory: &Path, name: &str, content: &str) {
    std::fs::create_dir_all(directory.join(name).parent().unwrap()).unwrap();
    std::fs::write(directory.join(name), content).unwrap();
}

#[test]
fn files_become_an_artifact_and_files_again() {
    let serving = Serving::start();
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "a.txt", "one");
    write(directory.path(), "deep/b.json", "{}");
    let name = serving.name("files:x");
    let push = |destination: &str, files: &[&str]| {
        let mut push = command(["artifact", "push", destination]);
        push.args(files).current_dir(directory.path()).output().unwrap()
    };
    let output = push(&name, &["a.txt:text/plain", "deep/b.json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let out = directory.path().join("out");
    let pull = || json(["artifact", "pull", &name, "--output", out.to_str().unwrap()]);
    let pulled = pull();
    assert_eq!(pulled["files"][0]["descriptor"]["mediaType"], "text/plain");
    assert_eq!(pulled["files"][1]["descriptor"]["mediaType"], "application/octet-stream");
    assert_eq!(std::fs::read_to_string(out.join("a.txt")).unwrap(), "one");
    // What is there is replaced, and nothing else is left.
    write(&out, "a.txt", "old");
    pull();
    assert_eq!(std::fs::read_to_string(out.join("a.txt")).unwrap(), "one");
    assert_eq!(std::fs::read_to_string(out.join("deep/b.json")).unwrap(), "{}");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2);
    let manifest: Value = serde_json::from_str(&portolan(["inspect", "--raw", &name]).done()).unwrap();
    assert_eq!(manifest["artifactType"], "application/vnd.unknown.artifact.v1");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.oci.empty.v1+json");
    assert_eq!(manifest["layers"][1]["annotations"]["org.opencontainers.image.title"], "deep/b.json");
    let output = push(&name, &["a.txt", "./a.txt"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("two files would have the title a.txt"));
}

/// CVE-2026-50163: a title is no way out of the directory, nor is a link that stands in it.
#[test]
fn an_artifact_writes_nothing_outside() {
    use portolan_image::digest::{SoftwareHashes, digest_bytes};
    use portolan_image::{Algorithm, Descriptor, MediaType, artifact::Parts, layout::Listing};
    let directory = tempfile::tempdir().unwrap();
    let blobs = directory.path().join("layout/blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let keep = |bytes: &[u8]| {
        let digest = digest_bytes(&SoftwareHashes, &Algorithm::Sha256, bytes).unwrap();
        std::fs::write(blobs.join(digest.encoded()), bytes).unwrap();
        digest
    };
    let lay = |title: &str| {
        let mut file = Descriptor::new(MediaType::parse("text/plain").unwrap(), keep(b"evil"), 4);
        file.annotations = [("org.opencontainers.image.title", title)].into_iter().collect();
        let artifact_type = Some(MediaType::parse("a/b").unwrap());
        let parts = Parts { artifact_type, files: vec![file], ..Parts::default() };
        let (descriptor, bytes) = parts.pack(&SoftwareHashes).unwrap();
        keep(&bytes);
        let mut listing = Listing::default();
        listing.add(&descriptor);
        std::fs::write(directory.path().join("layout/oci-layout"), portolan_image::Layout::bytes()).unwrap();
        std::fs::write(directory.path().join("layout/index.json"), listing.to_bytes()).unwrap();
    };
    let layout = format!("oci:{}", directory.path().join("layout").display());
    let out = directory.path().join("out");
    let pull = || portolan(["artifact", "pull", &layout, "--output", out.to_str().unwrap()]);
    for title in ["../evil", "/tmp/evil-of-portolan", "a/../../evil"] {
        lay(title);
        let error = pull().failed(1);
        assert!(error.contains("invalid path") && error.contains("a title"), "{error}");
    }
    assert!(!directory.path().join("evil").exists() && !out.exists());
    lay("link/evil");
    std::fs::create_dir_all(&out).unwrap();
    std::os::unix::fs::symlink(directory.path(), out.join("link")).unwrap();
    pull().failed(2);
    assert!(!directory.path().join("evil").exists());
}

#[test]
fn a_registry_that_is_not_there_is_an_error_that_says_so() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = portolan(["inspect", "--retries", "0", &format!("127.0.0.1:{port}/app")]).failed(2);
    assert!(error.contains(&format!("GET http://127.0.0.1:{port}/v2/app/manifests/latest failed")), "{error}");
    assert!(error.contains("refused"), "{error}");
}
