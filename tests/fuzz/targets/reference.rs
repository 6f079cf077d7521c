//! Everything that people write in a word: references, digests, platforms, limits, media types, patterns. What parses
//! prints as something that parses to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portolan_image::glob::Glob;
use portolan_image::reference::{ImageReference, Location, Named, Reference, is_name, is_ref_name, is_tag};
use portolan_image::{Digest, Limits, MediaType, Platform, config, platform};

fuzz_target!(|data: &[u8]| {
    globs(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    names(text);
    places(text);
    platforms(text);
    if let Ok(limits) = Limits::default().with(text) {
        let written: Vec<_> = limits.entries().iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(Limits::default().with(&written.join(",")).unwrap(), limits);
    }
    if let Ok(media_type) = MediaType::parse(text) {
        assert_eq!(media_type.as_str(), text);
        _ = (media_type.kind(), media_type.compression(), media_type.docker(), media_type.oci());
    }
    if let Ok(media_type) = MediaType::from_content_type(text) {
        assert_eq!(MediaType::from_content_type(media_type.as_str()).unwrap(), media_type);
    }
    if config::is_date_time(text) {
        assert!(text.is_ascii() && text.len() >= 20, "{text:?}");
    }
});

fn names(text: &str) {
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
        assert!(!text.contains('/') && !text.contains(".."), "a digest that is a path: {text}");
        if let Some(len) = digest.algorithm().encoded_len() {
            assert_eq!(digest.encoded().len(), len);
        }
    }
    if let Ok(named) = Named::parse_plain(text) {
        assert_eq!(named.to_string(), text);
    }
    if let Ok(named) = text.parse::<Named>() {
        check_named(&named);
        check_named(&named.clone().with_default_tag());
        check_named(&named.for_fetch());
    }
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
    }
    if is_name(text) || is_tag(text) {
        assert!(text.is_ascii() && !text.is_empty());
    }
    _ = is_ref_name(text);
}

fn check_named(named: &Named) {
    assert_eq!(named.to_string().parse::<Named>().unwrap(), *named);
    assert_eq!(named.familiar().parse::<Reference>().unwrap(), named.to_string().parse().unwrap());
    assert!(is_name(named.path()) && !named.domain().is_empty());
    assert!(named.tag().is_none_or(is_tag));
}

fn places(text: &str) {
    let Ok(reference) = text.parse::<ImageReference>() else { return };
    for candidate in &reference.candidates {
        assert!(!candidate.path.is_empty() && text.contains(&candidate.path));
    }
    assert!(reference.candidates.is_sorted_by(|one, other| one.path.len() >= other.path.len()));
    assert!(!reference.candidates.is_empty() || matches!(reference.location, Location::Registry(_)), "no reading");
    _ = reference.for_writing();
}

fn platforms(text: &str) {
    let host = Platform::new("linux", "arm64");
    let Ok(parsed) = Platform::parse(text, &host) else { return };
    let printed = parsed.to_string();
    let again = Platform::parse(&printed, &host).unwrap();
    assert_eq!(again.normalize(), parsed.normalize(), "{printed}");
    assert_eq!(again.to_string(), printed);
    assert_eq!(parsed.normalize().normalize(), parsed.normalize());
    if !parsed.is_unknown() {
        assert!(platform::matches_exactly(&parsed, &parsed));
        assert!(platform::matches(&parsed, &parsed));
        assert_eq!(platform::select(&[None, Some(&parsed)], &[parsed.clone()]).unwrap(), 1);
    }
}

/// A pattern, a NUL, a path.
fn globs(data: &[u8]) {
    let mut parts = data.splitn(2, |&byte| byte == 0);
    let (Some(pattern), Some(path)) = (parts.next(), parts.next()) else { return };
    _ = Glob::new(pattern).matches(path);
    let escaped: Vec<u8> =
        path.iter().flat_map(|&byte| if byte.is_ascii() { vec![b'\\', byte] } else { vec![byte] }).collect();
    assert!(Glob::new(&escaped).matches(path) || path.contains(&b'/'), "a path escaped is itself");
}
