//! Unpacks a layer and says how fast: `unpack FILE [none|all] [CHUNK] [CHECKPOINTS]`, and how fast its last entries are read again.

use portolan_image::digest::SoftwareHashes;
use portolan_layer::{Index, Options, Selection, Span, Unpacker};
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let blob = std::fs::read(args.next().ok_or("expected a file")?)?;
    let content = if args.next().as_deref() == Some("none") { Selection::None } else { Selection::All };
    let chunk = args.next().map_or(Ok(1 << 18), |chunk| chunk.parse::<usize>())?;
    let checkpoints = args.next().map_or(Ok(0), |most| most.parse::<usize>())?;
    let start = Instant::now();
    let mut unpacker = Unpacker::new(&SoftwareHashes, Options { content, checkpoints, ..Options::default() })?;
    let (mut changes, mut bytes) = (0, 0);
    for chunk in blob.chunks(chunk) {
        unpacker.feed(chunk.to_vec())?;
        while let Some(batch) = unpacker.take_changes()? {
            changes += batch.changes.len();
            bytes += batch.bytes.len();
        }
    }
    let (summary, index) = unpacker.finish_with_index()?;
    let seconds = start.elapsed().as_secs_f64();
    let speed = summary.uncompressed_size as f64 / seconds / 1e6;
    println!("{} entries, {changes} changes, {bytes} bytes, {}, {speed:.0} MB/s", summary.entries, summary.diff_id);
    if let Some(index) = index {
        for ordinal in (summary.entries.saturating_sub(10)..summary.entries).rev().step_by(3) {
            again(&index, &blob, u32::try_from(ordinal)?, chunk)?;
        }
    }
    Ok(())
}

fn again(index: &Index, blob: &[u8], ordinal: u32, chunk: usize) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let Span { offset, length } = index.locate(ordinal)?;
    let mut excerpt = index.open(ordinal)?;
    let mut bytes = 0;
    for chunk in blob.get(usize::try_from(offset)?..usize::try_from(offset + length)?).unwrap_or_default().chunks(chunk)
    {
        excerpt.feed(chunk.to_vec())?;
        while let Some(batch) = excerpt.take_changes()? {
            bytes += batch.bytes.len();
        }
    }
    excerpt.finish()?;
    println!(
        "entry {ordinal}: {bytes} bytes from {length} of the blob in {:.1} ms",
        start.elapsed().as_secs_f64() * 1e3
    );
    Ok(())
}
