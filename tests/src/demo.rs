//! The demo image: real content, several platforms, everything an image commonly has.
//!
//! It is committed as the OCI layout `tests/images/demo/` under the tag [`TAG`]: an index of linux/amd64 and linux/arm64
//! (time zone files and a small program that prints a greeting), wasip1/wasm (a CNCF wasm artifact), and an attestation for
//! linux/amd64. [`layout`] makes it anew from `tests/images/demo-input/`, always with the same bytes.

use crate::image::{Builder, Descriptor, Layer, Layout};
use crate::tar::{self, Entry};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The reference name in `index.json`.
pub const TAG: &str = "1.0";

/// What the entrypoint prints with the default arguments, for `amd64` or `arm64`.
#[must_use]
pub fn output(architecture: &str) -> String {
    format!("hello, world (linux/{architecture})\n{MOTD}{} time zones\n", zones().len() + ALIASES.len())
}

/// What the wasm module prints.
pub const WASM_OUTPUT: &str = "hello, world (wasip1/wasm)\n";

const CREATED: &str = "2024-01-01T00:00:00Z";
const MOTD: &str = "Every harbour keeps its own time.\n";
const ZONEINFO: &str = "usr/share/zoneinfo";
/// Names that were kept when zones were merged, as tzdata links them.
const ALIASES: [(&str, &str); 11] = [
    ("Belfast", "London"),
    ("Bratislava", "Prague"),
    ("Busingen", "Zurich"),
    ("Kiev", "Kyiv"),
    ("Mariehamn", "Helsinki"),
    ("Podgorica", "Belgrade"),
    ("San_Marino", "Rome"),
    ("Tiraspol", "Chisinau"),
    ("Uzhgorod", "Kyiv"),
    ("Vatican", "Rome"),
    ("Zaporozhye", "Kyiv"),
];

/// The directory of the committed layout.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("images/demo")
}

fn input(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("images/demo-input").join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

/// The zone files by name, in order.
fn zones() -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("images/demo-input/zoneinfo");
    let entries = fs::read_dir(directory).expect("the zone files are part of the repository");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("a directory can be listed").file_name().into_string().unwrap()).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), input(&format!("zoneinfo/{name}")))).collect()
}

/// Makes the image.
#[must_use]
pub fn layout() -> Layout {
    let mut layout = Layout::new();
    let amd64 = layout.image(linux("amd64"));
    let arm64 = layout.image(linux("arm64"));
    let wasm = wat::parse_bytes(&input("hello/hello.wat")).expect("hello.wat is right").into_owned();
    let wasm = layout.wasm("wasip1", CREATED, wasm, None);
    let attestation = layout.attestation(&amd64, &provenance(&amd64));
    let index = layout.index_with(&[amd64, arm64, wasm, attestation], |index| {
        index["annotations"] = json!({
            "org.opencontainers.image.created": CREATED,
            "org.opencontainers.image.title": "portolan-demo",
            "org.opencontainers.image.description": "European time zones and a program that counts them",
            "org.opencontainers.image.version": TAG,
            "org.opencontainers.image.licenses": "Apache-2.0 AND LicenseRef-tzdata-public-domain",
        });
    });
    let index = index.annotation("io.containerd.image.name", &format!("docker.io/library/portolan-demo:{TAG}"));
    layout.tag(&index, TAG);
    layout
}

/// Writes the image into a directory in place of what is there.
///
/// # Panics
///
/// When the file system refuses.
pub fn write(directory: &Path) {
    if directory.exists() {
        fs::remove_dir_all(directory).expect("the old image can be removed");
    }
    layout().write(directory);
}

fn linux(architecture: &str) -> Builder {
    Builder::new(&format!("linux/{architecture}"))
        .created(CREATED)
        .author("The Portolan authors")
        .layer(Layer::zstd(base().build()).created_by("COPY base/ /"))
        .layer(Layer::gzip(program(architecture).build()).created_by("COPY hello /usr/bin/"))
        .empty_layer("ENV TZ=Europe/Berlin")
        .layer(Layer::gzip(update().build()).created_by("RUN chmod g+w Europe/[A-D]* && update-zones"))
        .layer(Layer::gzip(cleaning().build()).created_by("RUN rm -r /usr/share/doc /var/cache/demo/*"))
        .empty_layer("USER traveller")
        .empty_layer("ENTRYPOINT [\"/usr/bin/hello\"]")
        .annotation("org.opencontainers.image.title", "portolan-demo")
        .annotation("org.opencontainers.image.created", CREATED)
        .annotation("org.example.harbour", "Genoa")
        .run(json!({
            "User": "traveller",
            "ExposedPorts": { "37/tcp": {}, "37/udp": {} },
            "Env": ["PATH=/usr/bin:/bin", "TZ=Europe/Berlin", "EMPTY="],
            "Entrypoint": ["/usr/bin/hello"],
            "Cmd": ["world"],
            "WorkingDir": "/home/traveller",
            "Labels": {
                "org.opencontainers.image.title": "portolan-demo",
                "org.opencontainers.image.version": TAG,
                "org.example.harbour": "Genoa",
            },
            "StopSignal": "SIGTERM",
        }))
}

fn directories(tar: tar::Builder, names: &[&str]) -> tar::Builder {
    names.iter().fold(tar, |tar, name| tar.dir(format!("{name}/")))
}

