//! `portolan waste`.

use crate::{Written, demo, portolan};
use portolan_tests::tar;
use serde_json::json;

/// 1000 bytes of 4000 are wasted: 600 replaced, 400 removed. What a second name keeps is not wasted; to dive's efficiency
/// it is, as links have no size there: 2000 of `big` and 400 of `replaced` would do.
fn wasteful() -> Written {
    let bottom = tar::Builder::new()
        .file("big", [b'b'; 2000])
        .file("kept", [b'k'; 600])
        .hardlink("name", "kept")
        .file("old", [b'o'; 400])
        .file("replaced", [b'r'; 600]);
    let top = tar::Builder::new().file("replaced", [b'R'; 400]).whiteout("old").whiteout("kept");
    Written::of([bottom, top])
}

#[test]
fn the_worst_come_first() {
    let written = wasteful();
    let shown = portolan(["waste", written.reference()]).done();
    let expected = "\
Efficiency  60.0 %
Stored      4.0 kB of files in 2 layers
Wasted      1.0 kB (25.0 %)

WASTED  TIMES  PATH
 600 B      1  replaced
 400 B      1  old
";
    assert_eq!(shown, expected);
    let shown = portolan(["waste", "--top", "1", written.reference()]).done();
    assert!(shown.ends_with(" 600 B      1  replaced\nand more; --top 0 shows all\n"), "{shown}");
}

#[test]
fn json_has_exact_numbers() {
    let written = wasteful();
    let shown = portolan(["waste", "--json", "--top", "1", written.reference()]).json();
    assert_eq!((&shown["totalBytes"], &shown["wastedBytes"]), (&json!(4000), &json!(1000)));
    assert_eq!((&shown["wastedPercent"], &shown["efficiency"]), (&json!(25.0), &json!(0.6)));
    assert_eq!(shown["paths"], json!([{ "path": "replaced", "bytes": 600, "count": 1 }]));
    assert_eq!(shown["failures"], json!([]));
    let demo = portolan(["waste", "--json", "--top", "0", "-p", "linux/amd64", &demo()]).json();
    assert_eq!((&demo["wastedBytes"], demo["paths"].as_array().unwrap().len()), (&json!(11626), 6));
}

#[test]
fn too_much_waste_is_wrong() {
    let written = wasteful();
    for (args, code) in [
        (&["--fail-above", "25%"][..], 0),
        (&["--fail-above", "24.9%"], 1),
        (&["--fail-above", "1kB"], 0),
        (&["--fail-above", "999"], 1),
        (&["--fail-above", "50%,0.5K"], 1),
        (&["--fail-above", "1MB", "--fail-above", "10%"], 1),
        (&["--fail-below", "0.6"], 0),
        (&["--fail-below", "61%"], 1),
        (&["--fail-above", "much"], 2),
    ] {
        let run = portolan(["waste", written.reference()].iter().chain(args));
        assert_eq!(run.code, Some(code), "{args:?}: {}", run.stderr);
        assert_eq!(run.stderr.starts_with("too much: "), code == 1, "{args:?}: {}", run.stderr);
    }
    let run = portolan(["waste", "--json", "--fail-above", "5%,2kB", "--fail-below", "0.9", written.reference()]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    let failures = ["25.00% is wasted, above 5%", "the efficiency is 0.6000, below 0.9"];
    assert_eq!(run.json()["failures"], json!(failures));
}

#[test]
fn an_image_without_files_wastes_nothing() {
    let written = Written::of([tar::Builder::new().dir("d/")]);
    let shown = portolan(["waste", "--fail-above", "0%", "--fail-below", "1", written.reference()]).done();
    assert_eq!(shown, "Efficiency  100.0 %\nStored      0 B of files in 1 layer\nWasted      0 B (0.0 %)\n");
}
