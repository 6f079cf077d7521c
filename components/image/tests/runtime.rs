//! Runtime configs against conversion.md, the runtime-spec's schema and hostile users.
#![allow(clippy::unwrap_used, clippy::panic)]

use jsonschema::{Retrieve, Uri, Validator};
use portolan_image::runtime::{FILE_BYTES, Inputs, Mapping, Rootless, RuntimeConfig, User, convert, resolve_user};
use portolan_image::{Code, Config, Error, Limits};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::LazyLock;

fn fixtures() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures"))
}

struct Schemas;

impl Retrieve for Schemas {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let name = uri.path().as_str().rsplit('/').next().unwrap_or_default();
        Ok(serde_json::from_slice(&std::fs::read(fixtures().join("schemas/runtime-spec").join(name))?)?)
    }
}

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let root = json!({ "$schema": "http://json-schema.org/draft-04/schema#", "$ref": "schema:///config-schema.json" });
    jsonschema::options().with_retriever(Schemas).build(&root).unwrap()
});

fn image(config: &Value) -> Value {
    json!({ "os": "linux", "architecture": "amd64", "config": config, "rootfs": { "type": "layers", "diff_ids": [] } })
}

fn try_run(image: &Value, inputs: &Inputs<'_>) -> Result<RuntimeConfig, Error> {
    convert(&Config::parse(&serde_json::to_vec(image).unwrap(), &Limits::default())?, inputs)
}

/// Converts, and holds every answer against the schema.
fn run(image: &Value, inputs: &Inputs<'_>) -> Value {
    let runtime = try_run(image, inputs).unwrap();
    let value = serde_json::from_str(&runtime.json).unwrap();
    let errors: Vec<_> = SCHEMA.iter_errors(&value).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    value
}

fn files(directory: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(fixtures().join(directory))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn the_schema_tells_valid_from_invalid() {
    for (name, bytes) in files("runtime-spec/valid") {
        assert!(SCHEMA.is_valid(&serde_json::from_slice(&bytes).unwrap()), "{name}");
    }
    let invalid = files("runtime-spec/invalid");
    assert!(!invalid.is_empty());
    for (name, bytes) in invalid {
        assert!(!serde_json::from_slice(&bytes).is_ok_and(|value| SCHEMA.is_valid(&value)), "{name}");
    }
}

#[test]
fn conversion_follows_the_vectors() {
    let bytes = std::fs::read(fixtures().join("vectors/conversion.json")).unwrap();
    let vectors: Value = serde_json::from_slice(&bytes).unwrap();
    let mut checked = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let name = &case["name"];
        let file = |key: &str| case[key].as_str().map(str::as_bytes);
        let inputs = Inputs { passwd: file("passwd"), group: file("group"), ..Inputs::default() };
        if case["expect"].is_string() {
            assert!(try_run(&case["image"], &inputs).is_err(), "{name}");
            checked += 1;
            continue;
        }
        let runtime = run(&case["image"], &inputs);
        for (key, expected) in case["expect"].as_object().unwrap() {
            checked += 1;
            match key.as_str() {
                "annotations contains" => {
                    for (key, value) in expected.as_object().unwrap() {
                        assert_eq!(&runtime["annotations"][key], value, "{name}");
                    }
                }
                "annotations lacks" => {
                    for key in expected.as_array().unwrap() {
                        assert!(runtime["annotations"].get(key.as_str().unwrap()).is_none(), "{name}");
                    }
                }
                // Prose: an absolute cwd, and a command line of the converter's.
                "process.cwd" => assert_eq!(runtime["process"]["cwd"], "/"),
                "process.args" if expected.is_string() => assert_eq!(runtime["process"]["args"], json!(["sh"])),
                key => {
                    let pointer = format!("/{}", key.replace('.', "/"));
                    assert_eq!(runtime.pointer(&pointer), Some(expected), "{name}: {key}");
                }
            }
        }
    }
    assert_eq!(checked, 12);
}

