//! Configs and names that try to steer whoever looks at them (rows 51 and 52), beyond unpacking.

use crate::run::Run;
use crate::sandbox::Sandbox;
use crate::{Source, cases};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::tar;

fn each(row: u32, look: impl Fn(&Sandbox, &str)) {
    for (_, table) in cases::tables() {
        for case in table.iter().filter(|case| case.row == row) {
            let sandbox = Sandbox::new();
            let attack = (case.make)(&sandbox.place());
            let reference = sandbox.image(&attack.layout, Source::Layout);
            let before = sandbox.snapshot();
            look(&sandbox, &reference);
            sandbox.unharmed(&before).unwrap_or_else(|harm| panic!("row {row}, {}: {harm}", case.name));
        }
    }
}

#[test]
fn row_51_a_bundle_of_a_config_that_climbs_touches_nothing_outside() {
    each(51, |sandbox, reference| {
        let ended =
            Run::new(sandbox).arguments(&["unpack", "--bundle", "--platform", "linux/amd64", reference, "dest"]).run();
        ended.is_sane().unwrap();
        let text = std::fs::read_to_string(sandbox.destination().join("config.json"));
        let Ok(text) = text else {
            assert_eq!(ended.code, Some(1), "{ended}");
            assert!(ended.stderr.starts_with("error: "), "{ended}");
            return;
        };
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(config["root"]["path"], "rootfs");
        assert!(config["hooks"].is_null(), "a label became a hook: {text}");
        let mounts = config["mounts"].as_array().cloned().unwrap_or_default();
        for mount in mounts {
            let destination = mount["destination"].as_str().unwrap();
            assert!(destination.starts_with('/') && !destination.split('/').any(|part| part == ".."), "{mount}");
            let source = mount["source"].as_str().unwrap_or_default();
            assert!(!source.contains('/'), "a mount of the host: {mount}");
        }
        assert!(config["process"]["cwd"].as_str().unwrap().starts_with('/'), "{text}");
    });
}

#[test]
fn row_52_no_command_lets_escapes_through() {
    each(52, |sandbox, reference| {
        for command in [&["inspect"][..], &["verify"], &["platforms"], &["ls"], &["ls", "-lR"], &["tree"], &["waste"]] {
            for json in [false, true] {
                let global: &[&str] = if json { &["--json"] } else { &[] };
                let selects = ["ls", "tree", "waste", "inspect"].contains(&command[0]);
                let platform: &[&str] = if selects { &["--platform", "linux/amd64"] } else { &[] };
                let arguments = [command, platform, &[reference]].concat();
                let ended = Run::new(sandbox).global(global).arguments(&arguments).run();
                // JSON escapes control characters; what reorders text it may hold, being no text for a terminal.
                if json {
                    let obeyed = |character: char| character < ' ' && character != '\n';
                    assert!(!ended.stdout.chars().any(obeyed), "{command:?}: {ended}");
                } else {
                    ended.is_sane().unwrap_or_else(|failure| panic!("{command:?}: {failure}"));
                }
                assert_eq!(ended.code, Some(0), "{command:?}: {ended}");
            }
        }
    });
}

#[test]
fn row_3_bytes_that_are_not_utf_8_stay_and_are_shown_escaped() {
    use std::os::unix::ffi::OsStrExt;
    let name: &[u8] = b"n\xff\xfe\x1b";
    let layer = Layer::plain(tar::Builder::new().file(name, "x").build());
    let layout = Layout::single("latest", Builder::new("linux/amd64").layer(layer));
    for source in [Source::Layout, Source::DockerArchive] {
        let sandbox = Sandbox::new();
        let reference = sandbox.image(&layout, source);
        let platform = ["--platform", "linux/amd64", &reference];
        let ended = Run::new(&sandbox).arguments(&[&["unpack"][..], &platform, &["dest"]].concat()).run();
        assert_eq!(ended.code, Some(0), "{ended}");
        assert!(sandbox.destination().join(std::ffi::OsStr::from_bytes(name)).is_file());
        let ended = Run::new(&sandbox).arguments(&[&["ls"][..], &platform].concat()).run();
        ended.is_sane().unwrap();
        assert!(ended.stdout.contains("n\\xff\\xfe\\u{1b}"), "{ended}");
        let ended = Run::new(&sandbox).global(&["--json"]).arguments(&[&["ls"][..], &platform].concat()).run();
        let answer: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(answer["entries"][0]["pathBytes"], "bv/+Gw==", "{ended}");
    }
}
