//! Chunks of a blob whose sizes the fuzzer chooses.

/// Sizes around everything that has a size of its own: bytes, headers of compressed streams, tar blocks.
const SIZES: [usize; 16] = [1, 2, 3, 5, 7, 8, 13, 100, 511, 512, 513, 1024, 1500, 4096, 10_240, 70_000];

/// Cuts bytes into chunks of the sizes that the control bytes mean, again and again from the first.
pub fn chunks<'a>(bytes: &'a [u8], control: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    let mut sizes = control.iter().map(|&byte| SIZES[usize::from(byte) % SIZES.len()]).cycle();
    std::iter::from_fn(move || {
        let size = sizes.next().unwrap_or(usize::MAX).min(rest.len());
        let (now, after) = rest.split_at(size);
        rest = after;
        (!now.is_empty()).then_some(now)
    })
}