#[test]
fn every_valid_config_of_the_image_spec_converts() {
    // V-01
    let group = "app:x:1000:\nalice:x:1:\n";
    let passwd = "alice:x:1:1::/home/alice:/bin/sh\n";
    let mut checked = 0;
    for (name, bytes) in files("valid").iter().filter(|(name, _)| name.starts_with("config-")) {
        let value: Value = serde_json::from_slice(bytes).unwrap();
        for rootless in [None, Some(Rootless::new(1000, 1000))] {
            let inputs = Inputs {
                passwd: Some(passwd.as_bytes()),
                group: Some(group.as_bytes()),
                rootless,
                ..Inputs::default()
            };
            if value["config"]["User"] == "user" {
                assert_eq!(try_run(&value, &inputs).unwrap_err().code(), Code::UserNotFound, "{name}");
            } else {
                run(&value, &inputs);
            }
            checked += 1;
        }
    }
    assert!(checked >= 6);
}

#[test]
fn fields_are_taken_over_as_they_stand() {
    // V-03, V-04, V-05
    let runtime = run(
        &image(&json!({
            "Entrypoint": ["/bin/a", ""], "Cmd": ["-c", "b c"], "WorkingDir": "/srv",
            "Env": ["HOME=/image", "PATH=/only", "E=", "A=b=c", "TERM=vt100"],
        })),
        &Inputs { terminal: true, passwd: Some(b"root:x:0:0::/root:/bin/sh"), ..Inputs::default() },
    );
    let process = &runtime["process"];
    assert_eq!(process["args"], json!(["/bin/a", "", "-c", "b c"]));
    assert_eq!(process["env"], json!(["HOME=/image", "PATH=/only", "E=", "A=b=c", "TERM=vt100"]));
    assert_eq!((&process["cwd"], &process["terminal"]), (&json!("/srv"), &json!(true)));
}

#[test]
fn variables_are_added_only_where_they_are_missing() {
    // V-02
    let inputs = Inputs { passwd: Some(b"root:x:0:0::/root:/bin/sh\n"), ..Inputs::default() };
    let runtime = run(&image(&json!({ "Env": ["A=1"] })), &inputs);
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(runtime["process"]["env"], json!(["A=1", path, "HOME=/root"]));
}

#[test]
fn the_command_of_the_caller_replaces_cmd_alone() {
    // C-10
    let inputs = Inputs { cmd: Some(vec!["x".to_owned()]), ..Inputs::default() };
    let runtime = run(&image(&json!({ "Entrypoint": ["/e"], "Cmd": ["c"] })), &inputs);
    assert_eq!(runtime["process"]["args"], json!(["/e", "x"]));
}

#[test]
fn the_directory_is_absolute_and_cannot_leave_the_rootfs() {
    // V-03, CVE-2026-55686
    for (given, cwd) in
        [("", "/"), ("a/b", "/a/b"), ("/a/../../../etc", "/etc"), ("..", "/"), ("//a/./b//", "/a/b"), ("/...", "/...")]
    {
        assert_eq!(run(&image(&json!({ "WorkingDir": given })), &Inputs::default())["process"]["cwd"], cwd, "{given}");
    }
}

#[test]
fn what_has_no_place_becomes_annotations_and_labels_win() {
    // V-06, V-07, V-08, V-15, V-17
    let mut image = image(&json!({
        "StopSignal": "SIGRTMIN+3", "ExposedPorts": { "80/tcp": {}, "53/udp": {} },
        "Labels": { "org.opencontainers.image.author": "label", "b": "", "a": "1", "": "no key" },
    }));
    image["author"] = "field".into();
    image["created"] = "2026-01-02T03:04:05Z".into();
    image["variant"] = "v3".into();
    image["os.version"] = "1.2".into();
    image["os.features"] = json!(["x", "y"]);
    let runtime = try_run(&image, &Inputs::default()).unwrap();
    assert_eq!(runtime.withheld, [""]);
    let key = |name: &str| format!("org.opencontainers.image.{name}");
    assert_eq!(
        serde_json::from_str::<Value>(&runtime.json).unwrap()["annotations"],
        json!({
            key("os"): "linux", key("architecture"): "amd64", key("variant"): "v3", key("os.version"): "1.2",
            key("os.features"): "x,y", key("author"): "label", key("created"): "2026-01-02T03:04:05Z",
            key("stopSignal"): "SIGRTMIN+3", key("exposedPorts"): "80/tcp,53/udp", "b": "", "a": "1",
        })
    );
}

