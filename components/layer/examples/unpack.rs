//! Unpacks a layer and says how fast: `unpack FILE [none|all]`.

use portolan_image::digest::SoftwareHashes;
use portolan_layer::{Options, Selection, Unpacker};
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let blob = std::fs::read(args.next().ok_or("expected a file")?)?;
    let content = if args.next().as_deref() == Some("none") { Selection::None } else { Selection::All };
    let chunk = args.next().map_or(Ok(1 << 18), |chunk| chunk.parse::<usize>())?;
    let start = Instant::now();
    let mut unpacker = Unpacker::new(&SoftwareHashes, Options { content, ..Options::default() })?;
    let (mut changes, mut bytes) = (0, 0);
    for chunk in blob.chunks(chunk) {
        unpacker.feed(chunk.to_vec())?;
        while let Some(batch) = unpacker.take_changes()? {
            changes += batch.changes.len();
            bytes += batch.bytes.len();
        }
    }
    let summary = unpacker.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    let speed = summary.uncompressed_size as f64 / seconds / 1e6;
    println!("{} entries, {changes} changes, {bytes} bytes, {}, {speed:.0} MB/s", summary.entries, summary.diff_id);
    Ok(())
}
