//! How fast layers are read and merged, natively and on one thread.
//!
//! `cargo bench -p portolan-layer`. The content is made here, so that the figures of two machines can be compared.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flate2::{Compression, write::GzEncoder};
use portolan_image::Limits;
use portolan_image::digest::SoftwareHashes;
use portolan_layer::tree::Tree;
use portolan_layer::{Change, Entry, Kind, Options, Owner, Selection, Timestamp, Unpacker};
use std::hint::black_box;
use std::io::Write;

const CHUNK: usize = 256 * 1024;

/// A tar archive of files of the sizes that an image has: many small ones, few large ones.
fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for number in 0..4_000_u32 {
        let size = if number % 100 == 0 { 1 << 20 } else { 512 << (number % 8) };
        let mut content = Vec::with_capacity(size);
        while content.len() < size {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Words of a small vocabulary: about as compressible as programs and texts are.
            content.extend_from_slice(format!("{:04x} ", state & 0x3fff).as_bytes());
            content.push((state >> 32) as u8);
        }
        content.truncate(size);
        let mut header = tar::Header::new_gnu();
        header.set_size(size as u64);
        header.set_mode(0o644);
        let path = format!("usr/share/{}/{number}", number % 64);
        builder.append_data(&mut header, path, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn read(blob: &[u8], content: Selection) -> usize {
    let options = Options { content, ..Options::default() };
    let mut unpacker = Unpacker::new(&SoftwareHashes, options).unwrap();
    let mut changes = 0;
    for chunk in blob.chunks(CHUNK) {
        unpacker.feed(chunk.to_vec()).unwrap();
        while let Some(batch) = unpacker.take_changes().unwrap() {
            changes += batch.changes.len();
            black_box(batch.bytes);
        }
    }
    unpacker.finish().unwrap();
    changes
}

fn unpacker(criterion: &mut Criterion) {
    let tar = archive();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(&tar).unwrap();
    let gzip = encoder.finish().unwrap();
    let mut group = criterion.benchmark_group("unpacker");
    group.throughput(Throughput::Bytes(tar.len() as u64)).sample_size(10);
    group.bench_function("gzip, verified", |bencher| bencher.iter(|| read(&gzip, Selection::None)));
    group.bench_function("gzip, with contents", |bencher| bencher.iter(|| read(&gzip, Selection::All)));
    group.bench_function("plain, verified", |bencher| bencher.iter(|| read(&tar, Selection::None)));
    group.finish();
}

fn tree(criterion: &mut Criterion) {
    const ENTRIES: u32 = 50_000;
    let layer: Vec<Change> = (0..ENTRIES)
        .map(|ordinal| {
            Change::Entry(Entry {
                ordinal,
                path: format!("usr/lib/{}/{}/{ordinal}", ordinal % 97, ordinal % 13).into_bytes(),
                kind: Kind::File { size: 1_000 },
                mode: 0o644,
                owner: Owner::default(),
                mtime: Timestamp::default(),
                xattrs: Vec::new(),
            })
        })
        .collect();
    let mut group = criterion.benchmark_group("tree");
    group.throughput(Throughput::Elements(u64::from(ENTRIES))).sample_size(10);
    group.bench_function("apply two layers of 50,000 files", |bencher| {
        bencher.iter(|| {
            let mut tree = Tree::new(Limits::default());
            tree.apply(layer.iter().cloned()).unwrap();
            tree.apply(layer.iter().cloned()).unwrap();
            tree
        });
    });
    let mut tree = Tree::new(Limits::default());
    tree.apply(layer).unwrap();
    group.bench_function("walk 50,000 files", |bencher| bencher.iter(|| tree.walk().count()));
    group.finish();
}

criterion_group!(layers, unpacker, tree);
criterion_main!(layers);
