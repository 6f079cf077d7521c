//! How fast documents are read. `cargo bench -p portolan-image`.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portolan_image::platform::{Platform, select};
use portolan_image::{Document, Limits};
use std::fmt::Write;

/// An index of so many platforms, as the largest official images have dozens.
fn index(entries: usize) -> Vec<u8> {
    let mut text =
        String::from(r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":["#);
    for entry in 0..entries {
        let comma = if entry == 0 { "" } else { "," };
        write!(
            text,
            r#"{comma}{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{entry:064x}","size":1234,"platform":{{"os":"linux","architecture":"arm64","variant":"v{}"}}}}"#,
            entry % 9
        )
        .unwrap();
    }
    text.push_str("]}");
    text.into_bytes()
}

fn documents(criterion: &mut Criterion) {
    let limits = Limits::default();
    let bytes = index(1_000);
    let mut group = criterion.benchmark_group("documents");
    group.throughput(Throughput::Bytes(bytes.len() as u64)).sample_size(20);
    group.bench_function("parse an index of 1,000 entries", |bencher| {
        bencher.iter(|| Document::parse(&bytes, None, &limits).unwrap());
    });
    group.finish();

    let Document::Index(index) = Document::parse(&bytes, None, &limits).unwrap() else { unreachable!() };
    let candidates: Vec<_> = index.manifests.iter().map(|entry| entry.platform.as_ref()).collect();
    let wanted = [Platform::parse("linux/arm64/v8.5", &Platform::new("linux", "amd64")).unwrap()];
    criterion.bench_function("select among 1,000 platforms", |bencher| {
        bencher.iter(|| select(&candidates, &wanted).unwrap());
    });
}

criterion_group!(benches, documents);
criterion_main!(benches);
