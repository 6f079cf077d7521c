//! A whole layer under any chunking: the same changes, and a tree that holds together.
//!
//! Eight control bytes stand before the layer: compression, limits, strictness, selection and chunks. Where a layer has
//! several faults, the chunks decide which of them is met first, so errors are compared only where one fault is there by
//! the nature of the input: in a plain archive without tight limits.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use portolan_fuzz::chunks::chunks;
use portolan_fuzz::unpacked::unpack;
use portolan_fuzz::{headers, trees};
use portolan_image::Limits;
use portolan_layer::tree::Tree;
use portolan_layer::{Compression, Options, Selection};
use std::io::Write;

const CONTROL: usize = 8;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    headers::mutate(data, size, max_size, seed, CONTROL)
});

fuzz_target!(|data: &[u8]| {
    let Some((&[flags, compression, select, ordinals, cuts @ ..], layer)) = data.split_first_chunk::<CONTROL>() else {
        return;
    };
    let blob = compressed(compression, layer);
    let selection = match select % 3 {
        0 => Selection::All,
        1 => Selection::None,
        _ => Selection::Only((0..8).filter(|bit| ordinals >> bit & 1 == 1).collect()),
    };
    let options = |content| Options {
        limits: limits(flags),
        strict: flags & 1 != 0,
        label: [None, Some(Compression::None), Some(Compression::Gzip)][usize::from(flags >> 1 & 3) % 3],
        content,
        ..Options::default()
    };
    let whole = unpack([&blob[..]].into_iter(), options(Selection::All));
    let cut = unpack(chunks(&blob, &cuts), options(selection.clone()));
    match (&whole.result, &cut.result) {
        (Ok(summary), Ok(other)) => {
            assert_eq!(summary, other);
            assert_eq!(whole.selected(&selection), cut.steps);
        }
        (Err(error), Err(other)) if compression % 4 == 0 && flags & 8 == 0 => {
            if error.code().as_str() != "invalid-compression" {
                assert_eq!(error, other);
            }
        }
        (Err(_), Err(_)) => {}
        (one, other) => panic!("in one piece {one:?}, in pieces {other:?}"),
    }
    if whole.result.is_ok() {
        trees::apply(Tree::new(limits(flags)), whole.changes());
    }
});

fn compressed(compression: u8, layer: &[u8]) -> Vec<u8> {
    match compression % 4 {
        1 => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(layer).unwrap();
            encoder.finish().unwrap()
        }
        2 => zstd::bulk::compress(layer, 1).unwrap(),
        _ => layer.to_vec(),
    }
}

fn limits(flags: u8) -> Limits {
    let limits = "layer-uncompressed-bytes=64M,zstd-window-bytes=8M";
    let tight = "layer-entries=4,tree-entries=6,path-bytes=40,name-bytes=20,path-depth=4,header-bytes=200,sparse-bytes=100,\
                 xattr-bytes=30,layer-metadata-bytes=100,layer-uncompressed-bytes=4K";
    Limits::default().with(limits).and_then(|limits| limits.with(if flags & 8 != 0 { tight } else { "" })).unwrap()
}
