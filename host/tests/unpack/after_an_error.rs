//! What stays when an unpack fails: nothing.

use super::*;

/// An image of three layers, and the digests of its layers.
fn three(top: Layer) -> (Layout, Vec<String>) {
    let layer = |name: &str| Layer::gzip(tar::Builder::new().file(name, vec![b'x'; 100_000]).build());
    let mut layout = Layout::new();
    let manifest = layout.image(Builder::new("linux/amd64").layer(layer("one")).layer(layer("two")).layer(top));
    layout.tag(&manifest, "t");
    let document = layout.document(manifest.digest());
    let layers = document["layers"].as_array().unwrap().iter();
    let digests = layers.map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect();
    (layout, digests)
}

fn good() -> Layer {
    Layer::gzip(tar::Builder::new().file("three", vec![b'y'; 100_000]).build())
}

#[track_caller]
fn fails(image: &Image<'_>, code: ErrorCode, names_it: &str) {
    let (scratch, destination) = scratch();
    let error = image.unpack(&destination).unwrap_err();
    assert!(matches!(&error, Error::Image { code: found, .. } if *found == code), "{error:?}");
    assert!(error.to_string().contains(names_it), "{error} does not name {names_it}");
    assert_eq!(names(scratch.path()), [""; 0], "{error}");
}

#[track_caller]
fn layout_fails(layout: &Layout, code: ErrorCode, names_it: &str) {
    let layout = written(layout);
    fails(&Image::in_layout(layout.path(), "t"), code, names_it);
    fails(&Image::in_layout(layout.path(), "t").jobs(1).bundle(), code, names_it);
}

/// Hostile row 38, in the last layer, so that all the others are already there.
#[test]
fn of_a_digest_nothing_stays() {
    let (mut layout, digests) = three(good());
    layout.corrupt(&digests[2], |blob| *blob.last_mut().unwrap() ^= 1);
    layout_fails(&layout, ErrorCode::DigestMismatch, &digests[2]);
}

#[test]
fn of_a_size_nothing_stays() {
    let (mut layout, digests) = three(good());
    layout.corrupt(&digests[2], |blob| blob.truncate(blob.len() / 2));
    layout_fails(&layout, ErrorCode::SizeMismatch, &digests[2]);
    let (mut layout, digests) = three(good());
    layout.corrupt(&digests[2], |blob| blob.push(0));
    layout_fails(&layout, ErrorCode::SizeMismatch, &digests[2]);
}

#[test]
fn of_a_diff_id_nothing_stays() {
    let wrong = format!("sha256:{}", "0".repeat(64));
    let (layout, _) = three(good().diff_id(&wrong));
    layout_fails(&layout, ErrorCode::DiffIdMismatch, &wrong);
}

/// Hostile row 43: with a DiffID too few, a layer would go unchecked.
#[test]
fn of_a_number_of_diff_ids_nothing_stays() {
    for change in [-1_i32, 1] {
        let builder = Builder::new("linux/amd64").layer(good()).layer(good()).edit_config(move |config| {
            let ids = config["rootfs"]["diff_ids"].as_array_mut().unwrap();
            if change < 0 { drop(ids.pop()) } else { ids.push(ids[0].clone()) }
        });
        layout_fails(&Layout::single("t", builder), ErrorCode::InvalidDocument, "2");
    }
}

#[test]
fn of_a_missing_blob_nothing_stays() {
    let (mut layout, digests) = three(good());
    layout.remove(&digests[2]);
    layout_fails(&layout, ErrorCode::BlobNotFound, &digests[2]);
}

/// What only the merged tree can know.
#[test]
fn of_a_hard_link_nothing_stays() {
    let (layout, _) = three(Layer::gzip(tar::Builder::new().hardlink("link", "no/such").build()));
    layout_fails(&layout, ErrorCode::InvalidLink, "no/such");
}

#[test]
fn of_an_escape_nothing_stays() {
    let (layout, _) = three(Layer::gzip(tar::Builder::new().file("../../escape", b"out").build()));
    layout_fails(&layout, ErrorCode::InvalidPath, "escape");
}

#[test]
fn of_strict_reading_nothing_stays() {
    let (layout, _) = three(good().media_type("application/vnd.oci.image.layer.v1.tar+zstd"));
    let layout = written(&layout);
    fails(&Image::in_layout(layout.path(), "t").strict(), ErrorCode::CompressionMismatch, "zstd");
}

