//! Debian's docker-registry, which has no list of referrers, and other tools at our registry.

use crate::proxy::Proxy;
use crate::{IMAGE, demo_place, portolan, registries, repository, selector, toolkit, verify_demo, wire};
use portolan::registry::Options;
use portolan_tests::demo;
use portolan_tests::peers::{self, DockerRegistry};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

fn docker(at: SocketAddr, name: &str) -> OsString {
    format!("docker://{at}/{name}").into()
}

/// E-06: pushes of one are pulls of the other, both ways, whole indexes and with the same digests.
fn both_ways(at: SocketAddr) {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    portolan(&["copy", "--quiet", &demo_place(), &format!("{at}/demo:1.0")]).done();
    let theirs = peers::oci(&path("theirs"), demo::TAG);
    peers::skopeo_copy(&["--all", "--src-tls-verify=false"], &docker(at, "demo:1.0"), &theirs);
    verify_demo(&path("theirs"));
    peers::skopeo_copy(&["--all", "--dest-tls-verify=false"], &theirs, &docker(at, "again:1.0"));
    let ours = format!("oci:{}:1.0", path("ours").display());
    portolan(&["copy", "--quiet", &format!("{at}/again:1.0"), &ours]).done();
    verify_demo(&path("ours"));
    portolan(&["copy", "--quiet", "--platform", "linux/arm64", &format!("{at}/again:1.0"), &format!("{at}/one:1.0")])
        .done();
    let one = portolan(&["platforms", &format!("{at}/one:1.0")]).done();
    assert!(one.contains("linux/arm64") && !one.contains("linux/amd64"), "{one}");
}

#[test]
fn e_06_docker_registry_and_skopeo_understand_us_and_we_them() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = DockerRegistry::start(scratch.path(), true);
    both_ways(registry.address);
}

#[test]
fn e_06_skopeo_umoci_and_buildah_understand_our_registry() {
    let scratch = tempfile::tempdir().unwrap();
    let server = wire::Running::root(&scratch.path().join("root"));
    both_ways(server.address);
    let layout = scratch.path().join("one");
    // umoci knows no zstd.
    let options = ["--src-tls-verify=false", "--dest-compress-format=gzip"];
    peers::skopeo_copy(&options, &docker(server.address, "demo:1.0"), &peers::oci(&layout, "one"));
    let rootfs = scratch.path().join("rootfs");
    peers::umoci_raw_unpack(&layout, "one", &rootfs);
    assert!(rootfs.join("usr/share/zoneinfo").is_dir());
    // What our registry keeps is a layout for them as well.
    peers::skopeo_copy(&[], &peers::oci(&layout, "one"), &peers::oci(&scratch.path().join("root/demo"), "umoci"));
    assert_eq!(portolan(&["tags", &format!("{}/demo", server.address)]).done(), "1.0\numoci\n");
    if Command::new("buildah").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: buildah is not installed");
        return;
    }
    let storage = [format!("--root={}", scratch.path().join("s").display()), "--storage-driver=vfs".to_owned()];
    let run = format!("--runroot={}", scratch.path().join("r").display());
    let buildah = |args: &[&str]| {
        let args = storage.iter().chain([&run]).map(String::as_str).chain(args.iter().copied());
        peers::succeed("buildah", args)
    };
    let name = format!("{}/demo:1.0", server.address);
    buildah(&["pull", "--tls-verify=false", "--arch=amd64", &name]);
    let to = format!("docker://{}/built:1.0", server.address);
    buildah(&["push", "--tls-verify=false", &name, &to]);
    portolan(&["verify", "--quiet", &format!("{}/built:1.0", server.address)]).done();
}

