//! Compressed bytes that grow, lie or are damaged.

use super::{Attack, Case, archive, file, owned, refused_layers, unpacked_layers};
use portolan_image::digest::SoftwareHashes;
use portolan_layer::{Options, Unpacker};
use portolan_tests::image::{Compression, Layer, gzip, media_type, skippable_frame, unzstd, zstd_frame};

fn tar() -> Vec<u8> {
    archive().file("f", "content").build()
}

fn refused(layer: Layer, code: &'static str, says: &[&str]) -> Attack {
    refused_layers(vec![layer], code, says)
}

fn unpacked(layer: Layer) -> Attack {
    unpacked_layers(vec![layer], owned([("f", file("content"))]))
}

/// A gzip layer of other bytes than the right ones.
fn gzip_blob(change: impl FnOnce(&mut Vec<u8>)) -> Layer {
    let mut blob = gzip(&tar());
    change(&mut blob);
    Layer::gzip(tar()).blob(blob)
}

fn zstd_blob(blob: Vec<u8>) -> Layer {
    Layer::zstd(tar()).blob(blob)
}

/// A zstd frame of `blocks` times 128 KiB of zeros, in four bytes each.
fn zstd_bomb(blocks: usize) -> Vec<u8> {
    // A window of 128 KiB, no content size and no checksum.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3];
    for block in 1..=blocks {
        let header = (128 << 10) << 3 | 1 << 1 | u32::from(block == blocks);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// A gzip member of so many mebibytes of zeros.
fn gzip_bomb(mebibytes: usize) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    for _ in 0..mebibytes {
        encoder.write_all(&[0; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap()
}

/// A tar whose file of so many letters is compressed to a Huffman stream, from 256 on to four of them, and its frame without
/// a checksum.
fn huffman(letters: usize) -> (Vec<u8>, Vec<u8>) {
    let mut state = 1_u32;
    let text = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"eeeeeeeetttttaaaooinshrd"[(state >> 16) as usize % 24]
    });
    let tar = archive().file("f", text.take(letters).collect::<Vec<u8>>()).build();
    let mut frame = zstd_frame(&tar);
    frame.truncate(frame.len() - 4);
    frame[4] &= !4;
    (tar, frame)
}

/// The frame with the first bit changed after which it is still decoded, to another tar, which is what the reference makes
/// of it or not.
fn unnoticed(frame: &[u8], tar: &[u8], by_the_reference: bool) -> Option<Vec<u8>> {
    let diff_id = |tar: &[u8]| Layer::plain(tar.to_vec()).to_diff_id();
    let right = diff_id(tar);
    let changes = (9..frame.len()).flat_map(|at| (0..8).map(move |bit| (at, 1 << bit)));
    let decoded = |blob: &[u8]| {
        let mut unpacker = Unpacker::new(&SoftwareHashes, Options::default()).unwrap();
        unpacker.feed(blob.to_vec()).unwrap();
        while unpacker.take_changes().ok()?.is_some() {}
        Some(unpacker.finish().ok()?.diff_id.to_string())
    };
    let mut damaged = changes.map(|(at, flip)| {
        let mut blob = frame.to_vec();
        blob[at] ^= flip;
        blob
    });
    damaged.find(|blob| {
        let theirs = unzstd(blob, tar.len()).map(|tar| diff_id(&tar));
        decoded(blob).is_some_and(|ours| ours != right && (theirs == Some(ours)) == by_the_reference)
    })
}

/// A zstd frame whose header asks for a window of 2^31 bytes.
fn zstd_window() -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, (31 - 10) << 3];
    frame.extend_from_slice(&[0x01, 0x00, 0x00]);
    frame
}