#[test]
fn labels_give_no_orders_to_a_runtime() {
    // CVE-2026-53488
    let labels =
        json!({ "run.oci.hooks.stdout": "/etc/x", "org.systemd.property.ExecStart": "x", "my.run.oci.x": "1" });
    let image = image(&json!({ "Labels": labels }));
    let runtime = try_run(&image, &Inputs::default()).unwrap();
    assert_eq!(runtime.withheld, ["run.oci.hooks.stdout", "org.systemd.property.ExecStart"]);
    assert!(!runtime.json.contains("/etc/x") && runtime.json.contains("my.run.oci.x"));
    let kept = try_run(&image, &Inputs { steering_labels: true, ..Inputs::default() }).unwrap();
    assert!(kept.withheld.is_empty() && kept.json.contains("/etc/x"));
}

#[test]
fn volumes_are_mounts_at_clean_paths() {
    // V-13, CVE-2022-23648
    let volumes = json!({ "/data": {}, "/data/": {}, "../../etc/x": {}, "/dev/shm": {} });
    let runtime = run(&image(&json!({ "Volumes": volumes })), &Inputs::default());
    let mounts = runtime["mounts"].as_array().unwrap();
    let places: Vec<_> = mounts.iter().skip(7).map(|mount| mount["destination"].as_str().unwrap()).collect();
    assert_eq!(places, ["/data", "/etc/x"]);
    assert!(mounts.iter().skip(7).all(|mount| mount["type"] == "tmpfs" && mount["source"] == "tmpfs"));
    let error = try_run(&image(&json!({ "Volumes": { "/a/..": {} } })), &Inputs::default()).unwrap_err();
    assert!(error.to_string().contains("/config/Volumes"), "{error}");
}

#[test]
fn an_image_for_another_system_is_refused() {
    let mut image = image(&json!({}));
    image["os"] = "windows".into();
    assert!(try_run(&image, &Inputs::default()).is_err());
    image["os"] = "wasip1".into();
    image["architecture"] = "wasm".into();
    run(&image, &Inputs::default());
}

/// crun runs WebAssembly when it is told so, and an image cannot tell it itself.
#[test]
fn a_bundle_of_webassembly_asks_for_the_handler_of_that() {
    let mut wasm = image(&json!({ "Entrypoint": ["/x.wasm"], "Labels": { "run.oci.handler": "krun" } }));
    assert!(run(&wasm, &Inputs::default())["annotations"].get("run.oci.handler").is_none());
    wasm["os"] = "wasi".into();
    wasm["architecture"] = "wasm32".into();
    let runtime = run(&wasm, &Inputs::default());
    assert_eq!(runtime["annotations"]["run.oci.handler"], "wasm");
    assert_eq!(runtime["process"]["args"], json!(["/x.wasm"]));
}