#[test]
fn of_a_user_who_is_not_there_nothing_stays() {
    let image = Builder::new("linux/amd64").layer(good()).run(serde_json::json!({ "User": "nobody-at-all" }));
    let layout = written(&Layout::single("t", image));
    fails(&Image::in_layout(layout.path(), "t").bundle(), ErrorCode::UserNotFound, "nobody-at-all");
}

#[test]
fn of_a_truncated_archive_nothing_stays() {
    let (layout, _) = three(good());
    let kinds = [("oci-archive", "t", layout.oci_archive()), ("docker-archive", "t:t", layout.docker_archive("t"))];
    for (kind, name, archive) in kinds {
        let (scratch, destination) = scratch();
        let places = tempfile::tempdir().unwrap();
        let path = places.path().join("archive.tar");
        for length in [archive.len() / 3, archive.len() / 2, archive.len() - 3000] {
            fs::write(&path, &archive[..length]).unwrap();
            let image = Image::at(format!("{kind}:{}:{name}", path.display()));
            let error = image.unpack(&destination).expect_err("half an archive is none");
            assert!(!matches!(error, Error::Component(_)), "{error:?}");
            assert!(chain(&error).contains("archive.tar"), "{length} bytes: {}", chain(&error));
            assert_eq!(names(scratch.path()), [""; 0]);
        }
    }
}

#[test]
fn of_a_full_disk_nothing_stays() {
    let mounted = Mounted::new("size=1m");
    let layout = one_layer(tar::Builder::new().dir("var/").file("var/great", vec![b'x'; 4 << 20]));
    let error = Image::in_layout(layout.path(), "t").unpack(&mounted.path().join("dest")).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if path == Path::new("var/great")), "{error:?}");
    assert!(chain(&error).contains("No space left"), "{}", chain(&error));
    assert_eq!(names(mounted.path()), [""; 0]);
}

#[test]
fn of_a_disk_without_inodes_nothing_stays() {
    let mounted = Mounted::new("size=1m,nr_inodes=40");
    let tar = (0..100).fold(tar::Builder::new(), |tar, at| tar.dir(format!("dir-{at:03}/")));
    let error = Image::in_layout(one_layer(tar).path(), "t").unpack(&mounted.path().join("dest")).unwrap_err();
    assert!(
        matches!(&error, Error::Io { path, .. } if path.starts_with("dir-03") || path.to_str().unwrap().starts_with("dir-0")),
        "{error:?}"
    );
    assert_eq!(names(mounted.path()), [""; 0]);
}

/// Sets the signal's flag once so many bytes were read, from the thread that reads them.
struct Signal<'a>(&'a Interrupt, std::sync::atomic::AtomicU64);

impl Progress for Signal<'_> {
    fn begin(&self, _: &str, _: u64) {}

    fn advance(&self, _: &str, bytes: u64) {
        use std::sync::atomic::Ordering::Relaxed;
        if self.1.fetch_sub(bytes.min(self.1.load(Relaxed)), Relaxed) <= bytes {
            self.0.signal().store(true, Relaxed);
        }
    }

    fn end(&self, _: &str) {}
}

#[test]
fn of_a_signal_nothing_stays() {
    // Bytes that do not compress, so that the blob is read in many pieces.
    let noise: Vec<u8> = (0..4_000_000_u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    let layer = |name: &str| Layer::plain(tar::Builder::new().file(name, &noise).build());
    let layout = written(&Layout::single("t", Builder::new("linux/amd64").layer(layer("a")).layer(layer("b"))));
    for after in [0, 1_000_000, 5_000_000, 7_900_000] {
        for jobs in [1, 2] {
            let (scratch, destination) = scratch();
            let interrupt = Interrupt::default();
            let signal = Signal(&interrupt, after.into());
            let image = Image::in_layout(layout.path(), "t").jobs(jobs).interrupt(&interrupt).progress(&signal);
            let error = image.unpack(&destination).unwrap_err();
            assert!(matches!(&error, Error::Interrupted { reason } if reason == "a signal"), "{error:?}");
            assert_eq!(names(scratch.path()), [""; 0]);
        }
    }
}

#[test]
fn of_a_time_limit_nothing_stays() {
    let (scratch, destination) = scratch();
    let interrupt = Interrupt::default().after(1);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let error = Image::in_layout(small().path(), "t").interrupt(&interrupt).unpack(&destination).unwrap_err();
    assert!(error.to_string().contains("raise seconds"), "{error}");
    assert_eq!(names(scratch.path()), [""; 0]);
}