pub const CASES: &[Case] = &[
    Case {
        row: 32,
        name: "a zstd bomb of 16 GiB in half a MiB",
        make: |_| refused(zstd_blob(zstd_bomb(1 << 17)), "limit-exceeded", &["ratio", "1000", "raise"]),
    },
    Case {
        row: 32,
        name: "a gzip bomb of 256 MiB of zeros",
        make: |_| {
            let layer = Layer::gzip(tar()).blob(gzip_bomb(256));
            refused(layer, "limit-exceeded", &["ratio", "200", "raise"]).limits("ratio=200")
        },
    },
    Case {
        row: 32,
        name: "a layer that is larger than allowed",
        make: |_| {
            let layer = Layer::gzip(archive().file("f", vec![7; 3 << 20]).build());
            refused(layer, "limit-exceeded", &["uncompressed", "layer-uncompressed-bytes"])
                .limits("layer-uncompressed-bytes=2M")
        },
    },
    Case {
        row: 32,
        name: "a layer whose blob is larger than allowed",
        make: |_| {
            let layer = Layer::plain(archive().file("f", vec![7; 3 << 20]).build());
            refused(layer, "limit-exceeded", &["layer-bytes"]).limits("layer-bytes=2M")
        },
    },
    Case {
        row: 33,
        name: "a zstd window of two GiB",
        make: |_| refused(zstd_blob(zstd_window()), "limit-exceeded", &["window", "zstd-window-bytes"]),
    },
    Case {
        row: 33,
        name: "many zstd frames and skippable frames",
        make: |_| {
            let blob =
                tar().chunks(16).flat_map(|bytes| [skippable_frame(3, b"x"), zstd_frame(bytes)].concat()).collect();
            unpacked(zstd_blob(blob))
        },
    },
    Case {
        row: 33,
        name: "a hundred thousand empty skippable frames",
        make: |_| {
            let mut blob = zstd_frame(&tar());
            blob.extend(skippable_frame(0, b"").repeat(100_000));
            unpacked(zstd_blob(blob))
        },
    },
    Case {
        row: 33,
        name: "a skippable frame that is longer than the blob",
        make: |_| {
            let mut blob = zstd_frame(&tar());
            blob.extend(0x184D_2A50_u32.to_le_bytes());
            blob.extend(u32::MAX.to_le_bytes());
            refused(zstd_blob(blob), "invalid-compression", &["zstd", "ends inside a frame"])
        },
    },
    Case {
        row: 33,
        name: "a zstd frame that needs a dictionary",
        make: |_| {
            let blob = vec![0x28, 0xb5, 0x2f, 0xfd, 0x01, 7 << 3, 0x2a, 0x01, 0x00, 0x00];
            refused(zstd_blob(blob), "invalid-compression", &["zstd", "dictionary 42"])
        },
    },
    Case {
        row: 34,
        name: "a gzip stream of many members",
        make: |_| unpacked(Layer::plain(tar()).compression(Compression::GzipMembers(7))),
    },
    Case {
        row: 34,
        name: "garbage after the last gzip member",
        make: |_| refused(gzip_blob(|blob| blob.extend(b"garbage")), "invalid-compression", &["gzip", "no member"]),
    },
    Case {
        row: 34,
        name: "zeros after the last gzip member",
        make: |_| unpacked(gzip_blob(|blob| blob.extend([0; 100]))).warns("100 zero bytes"),
    },
    Case {
        row: 34,
        name: "a wrong CRC of a gzip member",
        make: |_| {
            let layer = gzip_blob(|blob| {
                let at = blob.len() - 8;
                blob[at] ^= 1;
            });
            refused(layer, "invalid-compression", &["gzip", "CRC-32"])
        },
    },
    Case {
        row: 34,
        name: "a wrong length of a gzip member",
        make: |_| {
            let layer = gzip_blob(|blob| {
                let at = blob.len() - 4;
                blob[at] ^= 1;
            });
            refused(layer, "invalid-compression", &["gzip", "trailer"])
        },
    },
    Case {
        row: 34,
        name: "a gzip stream cut short",
        make: |_| refused(gzip_blob(|blob| blob.truncate(blob.len() - 9)), "invalid-compression", &["gzip", "end"]),
    },
    Case {
        row: 35,
        name: "a plain tar labelled gzip",
        make: |_| {
            unpacked(Layer::plain(tar()).media_type(media_type::TAR_GZIP)).warns("labelled gzip").without_docker()
        },
    },
    Case {
        row: 35,
        name: "zstd labelled gzip",
        make: |_| {
            unpacked(Layer::zstd(tar()).media_type(media_type::TAR_GZIP))
                .warns("labelled gzip and is zstd")
                .without_docker()
        },
    },
    Case {
        row: 35,
        name: "zstd labelled gzip, for the strict",
        make: |_| {
            let layer = Layer::zstd(tar()).media_type(media_type::TAR_GZIP);
            refused(layer, "compression-mismatch", &["gzip", "zstd"]).strict().without_docker()
        },
    },
    Case {
        row: 36,
        name: "an xz layer",
        make: |_| {
            let blob = b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46".repeat(100);
            refused(Layer::plain(tar()).blob(blob), "unsupported-compression", &["xz", "gzip or zstd"])
        },
    },
    Case {
        row: 36,
        name: "a bzip2 layer labelled gzip",
        make: |_| {
            let layer = Layer::gzip(tar()).blob(b"BZh91AY&SY".repeat(100));
            refused(layer, "unsupported-compression", &["bzip2"])
        },
    },
    Case {
        row: 37,
        name: "a zstd literals section of the wrong size (RUSTSEC-2024-0400)",
        make: |_| {
            // A compressed block whose RLE literals regenerate more than a block may.
            let mut blob = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3];
            let body = [0b0000_1101, 0xff, 0xff, 0x41, 0x00];
            let header = u32::try_from(body.len()).unwrap() << 3 | 2 << 1 | 1;
            blob.extend_from_slice(&header.to_le_bytes()[..3]);
            blob.extend_from_slice(&body);
            refused(zstd_blob(blob), "", &[])
        },
    },
    Case {
        row: 37,
        name: "a zstd frame of damaged blocks",
        make: |_| {
            let mut blob =
                zstd_frame(&archive().file("f", (0..60_000).map(|at| (at * at) as u8).collect::<Vec<_>>()).build());
            for at in (20..blob.len() - 8).step_by(7) {
                blob[at] = blob[at].wrapping_mul(31).wrapping_add(17);
            }
            refused(zstd_blob(blob), "", &[])
        },
    },
    // Nothing in a frame without a checksum tells such damage, and decoders differ on it (`tests/fuzz/targets/zstd.rs`).
    Case {
        row: 37,
        name: "damage to a Huffman stream that only the DiffID tells",
        make: |_| {
            let (tar, frame) = huffman(6_000);
            let blob = unnoticed(&frame, &tar, true).unwrap();
            refused(Layer::zstd(tar).blob(blob), "diff-id-mismatch", &["DiffID", "the config promises"])
        },
    },
    Case {
        row: 37,
        name: "damage to a Huffman stream that libzstd decodes otherwise or refuses",
        make: |_| {
            let mut found = (20..).step_by(7).take(100).map(huffman);
            let found = found.find_map(|(tar, frame)| unnoticed(&frame, &tar, false).map(|blob| (tar, blob)));
            let (tar, blob) = found.unwrap();
            refused(Layer::zstd(tar).blob(blob), "diff-id-mismatch", &["DiffID", "the config promises"])
        },
    },
];
