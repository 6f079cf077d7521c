use super::*;

fn descriptor(number: u8) -> Descriptor {
    let digest = Digest::from_hash(crate::Algorithm::Sha256, &[number; 32]);
    Descriptor::new(MediaType::ImageManifest, digest, u64::from(number))
}

fn shown(listing: &Listing) -> Vec<(u64, Option<String>)> {
    listing.entries().unwrap().into_iter().map(|entry| (entry.descriptor.size, entry.tag)).collect()
}

fn tagged(number: u64, tag: &str) -> (u64, Option<String>) {
    (number, Some(tag.to_owned()))
}

fn parse(text: &str) -> Listing {
    Listing::parse(text.as_bytes(), &Limits::default()).unwrap()
}

#[test]
fn y_02_a_new_index_lists_nothing_and_reads_back() {
    let bytes = Listing::default().to_bytes();
    assert_eq!(
        String::from_utf8(bytes.clone()).unwrap(),
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#
    );
    assert_eq!(Listing::parse(&bytes, &Limits::default()).unwrap(), Listing::default());
}

#[test]
fn a_tag_moves_and_the_old_manifest_stays_or_goes() {
    for (untagged, expected) in [
        (Untagged::Keep, vec![tagged(3, "a"), tagged(2, "b"), (1, None)]),
        (Untagged::Drop, vec![tagged(3, "a"), tagged(2, "b")]),
    ] {
        let mut listing = Listing::default();
        listing.set_tag("a", &descriptor(1), untagged);
        listing.set_tag("b", &descriptor(2), untagged);
        listing.set_tag("a", &descriptor(3), untagged);
        assert_eq!(shown(&listing), expected);
    }
}

#[test]
fn a_manifest_with_another_tag_is_not_listed_again() {
    let mut listing = Listing::default();
    for tag in ["a", "b"] {
        listing.set_tag(tag, &descriptor(1), Untagged::Keep);
    }
    listing.set_tag("a", &descriptor(2), Untagged::Keep);
    assert_eq!(shown(&listing), [tagged(2, "a"), tagged(1, "b")]);
    assert!(listing.remove_tag("b", Untagged::Keep));
    assert!(!listing.remove_tag("b", Untagged::Keep));
    assert_eq!(shown(&listing), [tagged(2, "a"), (1, None)]);
}

#[test]
fn a_first_tag_goes_onto_the_entry_without_one() {
    let mut listing = Listing::default();
    listing.add(&descriptor(1));
    listing.add(&descriptor(1));
    listing.add(&descriptor(2));
    listing.set_tag("a", &descriptor(1), Untagged::Keep);
    listing.add(&descriptor(1));
    assert_eq!(shown(&listing), [(2, None), tagged(1, "a")]);
}

#[test]
fn w_21_a_digest_goes_with_all_its_tags() {
    let mut listing = Listing::default();
    for (tag, number) in [("a", 1), ("b", 2), ("c", 1)] {
        listing.set_tag(tag, &descriptor(number), Untagged::Keep);
    }
    assert!(listing.remove_digest(&descriptor(1).digest));
    assert!(!listing.remove_digest(&descriptor(1).digest));
    assert_eq!(shown(&listing), [tagged(2, "b")]);
}

#[test]
fn y_12_unknown_members_and_other_entries_stay_as_they_are() {
    let digest = |number| descriptor(number).digest;
    let text = format!(
        r#"{{"x":[1.5,{{"y":null}}],"schemaVersion":2,"manifests":[{{"z":9007199254740993,"mediaType":"a/b","size":7,"digest":"{}","annotations":{{"k":"v"}}}},{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":1,"annotations":null}}],"after":true}}"#,
        digest(7),
        digest(1)
    );
    let mut listing = parse(&text);
    assert_eq!(String::from_utf8(listing.to_bytes()).unwrap(), text);
    listing.set_tag("t", &descriptor(1), Untagged::Keep);
    listing.remove_tag("t", Untagged::Keep);
    assert_eq!(String::from_utf8(listing.to_bytes()).unwrap(), text.replace(r#","annotations":null"#, ""));
}

#[test]
fn y_10_of_several_entries_with_one_name_one_is_left() {
    let mut listing = Listing::default();
    listing.set_tag("a", &descriptor(1), Untagged::Drop);
    let mut twice = listing.manifests().clone();
    twice.push(twice[0].clone());
    *listing.manifests() = twice;
    listing.set_tag("a", &descriptor(1), Untagged::Keep);
    assert_eq!(shown(&listing), [tagged(1, "a")]);
}

#[test]
fn annotations_of_the_descriptor_stay_and_its_own_name_does_not() {
    let mut given = descriptor(1);
    given.annotations = [("k", "v"), (REF_NAME, "other")].into_iter().collect();
    let mut listing = Listing::default();
    listing.add(&given);
    assert_eq!(shown(&listing), [(1, None)]);
    listing.set_tag("a", &given, Untagged::Keep);
    let entry = listing.entries().unwrap().remove(0);
    assert_eq!(entry.descriptor.annotations.value("k"), Some("v"));
    assert_eq!(entry.tag.as_deref(), Some("a"));
}