/// U-39, W-14 to W-17, W-20: the tag that stands for the list of referrers, kept and read by both sides.
#[test]
fn w_16_referrers_are_kept_under_a_tag_where_there_is_no_list() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = DockerRegistry::start(scratch.path(), true);
    let at = registry.address;
    portolan(&["copy", "--quiet", &demo_place(), &format!("{at}/demo:1.0")]).done();
    let (registries, demo) = (registries(Options::default()), repository(at, "demo"));
    let empty = crate::descriptor(portolan_image::descriptor::EMPTY_JSON_DIGEST, 2);
    registries
        .push_blob(&demo, &empty, &[], &|offset| {
            Ok(Box::new(std::io::Cursor::new(b"{}".get(usize::try_from(offset).unwrap()..).unwrap_or_default())))
        })
        .unwrap();
    let subject: portolan_image::Digest = IMAGE.parse().unwrap();
    let mut pushed = Vec::new();
    for kind in ["a/one", "a/two"] {
        let bytes = wire::artifact(kind, &subject, "n").into_iter().collect::<Vec<u8>>();
        let digest = wire::sha256(&bytes).to_string();
        let mut descriptor = crate::descriptor(&digest, bytes.len());
        descriptor.media_type = wire::MANIFEST.to_owned();
        registries.push_manifest(&demo, &descriptor, &bytes, &[]).unwrap();
        pushed.push(digest);
    }
    let listed = |kind: Option<&str>| {
        let listed = registries.referrers(&demo, IMAGE, kind).unwrap();
        listed.into_iter().map(|found| (found.digest, found.artifact_type.unwrap())).collect::<Vec<_>>()
    };
    let [one, two] = [(pushed[0].clone(), "a/one".to_owned()), (pushed[1].clone(), "a/two".to_owned())];
    assert_eq!(listed(None), [one.clone(), two.clone()]);
    assert_eq!(listed(Some("a/two")), std::slice::from_ref(&two));
    let raw = peers::succeed(
        "skopeo",
        ["inspect", "--raw", "--tls-verify=false", &format!("docker://{at}/demo:{}", IMAGE.replace(':', "-"))],
    );
    assert!(String::from_utf8(raw).unwrap().contains(&pushed[1]));
    // Pushed again it is listed once; deleted it is not.
    registries.delete(&demo, &selector(&pushed[0])).unwrap();
    assert_eq!(listed(None), [two]);
    // With the copy they travel to a registry that has the list.
    let server = wire::Running::root(&scratch.path().join("root"));
    let to = format!("{}/demo:1.0", server.address);
    portolan(&["copy", "--quiet", "--referrers", &format!("{at}/demo:1.0"), &to]).done();
    let there = registries.referrers(&repository(server.address, "demo"), IMAGE, None).unwrap();
    assert!(there.iter().any(|found| found.digest == pushed[1]), "{there:?}");
}

/// W-04 to W-06, W-20, W-21.
#[test]
fn w_20_tags_are_listed_and_manifests_deleted_at_docker_registry() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = DockerRegistry::start(scratch.path(), true);
    let at = registry.address;
    let image = format!("{at}/demo:1.0");
    portolan(&["copy", "--quiet", &demo_place(), &image]).done();
    let tags: Vec<String> = (0..130).map(|n| format!("t{n:03}")).collect();
    let bytes = std::fs::read(demo::directory().join("blobs").join(IMAGE.replace(':', "/"))).unwrap();
    let mut descriptor = crate::descriptor(IMAGE, bytes.len());
    descriptor.media_type = wire::INDEX.to_owned();
    registries(Options::default()).push_manifest(&repository(at, "demo"), &descriptor, &bytes, &tags).unwrap();
    let listed = portolan(&["tags", &format!("{at}/demo")]).done();
    let mut listed: Vec<&str> = listed.lines().collect();
    listed.sort_unstable();
    assert_eq!((listed.len(), listed[0], listed[130]), (131, "1.0", "t129"));
    portolan(&["delete", &image]).failed("delete by digest");
    portolan(&["delete", &format!("{at}/demo@{IMAGE}")]).done();
    portolan(&["inspect", &image]).failed("error: ");
    let scratch = tempfile::tempdir().unwrap();
    let closed = DockerRegistry::start(scratch.path(), false);
    portolan(&["copy", "--quiet", &demo_place(), &format!("{}/demo:1.0", closed.address)]).done();
    portolan(&["delete", &format!("{}/demo@{IMAGE}", closed.address)]).failed("UNSUPPORTED");
}

/// U-19: between two repositories of a registry no byte of a blob is sent.
#[test]
fn u_19_a_copy_within_a_registry_mounts() {
    let _ = toolkit();
    let scratch = tempfile::tempdir().unwrap();
    let distribution = DockerRegistry::start(scratch.path(), true);
    let server = wire::Running::root(&scratch.path().join("root"));
    for upstream in [distribution.address, server.address] {
        let proxy = Proxy::honest(upstream);
        let at = proxy.address;
        portolan(&["copy", "--quiet", &demo_place(), &format!("{at}/demo:1.0")]).done();
        let before = (proxy.up(), proxy.down("GET", "/blobs/"));
        assert!(before.0 > 8_000);
        portolan(&["copy", "--quiet", &format!("{at}/demo:1.0"), &format!("{at}/team/other:1.0")]).done();
        assert_eq!((proxy.up(), proxy.down("GET", "/blobs/")), before);
        portolan(&["verify", "--quiet", &format!("{at}/team/other:1.0")]).done();
    }
}
