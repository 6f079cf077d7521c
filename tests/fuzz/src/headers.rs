//! Mutations that keep a tar archive an archive: blocks stay blocks, checksums and lengths of PAX records stay right.
//!
//! Without this nearly every mutated header ends in the error about its checksum.

const BLOCK: usize = 512;

/// Mutates an archive that stands behind some control bytes; to be called from a custom mutator.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32, control: usize) -> usize {
    let mut size = size;
    match seed % 8 {
        0 if size > control => size = blocks(data, size, max_size, seed / 8, control),
        // Some bytes of one header, which default mutations find too seldom.
        1 | 2 if size >= control + BLOCK => fields(data, size, seed / 8, control),
        _ => size = libfuzzer_sys::fuzzer_mutate(data, size, max_size),
    }
    // Sometimes a damaged checksum stays.
    if seed % 31 != 0 {
        let mut at = control;
        while at + BLOCK <= size {
            repair(&mut data[at..size]);
            at += BLOCK;
        }
    }
    size
}

/// Doubles, moves, blanks or removes one block.
fn blocks(data: &mut [u8], size: usize, max_size: usize, seed: u32, control: usize) -> usize {
    let count = (size - control) / BLOCK;
    if count == 0 {
        return size;
    }
    let start = |number: u32| control + number as usize % count * BLOCK;
    let (from, to) = (start(seed / 4), start((seed / 4).wrapping_mul(0x9e37_79b1) >> 7));
    match seed % 4 {
        0 if size + BLOCK <= max_size => {
            let block: [u8; BLOCK] = data[from..from + BLOCK].try_into().unwrap();
            data.copy_within(to..size, to + BLOCK);
            data[to..to + BLOCK].copy_from_slice(&block);
            size + BLOCK
        }
        1 => {
            data.copy_within(from + BLOCK..size, from);
            size - BLOCK
        }
        2 => {
            data[to..to + BLOCK].fill(0);
            size
        }
        _ => {
            data.copy_within(from..from + BLOCK, to);
            size
        }
    }
}

/// Changes one field of one header to something that means something.
fn fields(data: &mut [u8], size: usize, seed: u32, control: usize) {
    let count = (size - control) / BLOCK;
    let at = control + seed as usize % count * BLOCK;
    let block = &mut data[at..at + BLOCK];
    if !is_header(block) {
        return;
    }
    let choice = (seed as usize / count).wrapping_mul(0x9e37_79b1) >> 5;
    const TYPES: &[u8] = b"0123456\07SxgLKVMD";
    const MAGICS: [&[u8; 8]; 4] = [b"ustar\x0000", b"ustar  \0", b"\0\0\0\0\0\0\0\0", b"ustar\0 \0"];
    const SIZES: [&[u8; 12]; 8] = [
        b"00000000000\0",
        b"00000000001\0",
        b"00000000777\0",
        b"00000001000\0",
        b"00000001001\0",
        b"77777777777\0",
        b"\x80\0\0\0\0\0\0\0\0\0\x02\0",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ];
    const NAMES: [&[u8]; 12] = [
        b"a\0",
        b"a/\0",
        b"a/b\0",
        b"./a\0",
        b"/a\0",
        b"../a\0",
        b".wh.a\0",
        b"a/.wh..wh..opq\0",
        b".\0",
        b"b\0",
        b"a/b/c\0",
        b"\0",
    ];
    match choice % 8 {
        0 | 1 => block[156] = TYPES[choice / 8 % TYPES.len()],
        2 => block[257..265].copy_from_slice(MAGICS[choice / 8 % 4]),
        3 | 4 => block[124..136].copy_from_slice(SIZES[choice / 8 % 8]),
        5 => put(block, 0, NAMES[choice / 8 % NAMES.len()]),
        6 => put(block, 157, NAMES[choice / 8 % NAMES.len()]),
        _ => put(block, 345, NAMES[choice / 8 % NAMES.len()]),
    }
}

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Whether a block was a header before it was mutated: its checksum still looks like one.
fn is_header(block: &[u8]) -> bool {
    let octal = |byte: &u8| matches!(byte, b'0'..=b'7');
    block[257..].starts_with(b"ustar") || block[148..154].iter().filter(|byte| octal(byte)).count() >= 5
}

/// Gives the block at the start its checksum, if it is a header, and its PAX records their lengths.
fn repair(rest: &mut [u8]) {
    let (block, after) = rest.split_at_mut(BLOCK);
    if !is_header(block) {
        return;
    }
    if matches!(block[156], b'x' | b'g')
        && let Some(size) =
            std::str::from_utf8(&block[124..135]).ok().and_then(|text| usize::from_str_radix(text, 8).ok())
        && let Some(body) = after.get_mut(..size)
    {
        records(body);
    }
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Corrects the length of each line that begins with one of as many digits.
fn records(body: &mut [u8]) {
    for line in body.split_inclusive_mut(|&byte| byte == b'\n') {
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let len = line.len().to_string();
        if len.len() == digits {
            line[..digits].copy_from_slice(len.as_bytes());
        }
    }
}
