//! The referrers tag: what both ends know of referrers where there is no list of them.

use portolan_image::Digest;

/// The tag under which the referrers of a manifest are listed where a registry has no API for them (W-15).
#[must_use]
pub fn tag(subject: &Digest) -> String {
    let legal = |character: char| {
        if character.is_ascii_alphanumeric() || "._-".contains(character) { character } else { '-' }
    };
    let algorithm = subject.algorithm().to_string();
    let cut = |text: &str, most: usize| text.chars().take(most).map(legal).collect::<String>();
    format!("{}-{}", cut(&algorithm, 32), cut(subject.encoded(), 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W-15.
    #[test]
    fn the_tag_is_cut_and_legal() {
        let text = include_str!("../../../tests/fixtures/vectors/referrers-tags.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        for case in vectors["cases"].as_array().unwrap() {
            let digest: Digest = case["digest"].as_str().unwrap().parse().unwrap();
            assert_eq!(tag(&digest), case["tag"].as_str().unwrap());
        }
        let long: Digest = format!("{}:{}", ["abcdefgh"; 5].join("+"), "x".repeat(90)).parse().unwrap();
        assert_eq!(tag(&long), format!("abcdefgh-abcdefgh-abcdefgh-abcde-{}", "x".repeat(64)));
    }
}
