//! Help, versions, completions, and arguments that are wrong.

use crate::{demo, portolan};
use portolan_tests::demo as demo_image;

const COMMANDS: [&str; 10] =
    ["inspect", "platforms", "verify", "unpack", "tree", "ls", "cat", "waste", "digest", "completion"];

#[test]
fn every_command_has_help_with_examples() {
    for command in COMMANDS {
        for args in [["help", command], [command, "--help"]] {
            let help = portolan(args).done();
            assert!(help.contains(&format!("Usage: portolan {command}")), "{help}");
            assert!(help.contains("EXAMPLES:\n") && help.contains(&format!("portolan {command} ")), "{help}");
        }
        let listed = portolan(["help"]).done();
        assert!(listed.contains(&format!("\n  {command} ")), "{listed}");
    }
    assert_eq!(portolan(["--version"]).done(), concat!("portolan ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn topics_have_help_too() {
    assert!(portolan(["help", "references"]).done().contains("oci-archive:FILE"));
    let limits = portolan(["help", "limits"]).done();
    assert!(limits.contains("manifest-bytes") && limits.contains("4M"), "{limits}");
    assert_eq!(portolan(["verify", "--limits", "help", "nowhere"]).done(), limits);
    assert_eq!(portolan(["help", "limits", "--json"]).json()["manifest-bytes"], 4 << 20);
    assert!(portolan(["help", "frobnicate"]).failed(2).contains("no help on frobnicate"));
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = portolan(["completion", shell]).done();
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
}

#[test]
fn wrong_arguments_are_a_failure_of_the_run() {
    for args in [&["inspect"][..], &["frobnicate"], &["verify", "--bad"], &["digest", "-a", "md5", "x"], &[]] {
        let error = portolan(args).failed(2);
        assert!(error.contains("Usage") || error.contains("--help"), "{error}");
    }
    let error = portolan(["--json", "inspect"]).failed(2);
    let error: serde_json::Value = serde_json::from_str(&error).unwrap();
    assert_eq!(error["error"]["code"], "usage");
    assert!(error["error"]["message"].as_str().unwrap().contains("<IMAGE>"), "{error}");
}

#[test]
fn wrong_limits_are_a_failure_of_the_run() {
    for limits in ["laysers=1", "layers", "layers=many"] {
        let error = portolan(["verify", "--limits", limits, &demo()]).failed(2);
        assert!(error.starts_with("error: ") && error.contains("limits"), "{error}");
    }
}

#[test]
fn what_is_not_there_is_a_failure_of_the_run_that_says_what_is_there() {
    let directory = demo_image::directory();
    let place = directory.display();
    for (args, says) in [
        (vec!["inspect".to_owned(), "./no/such/image".into()], "no image at ./no/such/image"),
        (vec!["inspect".into(), "http://x/y".into()], "unknown scheme"),
        (vec!["inspect".into(), format!("oci:{place}:1.1")], "there is 1.0"),
        (vec!["inspect".into(), format!("oci-archive:{place}")], "not an archive"),
        (vec!["inspect".into(), "--platform=linux/s390x".into(), demo()], "linux/arm64"),
        (vec!["inspect".into(), "--platform=linux/".into(), demo()], "platform"),
    ] {
        let error = portolan(&args).failed(2);
        assert!(error.starts_with("error: ") && error.contains(says), "{args:?}: {error}");
        let error = portolan(args.iter().map(String::as_str).chain(["--json"])).failed(2);
        let error: serde_json::Value = serde_json::from_str(&error).unwrap();
        assert!(error["error"]["code"].is_string(), "{error}");
        assert!(error["error"]["message"].as_str().unwrap().contains(says), "{error}");
    }
}
