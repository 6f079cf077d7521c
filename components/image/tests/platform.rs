//! The platform rules against containerd's tables and answers; every wanted difference stands here with its requirement.
#![allow(clippy::unwrap_used, clippy::panic)]

use portolan_image::platform::{Platform, default_wanted, matches, matches_exactly, order, select};
use portolan_image::{Code, Error};
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/vectors/{}.json"), name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn host() -> Platform {
    Platform::new("linux", "amd64")
}

fn parse(text: &str) -> Platform {
    Platform::parse(text, &host()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect()
}

fn features(value: &Value) -> Vec<String> {
    value.as_array().map_or(Vec::new(), |_| strings(value).into_iter().map(str::to_owned).collect())
}

fn rows(name: &str) -> Vec<Value> {
    vectors("platforms")["tables"][name].as_array().unwrap_or_else(|| panic!("no table {name}")).clone()
}

/// A platform in the words of Go's fields, as the upstream tables have it.
fn go(value: &Value) -> Platform {
    // The host of these tables is Windows 10.0.17763; the extraction kept the calls that build its version.
    if value == "call:DefaultSpec" {
        return Platform { os_version: Some("10.0.17763".to_owned()), ..Platform::new("windows", "amd64") };
    }
    let text = |key: &str| value[key].as_str().unwrap_or_default().replace("call:fmt.Sprintf", "10.0.17763");
    let some = |key: &str| Some(text(key)).filter(|text| !text.is_empty());
    Platform {
        variant: some("Variant"),
        os_version: some("OSVersion"),
        os_features: features(&value["OSFeatures"]),
        ..Platform::new(&text("OS"), &text("Architecture"))
    }
}

fn oci(value: &Value) -> Platform {
    let some = |key: &str| value[key].as_str().map(str::to_owned);
    Platform {
        os: some("os").unwrap(),
        architecture: some("architecture").unwrap(),
        variant: some("variant"),
        os_version: some("os.version"),
        os_features: features(&value["os.features"]),
    }
}

fn sorted<'a>(wanted: &Platform, texts: &[&'a str]) -> Vec<&'a str> {
    let platforms: Vec<_> = texts.iter().map(|text| parse(text)).collect();
    let candidates: Vec<_> = platforms.iter().map(Some).collect();
    order(&candidates, std::slice::from_ref(wanted)).into_iter().map(|position| texts[position]).collect()
}

#[test]
fn specifiers_parse_and_print_as_containerd_does() {
    let vectors = vectors("platforms");
    let rows = vectors["parse"].as_array().unwrap();
    assert_eq!(rows.len(), 63);
    for row in rows {
        let input = row["input"].as_str().unwrap();
        let parsed = Platform::parse(input, &host());
        if input == "wasip1" {
            // L-15: containerd knows no such operating system.
            assert_eq!(parsed.unwrap(), Platform::new("wasip1", "wasm"));
            continue;
        }
        if row["error"] == true {
            assert_eq!(parsed.unwrap_err().code(), Code::InvalidPlatform, "{input}");
            continue;
        }
        let parsed = parsed.unwrap_or_else(|error| panic!("{input}: {error}"));
        assert_eq!(parsed, oci(&row["platform"]), "{input}");
        assert_eq!(parsed.normalize(), oci(&row["normalized"]), "{input}");
        assert_eq!(parsed.triple(), row["format"].as_str().unwrap(), "{input}");
        assert_eq!(parsed.to_string(), row["formatAll"].as_str().unwrap(), "{input}");
    }
}

#[test]
fn upstream_selectors_parse_match_and_print() {
    let mut skipped = 0;
    for row in rows("TestParseSelector") {
        let input = row["input"].as_str().unwrap();
        if row["skip"] == true {
            // Wildcards: upstream skips them too and refuses them.
            assert!(Platform::parse(input, &host()).is_err(), "{input}");
            skipped += 1;
            continue;
        }
        let parsed = parse(input);
        let expected = go(&row["expected"]);
        assert_eq!(parsed.normalize(), expected.normalize(), "{input}");
        assert_eq!(parsed.normalize().to_string(), expected.normalize().to_string(), "{input}");
        assert!(matches_exactly(&parsed, &expected), "{input}");
        for other in row["matches"].as_array().unwrap_or(&Vec::new()) {
            assert!(matches_exactly(&parsed, &go(other)), "{input} {other}");
        }
        if row["useV2Format"] == true {
            assert_eq!(parsed.to_string(), row["formatted"].as_str().unwrap(), "{input}");
        }
    }
    assert_eq!(skipped, 3);
    for row in rows("TestParseSelectorInvalid") {
        assert!(Platform::parse(row["input"].as_str().unwrap(), &host()).is_err(), "{row}");
    }
    for row in rows("TestFormatAllEncoding") {
        let platform = go(&row["platform"]);
        assert_eq!(platform.to_string(), row["expected"].as_str().unwrap());
        assert_eq!(parse(&platform.to_string()), platform);
    }
}

