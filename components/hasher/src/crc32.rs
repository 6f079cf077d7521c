//! CRC-32 as gzip has it (ISO 3309), sixteen bytes at a time.

/// What is left of a byte that has so many zeros after it. The tables are made where they are first needed: shipped, they
/// would be more than all the code here.
pub(crate) struct Tables(Box<[[u32; 256]; 16]>);

impl Tables {
    pub(crate) fn new() -> Self {
        let mut tables = Box::new([[0; 256]; 16]);
        for (byte, entry) in (0u32..).zip(&mut tables[0]) {
            *entry = (0..8).fold(byte, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 });
        }
        for table in 1..16 {
            for byte in 0..256 {
                let before = tables[table - 1][byte];
                tables[table][byte] = (before >> 8) ^ tables[0][(before & 255) as usize];
            }
        }
        Self(tables)
    }

    /// Continues a sum over more bytes.
    pub(crate) fn update(&self, crc: u32, bytes: &[u8]) -> u32 {
        let left = |table: usize, byte: u8| self.0[table][usize::from(byte)];
        let (blocks, rest) = bytes.as_chunks::<16>();
        let mut crc = !crc;
        // Written out, as this is compiled for size and every byte of a layer comes through.
        for [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] in blocks {
            let [first, second, third, fourth] = crc.to_le_bytes();
            crc = left(15, a ^ first) ^ left(14, b ^ second) ^ left(13, c ^ third) ^ left(12, d ^ fourth);
            crc ^= left(11, *e) ^ left(10, *f) ^ left(9, *g) ^ left(8, *h);
            crc ^= left(7, *i) ^ left(6, *j) ^ left(5, *k) ^ left(4, *l);
            crc ^= left(3, *m) ^ left(2, *n) ^ left(1, *o) ^ left(0, *p);
        }
        !rest.iter().fold(crc, |crc, byte| (crc >> 8) ^ left(0, crc as u8 ^ byte))
    }
}
