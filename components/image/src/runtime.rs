//! From an image config to the `config.json` with which a runtime starts it (conversion.md, runtime-spec config.md).

mod template;
mod user;

use crate::annotation::Annotations;
use crate::config::{Config, Execution};
use crate::error::{Error, Result};
use serde_json::{Value, json};
pub use user::{FILE_BYTES, User, resolve_user};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a runtime config needs beside the image config; what the caller says overrides the image (V-01).
#[derive(Clone, Debug, Default)]
pub struct Inputs<'a> {
    /// The bytes of `/etc/passwd`, resolved inside the image's rootfs; nothing when there is no such file.
    pub passwd: Option<&'a [u8]>,
    /// The bytes of `/etc/group`, likewise.
    pub group: Option<&'a [u8]>,
    /// The command line instead of the image's `Cmd`; the entry point stays (C-10).
    pub cmd: Option<Vec<String>>,
    /// Whether the process gets a terminal.
    pub terminal: bool,
    /// The name of the container in its own namespace; `portolan` when it is not said.
    pub hostname: Option<String>,
    /// Whether the runtime runs without privileges, and then as whom.
    pub rootless: Option<Rootless>,
    /// Whether labels with which runtimes are steered become annotations like all others; see [`convert`].
    pub steering_labels: bool,
}

/// Which ids of the host the ids inside are, for a runtime without privileges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rootless {
    /// User ids.
    pub uids: Vec<Mapping>,
    /// Group ids.
    pub gids: Vec<Mapping>,
}

impl Rootless {
    /// Root inside is this user and group of the host, and nobody else exists, as `runc spec --rootless` has it.
    ///
    /// An image whose user is not root needs more ids than that: take those of `/etc/subuid` and `/etc/subgid`.
    #[must_use]
    pub fn new(uid: u32, gid: u32) -> Self {
        let only = |host| vec![Mapping { container: 0, host, size: 1 }];
        Self { uids: only(uid), gids: only(gid) }
    }
}

/// A range of ids inside and on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The first id inside.
    pub container: u32,
    /// The first id on the host.
    pub host: u32,
    /// How many there are.
    pub size: u32,
}

impl Mapping {
    fn contains(&self, id: u32) -> bool {
        id.checked_sub(self.container).is_some_and(|offset| offset < self.size)
    }
}

/// A runtime config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// The document, indented, its members always in the same order, with a newline at the end.
    pub json: String,
    /// The keys of labels that did not become annotations.
    pub withheld: Vec<String>,
}

/// Converts an image config to a runtime config whose rootfs is the directory `rootfs` beside it.
///
/// - `process.args` is `Entrypoint` and `Cmd` (V-05), or `sh` where the image has neither and the caller said nothing
///   (C-22). `process.env` is `Env` as it stands; `PATH`, `HOME` (from `passwd`) and, with a terminal, `TERM` are added
///   where the image does not have them (V-02, V-04).
/// - `process.cwd` is `WorkingDir`, or `/`; a relative one starts at `/`, and `.` and `..` are resolved in the text, so
///   that it is absolute and cannot leave the rootfs (V-03).
/// - `process.user` is what [`resolve_user`] answers. Without privileges, only additional groups that are mapped remain.
/// - The fields that have no place of their own become annotations, lists joined by commas (V-06, V-08, V-17); labels
///   become annotations as well and win over them (V-07). Nothing else does (V-14).
/// - Each volume is an empty tmpfs (V-13), unless something is mounted there anyway.
///
/// All else is what `runc spec` writes, but for a writable rootfs and a cgroup namespace, as umoci has them; without
/// privileges what `runc spec --rootless` writes.
///
/// Labels are the image's words, and annotations are a runtime's orders: crun opens files of the host for
/// `run.oci.hooks.stdout`, runc sets properties of systemd units from `org.systemd.property.*`. So that an image cannot
/// give orders, labels of such namespaces are withheld and reported, against the letter of V-07;
/// [`Inputs::steering_labels`] keeps them. One such order is given here: an image of WebAssembly asks crun for its handler of
/// that. A label without a key is no annotation either (V-16).
///
/// # Errors
/// [`Error::UserNotFound`] for a user or group that the image does not have (V-11), [`Error::InvalidDocument`] for an id
/// out of range, a volume at `/` and an image that is not for Linux or WebAssembly.
pub fn convert(config: &Config, inputs: &Inputs<'_>) -> Result<RuntimeConfig> {
    let platform = config.platform.normalize();
    if platform.os != "linux" && platform.architecture != "wasm" {
        let reason = format!("only images for linux or wasm become a runtime config, this one is for {platform}");
        return Err(invalid("/os", reason));
    }
    let none = Execution::default();
    let execution = config.config.as_ref().unwrap_or(&none);
    let user = resolve_user(execution.user.as_deref().unwrap_or_default(), inputs.passwd, inputs.group)?;
    let (annotations, withheld) = annotations(config, execution, inputs.steering_labels);
    let mut mounts = template::mounts(inputs.rootless.is_some());
    add_volumes(&mut mounts, &execution.volumes)?;
    let process = json!({
        "terminal": inputs.terminal,
        "user": user_json(&user, inputs.rootless.as_ref()),
        "args": args(execution, inputs.cmd.as_deref()),
        "env": env(execution, &user, inputs.terminal),
        "cwd": clean(execution.working_dir.as_deref().unwrap_or_default()),
        "capabilities": template::capabilities(),
        "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }],
        "noNewPrivileges": true,
    });
    let document = json!({
        // Nothing here needs more than this version, and runtimes may refuse versions newer than they are.
        "ociVersion": "1.0.2",
        "process": process,
        "root": { "path": "rootfs", "readonly": false },
        "hostname": inputs.hostname.as_deref().unwrap_or("portolan"),
        "mounts": mounts,
        "linux": template::linux(inputs.rootless.as_ref()),
        "annotations": annotations,
    });
    Ok(RuntimeConfig { json: format!("{document:#}\n"), withheld })
}

