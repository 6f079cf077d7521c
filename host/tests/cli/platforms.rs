//! `portolan platforms`.

use crate::{demo, portolan};
use portolan_tests::demo as demo_image;

/// L-14: an attestation is listed as that.
#[test]
fn every_image_is_listed_with_its_platform_and_size() {
    let listed = portolan(["platforms", &demo()]).done();
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("PLATFORM ") && lines[0].ends_with("NOTE"), "{listed}");
    for (line, platform) in lines[1..].iter().zip(["linux/amd64", "linux/arm64", "wasip1/wasm", "unknown/unknown"]) {
        assert!(line.starts_with(&format!("{platform} ")), "{line}");
    }
    assert!(lines[4].contains("attestation of sha256:"), "{listed}");
    // Without a tag the whole place is listed, which is the same here.
    assert_eq!(portolan(["platforms", demo_image::directory().to_str().unwrap()]).done(), listed);
}

#[test]
fn json_has_exact_sizes_and_the_way_to_each_image() {
    let listed = portolan(["platforms", "--json", &demo()]).json();
    let layout = demo_image::layout();
    let index = layout.entries()[0].digest();
    let images = listed.as_array().unwrap();
    assert_eq!(images.len(), 4);
    for image in images {
        let bytes = layout.bytes(image["digest"].as_str().unwrap()).unwrap();
        assert_eq!(image["size"], bytes.len());
        let manifest: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        let layers = manifest["layers"].as_array().unwrap().iter().map(|layer| layer["size"].as_u64().unwrap());
        let total = bytes.len() as u64 + manifest["config"]["size"].as_u64().unwrap() + layers.sum::<u64>();
        assert_eq!(image["imageSize"], total);
        assert_eq!(image["indexes"], serde_json::json!([index]));
    }
    assert_eq!(images[1]["platform"], serde_json::json!({ "architecture": "arm64", "os": "linux" }));
    assert_eq!(images[3]["attestationOf"], images[0]["digest"]);
}
