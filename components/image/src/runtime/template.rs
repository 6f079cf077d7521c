//! The parts of a runtime config that do not depend on the image: those of `runc spec`.

use super::{Mapping, Rootless};
use serde_json::{Value, json};

pub(super) fn capabilities() -> Value {
    let few = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
    // Neither inheritable nor ambient, as CVE-2022-29162 teaches.
    json!({ "bounding": few, "effective": few, "permitted": few })
}

pub(super) fn mounts(rootless: bool) -> Vec<Value> {
    let mount = |destination: &str, kind: &str, source: &str, options: &[&str]| {
        let mut mount = json!({ "destination": destination, "type": kind, "source": source });
        if !options.is_empty() {
            mount["options"] = options.into();
        }
        mount
    };
    let mut pts = vec!["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
    if !rootless {
        // The group tty, which nobody maps who has one id only.
        pts.push("gid=5");
    }
    vec![
        mount("/proc", "proc", "proc", &[]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount("/dev/pts", "devpts", "devpts", &pts),
        mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        if rootless {
            // A new sysfs needs a network namespace of one's own.
            mount("/sys", "none", "/sys", &["rbind", "nosuid", "noexec", "nodev", "ro"])
        } else {
            mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"])
        },
        mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
    ]
}

pub(super) fn linux(rootless: Option<&Rootless>) -> Value {
    let mappings = |mappings: &[Mapping]| -> Vec<Value> {
        let one = |mapping: &Mapping| json!({ "containerID": mapping.container, "hostID": mapping.host, "size": mapping.size });
        mappings.iter().map(one).collect()
    };
    let mut linux = json!({});
    let namespaces: &[&str] = match rootless {
        Some(rootless) => {
            linux["uidMappings"] = mappings(&rootless.uids).into();
            linux["gidMappings"] = mappings(&rootless.gids).into();
            &["pid", "ipc", "uts", "mount", "cgroup", "user"]
        }
        None => {
            linux["resources"] = json!({ "devices": [{ "allow": false, "access": "rwm" }] });
            &["pid", "network", "ipc", "uts", "mount", "cgroup"]
        }
    };
    linux["namespaces"] = namespaces.iter().map(|kind| json!({ "type": kind })).collect();
    linux["maskedPaths"] = json!([
        "/proc/acpi",
        "/proc/asound",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/sys/firmware",
        "/proc/scsi",
    ]);
    linux["readonlyPaths"] = json!(["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]);
    linux
}