#[test]
fn upstream_tables_of_matches_hold() {
    type Check = fn(&Platform, &Platform) -> bool;
    for (table, check) in [("TestOnly", matches as Check), ("TestOnlyStrict", matches_exactly as Check)] {
        for row in rows(table) {
            let wanted = parse(row["platform"].as_str().unwrap());
            for (expected, key) in [(true, "true"), (false, "false")] {
                for candidate in strings(&row["matches"][key]) {
                    assert_eq!(check(&wanted, &parse(candidate)), expected, "{table}: {candidate} on {wanted}");
                }
            }
        }
    }
}

#[test]
fn upstream_tables_of_windows_hold() {
    let this = go(&Value::from("call:DefaultSpec"));
    for row in rows("TestMatchComparerMatch_ABICheckWCOW") {
        let matched = matches(&go(&row["hostPlatform"]), &go(&row["testPlatform"]));
        assert_eq!(matched, row["match"].as_bool().unwrap(), "{row}");
    }
    for (table, wanted) in [("TestMatchComparerMatch_LCOW", host()), ("TestMatchComparerMatch_WCOW", this.clone())] {
        for row in rows(table) {
            assert_eq!(matches(&wanted, &go(&row["platform"])), row["match"].as_bool().unwrap(), "{table} {row}");
        }
    }
    for row in rows("Test_PlatformCompat") {
        let build = |build: &Value| Platform { os_version: Some(format!("10.0.{build}")), ..this.clone() };
        let matched = matches(&build(&row["hostOS"]), &build(&row["ctrOS"]));
        assert_eq!(matched, row["shouldRun"].as_bool().unwrap(), "{row}");
    }
    for row in rows("Test_PlatformOrder") {
        let platforms: Vec<_> = row["platforms"].as_array().unwrap().iter().map(go).collect();
        let candidates: Vec<_> = platforms.iter().map(Some).collect();
        let best = select(&candidates, &[go(&row["hostPlatform"])]).unwrap();
        assert_eq!(platforms[best], go(&row["wantPlatform"]), "{row}");
    }
    let platforms: Vec<_> = rows("TestWindowsMatchComparerLess.platforms").iter().map(go).collect();
    let expected: Vec<_> = rows("TestWindowsMatchComparerLess.expected").iter().map(go).collect();
    let candidates: Vec<_> = platforms.iter().map(Some).collect();
    let best: Vec<_> = order(&candidates, &[this]).into_iter().map(|position| platforms[position].clone()).collect();
    // The table sorts the two that do not match behind; here they are left out.
    assert_eq!(best, expected[..3]);
}

#[test]
fn upstream_tables_of_order_hold_for_what_matches() {
    // Not here: TestOnlyOS and TestOnlyOSLess (any architecture, which is not offered) and TestGetCPUVariantFromArch
    // (looking at the machine, which is the caller's).
    for row in rows("TestCompareOSFeatures") {
        let wanted = parse(row["platform"].as_str().unwrap());
        let runs = |text: &&str| matches(&wanted, &parse(text));
        let expected: Vec<_> = strings(&row["expected"]).into_iter().filter(runs).collect();
        assert!(!expected.is_empty());
        assert_eq!(sorted(&wanted, &strings(&row["platforms"])), expected, "{row}");
    }
}