fn zone_list<'a>(names: impl IntoIterator<Item = &'a str>) -> Entry {
    let lines: String = names.into_iter().map(|name| format!("Europe/{name}\n")).collect();
    Entry::file(format!("{ZONEINFO}/zones.list"), lines)
}

/// The first layer: accounts, time zones, and what later layers replace and remove.
fn base() -> tar::Builder {
    let mut tar = directories(tar::Builder::new(), &["etc", "home"])
        .entry(Entry::dir("home/traveller/").mode(0o750).owner(1000, 1000))
        .entry(Entry::dir("tmp/").mode(0o1777))
        .file("etc/passwd", "root:x:0:0:root:/:/usr/bin/hello\ntraveller:x:1000:1000::/home/traveller:/usr/bin/hello\n")
        .file("etc/group", "root:x:0:\ntraveller:x:1000:\npilots:x:1500:traveller\n")
        .file("etc/motd", "Under construction.\n")
        .file("etc/os-release", "NAME=\"Portolan demo\"\nID=portolan-demo\nVERSION_ID=1.0\n")
        .symlink("etc/localtime", "/usr/share/zoneinfo/Europe/Berlin");
    tar = directories(tar, &["usr", "usr/bin", "usr/share", "usr/share/doc", "usr/share/doc/tzdata"])
        .symlink("bin", "usr/bin")
        .file("usr/share/doc/tzdata/copyright", "The time zone database is in the public domain.\n")
        .file("usr/share/doc/tzdata/README", "Times of day, and where they hold.\n".repeat(40));
    tar = directories(tar, &[ZONEINFO, &format!("{ZONEINFO}/Europe")]);
    let zones = zones();
    for (name, content) in &zones {
        tar = tar.file(format!("{ZONEINFO}/Europe/{name}"), content);
    }
    for (name, target) in ALIASES {
        tar = tar.symlink(format!("{ZONEINFO}/Europe/{name}"), target);
    }
    tar = directories(tar, &[&format!("{ZONEINFO}/posix"), &format!("{ZONEINFO}/posix/Europe")]);
    for (name, _) in &zones {
        tar = tar.hardlink(format!("{ZONEINFO}/posix/Europe/{name}"), format!("{ZONEINFO}/Europe/{name}"));
    }
    tar = tar.entry(zone_list(zones.iter().take(10).map(|(name, _)| name.as_str())));
    directories(tar, &["var", "var/cache", "var/cache/demo", "var/cache/demo/old"])
        .file("var/cache/demo/index", [b'.'; 5000])
        .file("var/cache/demo/old/index", [b'-'; 5000])
}

/// The second layer, the only one that differs by platform.
fn program(architecture: &str) -> tar::Builder {
    let program = input(&format!("hello/hello.{architecture}"));
    directories(tar::Builder::new(), &["usr", "usr/bin"])
        .entry(Entry::file("usr/bin/hello", &program).mode(0o755))
        .hardlink("usr/bin/greet", "usr/bin/hello")
        .entry(Entry::file("usr/bin/hello-as-root", &program).mode(0o4755))
        .symlink("usr/bin/hi", "hello")
}

/// The third layer: files replaced, some of them only to change a mode.
fn update() -> tar::Builder {
    let zones = zones();
    let mut tar = directories(tar::Builder::new(), &["etc"]).file("etc/motd", MOTD);
    tar = directories(tar, &["usr", "usr/share", ZONEINFO, &format!("{ZONEINFO}/Europe")]);
    for (name, content) in zones.iter().filter(|(name, _)| name.as_str() < "E") {
        tar = tar.entry(Entry::file(format!("{ZONEINFO}/Europe/{name}"), content).mode(0o664));
    }
    let aliases = ALIASES.iter().map(|(name, _)| *name);
    tar.entry(zone_list(zones.iter().map(|(name, _)| name.as_str()).chain(aliases)))
}

/// The last layer: a whiteout, an opaque whiteout, and what a tidy build leaves.
fn cleaning() -> tar::Builder {
    directories(tar::Builder::new(), &["usr", "usr/share"])
        .whiteout("usr/share/doc")
        .dir("var/")
        .dir("var/cache/")
        .entry(Entry::dir("var/cache/demo/").owner(1000, 1500).mode(0o2775))
        .opaque("var/cache/demo")
        .entry(Entry::file("var/cache/demo/fresh", "1\n").owner(1000, 1500))
}

/// A provenance statement of the form BuildKit writes.
fn provenance(image: &Descriptor) -> Value {
    let hex = |digest: &str| digest.trim_start_matches("sha256:").to_owned();
    json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{
            "name": format!("pkg:docker/portolan-demo@{TAG}?platform=linux%2Famd64"),
            "digest": { "sha256": hex(image.digest()) },
        }],
        "predicate": {
            "builder": { "id": "" },
            "buildType": "https://mobyproject.org/buildkit@v1",
            "materials": [{
                "uri": "pkg:deb/debian/tzdata@2025b-0%2Bdeb12u2?arch=all",
            }],
            "invocation": { "configSource": {}, "parameters": {}, "environment": { "platform": "linux/amd64" } },
            "metadata": { "buildStartedOn": CREATED, "buildFinishedOn": CREATED, "reproducible": true },
        },
    })
}
