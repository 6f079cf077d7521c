//! The conventions of this repository, as far as a program can see them. Every failure names the file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines in a source file. Files of 100 to 200 are the habit; whatever comes near this has a seam to be found.
const MOST_LINES: usize = 600;
/// The crates that know what an image means.
const LOGIC: [&str; 4] = ["components/image", "components/layer", "components/registry", "components/wasm"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Every file of the repository but what builds leave behind, relative to its root, in order.
fn files() -> Vec<String> {
    fn walk(root: &Path, directory: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().expect("file names are UTF-8").to_owned();
            let base = path.file_name().unwrap().to_str().unwrap();
            let is_left = [".git", "target", "node_modules"].contains(&base)
                || ["npm/generated", "npm/dist", "npm/docs", "web/dist", "web/lens/generated"].contains(&name.as_str());
            if is_left {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                walk(root, &path, found);
            } else {
                found.push(name);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &root(), &mut found);
    found.sort();
    assert!(found.len() > 100, "{}", found.len());
    found
}

fn is_under(file: &str, folder: &str) -> bool {
    file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn has_extension(file: &str, extensions: &[&str]) -> bool {
    Path::new(file).extension().is_some_and(|extension| extensions.iter().any(|one| extension == *one))
}

fn is_source(file: &str) -> bool {
    has_extension(file, &["rs", "ts", "tsx", "js", "mjs", "css", "html", "wit", "sh"])
}

/// The text of a file; nothing for one that is not text.
fn text(file: &str) -> Option<String> {
    String::from_utf8(fs::read(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))).ok()
}

/// Rust without its comments and without what follows the tests' attribute, which stands last by habit.
fn code(file: &str) -> String {
    let text = text(file).expect("Rust is UTF-8");
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn assert_none(findings: &[String], rule: &str) {
    assert!(findings.is_empty(), "{rule}:\n{}", findings.join("\n"));
}

/// The packages of the workspace with their folders and the packages of the workspace they depend on, whatever for.
fn packages() -> Vec<(String, String, Vec<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let root = root();
    let folder = |path: &str| Path::new(path).strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let manifest = package["manifest_path"].as_str().unwrap();
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let paths = dependencies.filter_map(|dependency| dependency["path"].as_str().map(folder)).collect();
            let name = package["name"].as_str().unwrap().to_owned();
            (name, folder(manifest).trim_end_matches("/Cargo.toml").to_owned(), paths)
        })
        .collect()
}

#[test]
fn dependencies_point_from_drivers_to_components() {
    let packages = packages();
    assert!(packages.len() >= 4, "{packages:?}");
    let mut findings = Vec::new();
    for (name, folder, dependencies) in &packages {
        for dependency in dependencies {
            let is_wrong = match folder.as_str() {
                "components/image" => dependency != "components/image",
                "components/registry" | "components/wasm" => dependency != "components/image",
                "components/layer" => !["components/image", "tests"].contains(&dependency.as_str()),
                folder if is_under(folder, "components") => !is_under(dependency, "components"),
                _ => false,
            };
            if is_wrong {
                findings.push(format!("{name} depends on {dependency}"));
            }
        }
    }
    assert_none(
        &findings,
        "components depend on components alone, image on nothing, layer, registry and wasm on image",
    );
}

#[test]
fn components_have_no_files_clocks_threads_or_networks() {
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| is_under(file, "components") && file.contains("/src/")) {
        if !has_extension(file, &["rs"]) || file.contains("tests") {
            continue;
        }
        let code = code(file);
        for module in ["fs", "net", "time", "thread", "process", "env", "os"] {
            for path in [format!("std::{module}::"), format!("use std::{module};"), format!("std::{{{module}")] {
                if code.contains(&path) {
                    findings.push(format!("{file}: {path}"));
                }
            }
        }
    }
    assert_none(&findings, "bytes in, values out");
}

#[test]
fn logic_crates_forbid_unsafe_code() {
    let missing: Vec<_> = LOGIC
        .iter()
        .map(|folder| format!("{folder}/src/lib.rs"))
        .filter(|file| !text(file).unwrap().contains("#![forbid(unsafe_code)]"))
        .collect();
    assert_none(&missing, "`#![forbid(unsafe_code)]` is missing");
}

/// For the interface `layer`, look at `layer.*` wherever you are.
#[test]
fn every_interface_has_its_file_in_every_folder() {
    // What a driver answers archives with is its sources; types have no file of their own on the host.
    // No program but the host copies, packs and writes layouts yet.
    const NO_SCRIPT: [&str; 3] = ["artifact", "copy", "layout"];
    const ELSEWHERE: [(&str, &str); 2] = [("archive", "host/src/source/archive.rs"), ("types", "host/src/bindings.rs")];
    let mut findings = Vec::new();
    let mut interfaces = 0;
    for file in files().iter().filter(|file| is_under(file, "wit")) {
        let stem = Path::new(file).file_stem().unwrap().to_str().unwrap();
        if stem == "world" {
            continue;
        }
        interfaces += 1;
        let declared = format!("interface {stem} {{");
        if !text(file).unwrap().lines().any(|line| line == declared) {
            findings.push(format!("{file} declares no `{declared}`"));
        }
        let host = ELSEWHERE.iter().find(|(name, _)| *name == stem).map(|(_, file)| (*file).to_owned());
        let guest = if stem == "hasher" {
            "components/hasher/src/lib.rs".into()
        } else {
            format!("components/toolkit/src/{stem}.rs")
        };
        let script = if stem == "archive" { "npm/src/source/archive.ts".into() } else { format!("npm/src/{stem}.ts") };
        for expected in [host.unwrap_or_else(|| format!("host/src/{stem}.rs")), guest, script] {
            if NO_SCRIPT.contains(&stem) && is_under(&expected, "npm") {
                continue;
            }
            if !root().join(&expected).is_file() {
                findings.push(format!("{file} has no {expected}"));
            }
        }
    }
    assert!(interfaces > 5, "{interfaces}");
    assert_none(&findings, "one stem per interface");
}