#[test]
fn every_host_runs_and_prefers_what_containerd_says_but_for_the_listed_differences() {
    let vectors = vectors("platforms");
    let matrix = vectors["matrix"].as_array().unwrap();
    assert_eq!(matrix.len(), 28);
    let mut everything: Vec<&str> = Vec::new();
    for text in matrix.iter().flat_map(|row| strings(&row["compatible"])) {
        if !everything.contains(&text) {
            everything.push(text);
        }
    }
    for row in matrix {
        let name = row["host"].as_str().unwrap();
        let wanted = parse(name);
        let exact: Vec<_> = everything.iter().copied().filter(|text| matches_exactly(&wanted, &parse(text))).collect();
        let mut expected = strings(&row["exact"]);
        expected.sort_by_key(|text| everything.iter().position(|other| other == text));
        assert_eq!(exact, expected, "exact of {name}");
        let preference = match name {
            // L-12: the library has no order for these two architectures.
            "linux/ppc64le/power8" => vec!["linux/ppc64le/power8", "linux/ppc64le"],
            "linux/ppc64le/power9" => vec!["linux/ppc64le/power9", "linux/ppc64le/power8", "linux/ppc64le"],
            "linux/riscv64/rva20u64" => vec!["linux/riscv64/rva20u64", "linux/riscv64"],
            "linux/riscv64/rva22u64" => vec!["linux/riscv64/rva22u64", "linux/riscv64/rva20u64", "linux/riscv64"],
            "linux/riscv64/rva23u64" => {
                vec!["linux/riscv64/rva23u64", "linux/riscv64/rva22u64", "linux/riscv64/rva20u64", "linux/riscv64"]
            }
            // L-13: the highest version goes first where the host's is known; the vectors were made on Linux, where the
            // library leaves them as they come.
            "windows(10.0.17763.1817)/amd64" => {
                vec!["windows(10.0.17763.1817)/amd64", "windows(10.0.17763)/amd64", "windows/amd64"]
            }
            "windows(10.0.20348)/amd64" | "windows(10.0.20348+win32k)/amd64" => {
                vec!["windows(10.0.20348+win32k)/amd64", "windows(10.0.20348)/amd64", "windows/amd64"]
            }
            _ => strings(&row["preference"]),
        };
        let sorted = sorted(&wanted, &everything);
        let mut same_set = (sorted.clone(), preference.clone());
        same_set.0.sort_unstable();
        same_set.1.sort_unstable();
        assert_eq!(same_set.0, same_set.1, "compatible with {name}");
        // Equal platforms (arm64 and arm64/v8) keep the order in which they are listed, so compare the normal forms.
        let normal = |texts: &[&str]| texts.iter().map(|text| parse(text).normalize()).collect::<Vec<_>>();
        assert_eq!(normal(&sorted), normal(&preference), "preference of {name}");
    }
}