#[test]
fn without_privileges_there_is_a_user_namespace_and_nothing_that_needs_more() {
    let image = image(&json!({ "User": "alice" }));
    let with = |rootless| Inputs {
        passwd: Some(b"alice:x:7:8::/home/alice:/bin/sh"),
        group: Some(b"g:x:9:alice\nh:x:70000:alice"),
        rootless: Some(rootless),
        ..Inputs::default()
    };
    let runtime = run(&image, &with(Rootless::new(1000, 1001)));
    assert_eq!(runtime["process"]["user"], json!({ "uid": 7, "gid": 8 }));
    assert_eq!(runtime["linux"]["uidMappings"], json!([{ "containerID": 0, "hostID": 1000, "size": 1 }]));
    assert_eq!(runtime["linux"]["gidMappings"], json!([{ "containerID": 0, "hostID": 1001, "size": 1 }]));
    assert!(runtime["linux"].get("resources").is_none());
    let text = runtime.to_string();
    assert!(text.contains(r#"{"type":"user"}"#) && !text.contains("network") && !text.contains("gid=5"));
    let sys = runtime["mounts"].as_array().unwrap().iter().find(|mount| mount["destination"] == "/sys").unwrap();
    assert_eq!(sys["options"], json!(["rbind", "nosuid", "noexec", "nodev", "ro"]));
    let range =
        vec![Mapping { container: 0, host: 1000, size: 1 }, Mapping { container: 1, host: 100_000, size: 65_536 }];
    let runtime = run(&image, &with(Rootless { uids: range.clone(), gids: range }));
    assert_eq!(runtime["process"]["user"]["additionalGids"], json!([9]));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    // J-06
    let image = image(&json!({ "Labels": { "b": "1", "a": "2" } }));
    let first = try_run(&image, &Inputs::default()).unwrap();
    assert_eq!(first, try_run(&image, &Inputs::default()).unwrap());
    assert!(first.json.starts_with("{\n  \"ociVersion\": \"1.0.2\",") && first.json.ends_with("}\n"));
}

const PASSWD: &[u8] = b"# comment\n\nbroken\nroot:x:0:0:root:/root:/bin/sh\nalice:x:x:1:::\nalice:x:1001:1002::/home/alice:/bin/sh\n\
    nohome:x:5:6\n77:x:5:6::/seven:\nwrap:x:4294967296:0::/:\nwrapgid:x:1:4294967295::/:\nminus:x:-1:0::/:\nend:x:9:9::/end:";
const GROUP: &[u8] = b"root:x:0:alice\nalice:x:1002:alice\nbad:x:y:alice\naudio:x:29:bob, alice\naudio2:x:29:alice\n\
    wrap:x:4294967296:alice\nvideo:x:44:malice,alice2\n";

fn resolve(text: &str) -> Result<User, Error> {
    resolve_user(text, Some(PASSWD), Some(GROUP))
}

#[test]
fn users_resolve_in_every_form() {
    // C-07, V-09, V-10, V-12
    let user = |uid, gid, additional: &[u32], home: Option<&str>| User {
        uid,
        gid,
        additional_gids: additional.to_vec(),
        home: home.map(str::to_owned),
    };
    for (text, expected) in [
        ("", user(0, 0, &[], Some("/root"))),
        (":29", user(0, 29, &[], Some("/root"))),
        ("alice", user(1001, 1002, &[0, 29], Some("/home/alice"))),
        ("alice:", user(1001, 1002, &[0, 29], Some("/home/alice"))),
        ("alice:audio", user(1001, 29, &[], Some("/home/alice"))),
        ("alice:7", user(1001, 7, &[], Some("/home/alice"))),
        ("1001", user(1001, 1002, &[], Some("/home/alice"))),
        ("1001:0", user(1001, 0, &[], Some("/home/alice"))),
        ("4294967294", user(4_294_967_294, 0, &[], None)),
        ("77", user(77, 0, &[], None)),
        ("007:audio", user(7, 29, &[], None)),
        ("nohome", user(5, 6, &[], None)),
        ("end", user(9, 9, &[], Some("/end"))),
    ] {
        assert_eq!(resolve(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_user_that_the_image_does_not_have_is_an_error() {
    // V-11
    for (text, kind) in [
        ("nobody-here", "user"),
        ("-1", "user"),
        ("+5", "user"),
        ("1e3", "user"),
        ("broken", "user"),
        ("minus", "user"),
        ("../../x", "user"),
        ("alice:nogroup", "group"),
        ("1:a:b", "group"),
        ("1:bad", "group"),
    ] {
        match resolve(text) {
            Err(Error::UserNotFound { kind: found, .. }) => assert_eq!(found, kind, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(resolve_user("root", None, None).unwrap_err().code(), Code::UserNotFound);
    assert_eq!(resolve_user("5:6", None, None), Ok(User { uid: 5, gid: 6, ..User::default() }));
}

#[test]
fn an_id_that_would_wrap_is_refused() {
    // CVE-2024-40635
    for text in ["4294967296", "4294967295", "65536:4294967296", "99999999999999999999999", "wrap", "wrapgid", "1:wrap"]
    {
        assert_eq!(resolve(text).unwrap_err().code(), Code::InvalidDocument, "{text}");
    }
}

#[test]
fn a_passwd_file_is_read_up_to_its_limit_and_no_half_line() {
    let mut passwd = b"first:x:1:1::/:\n".to_vec();
    passwd.resize(FILE_BYTES - 10, b'#');
    passwd.extend_from_slice(b"\ncut:x:1:1234::/:\nlast:x:2:2::/:\n");
    assert!(resolve_user("first", Some(&passwd), None).is_ok());
    for name in ["cut", "last"] {
        assert_eq!(resolve_user(name, Some(&passwd), None).unwrap_err().code(), Code::UserNotFound, "{name}");
    }
}

#[test]
fn bytes_that_are_no_text_are_no_error() {
    let passwd = b"\xff\xfe:x:1:1::/\xff:\nalice:x:3:4::/h\xff:\n\0:::::\n";
    assert_eq!(resolve_user("alice", Some(passwd), Some(passwd)), Ok(User { uid: 3, gid: 4, ..User::default() }));
}