fn invalid(pointer: &str, reason: String) -> Error {
    Error::InvalidDocument { document: "image config", pointer: pointer.to_owned(), reason }
}

fn args(execution: &Execution, cmd: Option<&[String]>) -> Vec<String> {
    let cmd = cmd.or(execution.cmd.as_deref()).unwrap_or_default();
    let args: Vec<_> = execution.entrypoint.iter().flatten().chain(cmd).cloned().collect();
    if args.is_empty() { vec!["sh".to_owned()] } else { args }
}

fn env(execution: &Execution, user: &User, terminal: bool) -> Vec<String> {
    let mut env: Vec<_> = execution.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let defaults = [("PATH", Some(PATH)), ("HOME", user.home.as_deref()), ("TERM", Some("xterm").filter(|_| terminal))];
    for (name, value) in defaults {
        let Some(value) = value else { continue };
        if !execution.env.iter().any(|(set, _)| set == name) {
            env.push(format!("{name}={value}"));
        }
    }
    env
}

fn user_json(user: &User, rootless: Option<&Rootless>) -> Value {
    let mut gids = user.additional_gids.clone();
    if let Some(Rootless { gids: mappings, .. }) = rootless {
        // The kernel denies setgroups to who maps a single id, and unmapped groups to everybody.
        let single = mappings.iter().map(|mapping| u64::from(mapping.size)).sum::<u64>() <= 1;
        gids.retain(|gid| !single && mappings.iter().any(|mapping| mapping.contains(*gid)));
    }
    let mut json = json!({ "uid": user.uid, "gid": user.gid });
    if !gids.is_empty() {
        json["additionalGids"] = gids.into();
    }
    json
}

/// The namespaces of annotations that runtimes take for orders: crun (the first three), runc and crun, runc, Kata, gVisor.
const STEERING: [&str; 7] = [
    "run.oci.",
    "module.wasm.image/",
    "krun.",
    "org.systemd.property.",
    "org.criu.config",
    "io.katacontainers.",
    "dev.gvisor.",
];

fn annotations(config: &Config, execution: &Execution, steering: bool) -> (Value, Vec<String>) {
    let platform = &config.platform;
    let list = |items: &[String]| Some(items.join(",")).filter(|joined| !joined.is_empty());
    let derived = [
        ("os", Some(platform.os.clone())),
        ("architecture", Some(platform.architecture.clone())),
        ("variant", platform.variant.clone()),
        ("os.version", platform.os_version.clone()),
        ("os.features", list(&platform.os_features)),
        ("author", config.author.clone()),
        ("created", config.created.clone()),
        ("stopSignal", execution.stop_signal.clone()),
        ("exposedPorts", list(&execution.exposed_ports)),
    ];
    let mut annotations = serde_json::Map::new();
    for (name, value) in derived {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            annotations.insert(format!("org.opencontainers.image.{name}"), value.into());
        }
    }
    // Of the runtimes that take bundles, crun can run WebAssembly, where it was built so, and wants to be told; others
    // know nothing of this key.
    if platform.normalize().architecture == "wasm" {
        annotations.insert("run.oci.handler".to_owned(), "wasm".into());
    }
    let mut withheld = Vec::new();
    let labels: &Annotations = &execution.labels;
    for (key, value) in labels.iter() {
        if key.is_empty() || (!steering && STEERING.iter().any(|prefix| key.starts_with(prefix))) {
            withheld.push(key.to_owned());
        } else {
            annotations.insert(key.to_owned(), value.into());
        }
    }
    (annotations.into(), withheld)
}

fn add_volumes(mounts: &mut Vec<Value>, volumes: &[String]) -> Result<()> {
    for volume in volumes {
        let destination = clean(volume);
        if destination == "/" {
            return Err(invalid("/config/Volumes", format!("a volume cannot be mounted at /, found {volume:?}")));
        }
        if mounts.iter().any(|mount| mount["destination"] == destination.as_str()) {
            continue;
        }
        // Without noexec, which umoci has: there are images that run what they put into their volumes.
        let options = ["rw", "nosuid", "nodev", "relatime"];
        mounts.push(json!({ "destination": destination, "type": "tmpfs", "source": "tmpfs", "options": options }));
    }
    Ok(())
}

/// An absolute path without `.`, `..` and empty components; `..` at the root stays there.
fn clean(path: &str) -> String {
    let mut components = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop();
            }
            name => components.push(name),
        }
    }
    format!("/{}", components.join("/"))
}