#[test]
fn each_variant_of_the_specification_and_of_go_runs_the_ones_before_it() {
    // L-07, L-08, L-12
    let vectors = vectors("platform-variants");
    let mut checked = 0;
    for row in vectors["table"].as_array().unwrap() {
        let architecture = row["architecture"].as_str().unwrap();
        let variants: Vec<_> = strings(&row["variants"]).into_iter().filter(|variant| *variant != "...").collect();
        for (position, variant) in variants.iter().enumerate() {
            let wanted = parse(&format!("linux/{architecture}/{variant}"));
            // A plain image runs on every variant, but for arm, where none means v7.
            let plain = Platform::new("linux", architecture);
            assert_eq!(matches(&wanted, &plain), (architecture, *variant) != ("arm", "v6"), "{wanted}");
            for (other, lower) in variants.iter().enumerate() {
                let lower = parse(&format!("linux/{architecture}/{lower}"));
                assert_eq!(matches(&wanted, &lower), other <= position, "{lower} on {wanted}");
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 9 + 4 + 4 + 1 + 9);
    let go = &vectors["goValuesToday"];
    for (architecture, key) in [("ppc64le", "GOPPC64"), ("riscv64", "GORISCV64"), ("amd64", "GOAMD64")] {
        let values = strings(&go[key]);
        let highest = parse(&format!("linux/{architecture}/{}", values.last().unwrap()));
        for value in &values {
            assert!(matches(&highest, &parse(&format!("linux/{architecture}/{value}"))), "{value} on {highest}");
        }
    }
}

#[test]
fn an_arm64_version_9_runs_version_8_five_minors_up() {
    let wanted = parse("linux/arm64/v9.2");
    assert!(matches(&wanted, &parse("linux/arm64/v8.7")));
    assert!(!matches(&wanted, &parse("linux/arm64/v8.8")));
}

#[test]
fn an_unknown_variant_matches_itself_only() {
    for text in ["linux/arm64/v10", "linux/riscv64/rvb23", "linux/ppc64le/power999999999", "linux/mips/softfloat"] {
        let wanted = parse(text);
        assert!(matches(&wanted, &wanted), "{text}");
        assert!(!matches(&wanted, &Platform { variant: None, ..wanted.clone() }), "{text}");
    }
}

#[test]
fn the_first_of_equals_wins() {
    // I-07: "the first matching entry SHOULD be used".
    let same = [Platform::new("linux", "arm64"), parse("linux/amd64/v1"), parse("linux/amd64"), parse("linux/x86_64")];
    let candidates: Vec<_> = same.iter().map(Some).collect();
    assert_eq!(select(&candidates, &[host()]), Ok(1));
}

#[test]
fn several_wanted_platforms_are_tried_in_their_order() {
    let there = [parse("linux/amd64"), parse("linux/arm64"), parse("wasip1/wasm")];
    let candidates: Vec<_> = there.iter().map(Some).collect();
    let wanted = [parse("wasi/wasm"), parse("wasip1/wasm"), parse("linux/arm64/v9")];
    assert_eq!(order(&candidates, &wanted), [2, 1]);
}

#[test]
fn an_attestation_is_never_selected() {
    // L-14
    let attestation = Platform::new("unknown", "unknown");
    for wanted in [host(), attestation.clone()] {
        let error = select(&[Some(&attestation)], &[wanted]).unwrap_err();
        assert!(matches!(&error, Error::PlatformNotFound { available, .. } if available.is_empty()), "{error}");
    }
}

#[test]
fn an_entry_without_a_platform_is_the_last_choice() {
    // L-01
    let (arm, amd) = (parse("linux/arm64"), host());
    assert_eq!(order(&[None, Some(&arm), Some(&amd)], &[host()]), [2, 0]);
}

#[test]
fn features_that_the_host_lacks_exclude_an_image() {
    // L-05; win32k is every Windows host's, as in containerd.
    assert!(!matches(&host(), &parse("linux(+gpu)/amd64")));
    assert!(matches(&parse("linux(+gpu)/amd64"), &host()));
    assert!(matches(&parse("windows/amd64"), &parse("windows(+win32k)/amd64")));
    assert!(!matches(&parse("windows/amd64"), &parse("windows(+other)/amd64")));
}

#[test]
fn nothing_fitting_lists_what_there_is() {
    let there = [parse("linux/arm64"), parse("windows(10.0.17763+win32k)/amd64")];
    let candidates: Vec<_> = there.iter().map(Some).collect();
    let error = select(&candidates, &[host()]).unwrap_err();
    assert_eq!(error.to_string(), "no image for linux/amd64; there is linux/arm64, windows(10.0.17763+win32k)/amd64");
}

#[test]
fn webassembly_systems_are_words_of_their_own() {
    // L-15
    for text in ["wasi", "wasip1", "wasip2", "wasip3", "js"] {
        assert_eq!(Platform::parse(text, &Platform::new("darwin", "arm64")), Ok(Platform::new(text, "wasm")));
    }
    // Spin writes Wasip1, early Docker wasm32.
    assert!(matches(&parse("wasip1"), &Platform::new("Wasip1", "wasm")));
    assert!(matches(&parse("wasi"), &Platform::new("wasi", "wasm32")));
    assert!(!matches(&parse("wasi"), &parse("wasip1")));
}

#[test]
fn a_host_without_images_of_its_own_system_wants_linux() {
    let mac = Platform { os_version: Some("15.1".to_owned()), ..Platform::new("darwin", "arm64") };
    let there = [parse("linux/amd64"), parse("linux/arm64")];
    assert_eq!(default_wanted(&mac, &there), Platform::new("linux", "arm64"));
    assert_eq!(default_wanted(&mac, &[parse("macos/arm64")]), mac);
    assert_eq!(default_wanted(&host(), &[parse("windows/amd64")]), host());
}

#[test]
fn what_no_specifier_may_hold_is_escaped_when_it_is_printed() {
    let parsed = Platform::parse("windows(50%225%c3%a9%20don)/amd64", &host()).unwrap();
    assert_eq!(parsed.os_version.as_deref(), Some("50\"5é don"));
    assert_eq!(parsed.to_string(), "windows(50%225%C3%A9%20don)/amd64");
    assert_eq!(Platform::parse(&parsed.to_string(), &host()).unwrap(), parsed);
}

#[test]
fn malformed_specifiers_are_refused() {
    let malformed = [
        "",
        "/",
        "linux/",
        "/amd64",
        "linux//amd64",
        "linux/arm/v7/x/y",
        "li nux/amd64",
        "linux(/amd64",
        "linux(1))/amd64",
        "linux(+)/amd64",
        "linux(1++a)/amd64",
        "linux(%2)/amd64",
        "linux(%ff)/amd64",
        "linux(a b)/amd64",
        "nosuch",
        "linux/*",
        "amd64(1)",
        "linüx/amd64",
        "linux/amd64\n",
    ];
    for text in malformed {
        assert_eq!(Platform::parse(text, &host()).unwrap_err().code(), Code::InvalidPlatform, "{text:?}");
    }
    assert!(!matches(&host(), &Platform::default()), "an empty system is not the host's");
}
