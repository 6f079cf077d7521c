//! The fields of one 512-byte header.

/// The length of a header and of everything that data is padded to.
pub(crate) const BLOCK: usize = 512;

/// A header of 512 bytes.
pub(crate) type Block = [u8; BLOCK];

/// Which dialect wrote the header, told by the magic.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// No magic: nothing behind the link name counts.
    V7,
    /// POSIX 1003.1, with the name's prefix in 155 bytes.
    Ustar,
    /// Schily's `star`, whose prefix has only 131 bytes.
    Star,
    /// GNU before POSIX, with times and a sparse map where ustar has the prefix.
    Gnu,
}

/// The fields of a header, none of which is trusted.
pub(crate) struct Header<'a>(pub(crate) &'a Block);

impl<'a> Header<'a> {
    fn field(&self, start: usize, len: usize) -> &'a [u8] {
        self.0.get(start..start + len).unwrap_or_default()
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match (self.field(257, 6), self.field(263, 2), self.field(508, 4)) {
            (b"ustar\0", _, b"tar\0") => Dialect::Star,
            (b"ustar\0", _, _) => Dialect::Ustar,
            (b"ustar ", b" \0", _) => Dialect::Gnu,
            _ => Dialect::V7,
        }
    }

    pub(crate) fn kind(&self) -> u8 {
        self.0[156]
    }

    /// The name with its prefix.
    pub(crate) fn name(&self) -> Vec<u8> {
        let name = text(self.field(0, 100));
        let prefix = match self.dialect() {
            Dialect::V7 => &[],
            Dialect::Ustar => text(self.field(345, 155)),
            Dialect::Star => text(self.field(345, 131)),
            // Go before 1.8 (and Docker of that time) wrote a prefix into GNU headers, over the access and change
            // times. Go still reads such archives, so a prefix there that is no pair of times is taken for one.
            Dialect::Gnu if self.times_are_valid() => &[],
            Dialect::Gnu => match text(self.field(345, 155)) {
                prefix if prefix.is_ascii() => prefix,
                _ => &[],
            },
        };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    fn times_are_valid(&self) -> bool {
        [345, 357].into_iter().all(|start| {
            let field = self.field(start, 12);
            field.first() == Some(&0) || number(field).is_some()
        })
    }

    pub(crate) fn link(&self) -> &'a [u8] {
        text(self.field(157, 100))
    }

    pub(crate) fn mode(&self) -> Option<i128> {
        number(self.field(100, 8))
    }

    pub(crate) fn uid(&self) -> Option<i128> {
        number(self.field(108, 8))
    }

    pub(crate) fn gid(&self) -> Option<i128> {
        number(self.field(116, 8))
    }

    pub(crate) fn size(&self) -> Option<i128> {
        number(self.field(124, 12))
    }

    pub(crate) fn mtime(&self) -> Option<i128> {
        number(self.field(136, 12))
    }

    /// Major and minor number; 0 where the dialect has none.
    pub(crate) fn device(&self) -> (Option<i128>, Option<i128>) {
        match self.dialect() {
            Dialect::V7 => (Some(0), Some(0)),
            _ => (number(self.field(329, 8)), number(self.field(337, 8))),
        }
    }

    /// The four sparse entries of an old GNU header.
    pub(crate) fn sparse_entries(&self) -> &'a [u8] {
        self.field(386, 96)
    }

    pub(crate) fn sparse_is_extended(&self) -> bool {
        self.0[482] != 0
    }

    pub(crate) fn sparse_size(&self) -> Option<i128> {
        number(self.field(483, 12))
    }
}

/// Whether the checksum is that of the header.
///
/// POSIX sums unsigned bytes; some old Unix and Sun tars summed signed ones, and every reader takes both.
pub(crate) fn has_valid_checksum(block: &Block) -> bool {
    let Some(stored) = number(&block[148..156]) else { return false };
    // The checksum itself counts as eight spaces.
    let field = &block[148..156];
    let unsigned = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    let sum = unsigned(block) - unsigned(field) + 8 * 32;
    if stored == i128::from(sum) {
        return true;
    }
    let high = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte >= 128).count() as i128;
    stored == i128::from(sum) - 256 * (high(block) - high(field))
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A number in octal, padded with spaces or NULs, or in base 256 where the first bit is set; an empty field is 0.
///
/// Nothing where there are other characters. The widest field has 12 bytes, so nothing overflows.
pub(crate) fn number(field: &[u8]) -> Option<i128> {
    if let Some(&first) = field.first()
        && first & 0x80 != 0
    {
        // Two's complement in big-endian order, of which the first bit only marks the base.
        let first = i128::from(first & 0x3f) - i128::from(first & 0x40);
        return Some(field.iter().skip(1).fold(first, |value, &byte| value << 8 | i128::from(byte)));
    }
    let padding = |&byte: &u8| byte == b' ' || byte == 0;
    let start = field.iter().position(|byte| !padding(byte)).unwrap_or(field.len());
    let digits = text(field.get(start..)?).trim_ascii_end();
    digits.iter().try_fold(0, |value: i128, &byte| match byte {
        b'0'..=b'7' => Some(value << 3 | i128::from(byte - b'0')),
        _ => None,
    })
}