#[test]
fn no_source_file_is_too_long() {
    let long: Vec<_> = files()
        .iter()
        .filter(|file| is_source(file))
        .map(|file| (file, text(file).unwrap_or_default().lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, lines)| format!("{file}: {lines} lines"))
        .collect();
    assert_none(&long, "split these");
}

#[test]
fn nothing_names_a_machine_or_how_the_work_is_organised() {
    // Put together here, so that this file is no finding itself.
    let words: Vec<String> = [
        ["/wo", "rk/"],
        ["/ro", "ot/."],
        ["/ro", "ot/wt"],
        ["sub", "agent"],
        ["sub-", "agent"],
        ["cla", "ude"],
        ["hand", "over"],
        ["house ", "rules"],
        ["as ", "requested"],
        ["per the ", "task"],
        ["per the ", "issue"],
        ["the project's ", "owner"],
        ["design", ".md"],
        ["requirements", ".md"],
        ["hostile-", "inputs"],
        ["../sha", "red"],
    ]
    .iter()
    .map(|parts| parts.concat())
    .collect();
    let mut findings = Vec::new();
    for file in files() {
        // Names of packages in lock files are other people's.
        if has_extension(&file, &["lock"]) || file.ends_with("package-lock.json") {
            continue;
        }
        let Some(text) = text(&file) else { continue };
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            for word in words.iter().filter(|word| lower.contains(word.as_str())) {
                findings.push(format!("{file}:{}: {word}", number + 1));
            }
        }
    }
    assert_none(&findings, "this does not belong into the repository");
}

#[test]
fn every_module_is_compiled() {
    let files = files();
    let mut findings = Vec::new();
    let is_module = |file: &&String| file.contains("src/") || is_under(file, "tests/cases");
    for file in files.iter().filter(|file| has_extension(file, &["rs"])).filter(is_module) {
        let path = Path::new(file);
        let (folder, stem) = (path.parent().unwrap(), path.file_stem().unwrap().to_str().unwrap());
        if ["lib", "main", "mod"].contains(&stem) || folder.ends_with("bin") {
            continue;
        }
        let parent = format!("{}.rs", folder.display());
        let parents = ["lib.rs", "main.rs", "mod.rs"].map(|name| folder.join(name).to_str().unwrap().to_owned());
        let is_declared = parents.iter().chain([&parent]).filter(|parent| files.contains(parent)).any(|parent| {
            let text = text(parent).unwrap();
            let is_module = |line: &str| {
                line.trim_start_matches("pub ").trim_start_matches("pub(crate) ") == format!("mod {stem};")
            };
            text.lines().any(|line| is_module(line.trim()))
        });
        if !is_declared {
            findings.push(file.clone());
        }
    }
    assert_none(&findings, "no `mod` leads to these");
}

#[test]
fn every_fixture_is_read_by_a_test() {
    let files = files();
    let readers: Vec<String> = files
        .iter()
        .filter(|file| has_extension(file, &["rs", "ts", "js", "mjs", "sh"]) || file.ends_with("INDEX.json"))
        .filter_map(|file| text(file))
        .collect();
    let is_named = |name: &str| readers.iter().any(|reader| reader.contains(name));
    let mut named = BTreeSet::new();
    let mut forgotten = Vec::new();
    let is_fixture = |file: &&String| {
        // Cases that are made by code are modules, and looked at as such.
        is_under(file, "tests/fixtures") || is_under(file, "tests/cases") && !has_extension(file, &["rs"])
    };
    for file in files.iter().filter(is_fixture) {
        let path = Path::new(file);
        let inside = path.strip_prefix("tests/fixtures").or_else(|_| path.strip_prefix("tests/cases")).unwrap();
        let quoted = |text: &str| format!("\"{text}\"");
        let base = path.file_name().unwrap().to_str().unwrap();
        // By name; by the stem that a test completes; or all files of a folder, by that folder or one above.
        let is_read =
            base == "INDEX.json"
                || is_named(base)
                || is_named(&quoted(path.file_stem().unwrap().to_str().unwrap()))
                || inside.ancestors().skip(1).filter_map(Path::to_str).filter(|folder| !folder.is_empty()).any(
                    |folder| named.contains(folder) || (is_named(&quoted(folder)) && named.insert(folder.to_owned())),
                );
        if !is_read {
            forgotten.push(file.clone());
        }
    }
    assert_none(&forgotten, "no test names these");
}

#[test]
fn scripts_can_be_run() {
    use std::os::unix::fs::PermissionsExt;
    let broken: Vec<_> = files()
        .into_iter()
        .filter(|file| has_extension(file, &["sh"]) || file == ".ci/run")
        .filter(|file| fs::metadata(root().join(file)).unwrap().permissions().mode() & 0o111 == 0)
        .collect();
    assert_none(&broken, "these cannot be run");
}
