use super::*;
use crate::change::{Owner, Timestamp};
use crate::tar::header::{Block, number};
use crate::tar::samples::{archive, entry, file, header, pax, with};
use proptest::prelude::*;

#[test]
fn numbers_are_octal_or_base_256() {
    let cases: [(&[u8], Option<i128>); 16] = [
        (b"0000644\0", Some(0o644)),
        (b"    644 ", Some(0o644)),
        (b"\0\0\0 644\0", Some(0o644)),
        (b"00000644", Some(0o644)),
        (b"644\0junk", Some(0o644)),
        (b"\0\0\0\0\0\0\0\0", Some(0)),
        (b"        ", Some(0)),
        (b"\x80\0\0\0\0\0\x01\0", Some(256)),
        (b"\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2)),
        (b"\xbf\xff\xff\xff\xff\xff\xff\xff", Some((1 << 62) - 1)),
        (b"\xc0\0\0\0\0\0\0\0", Some(-1 << 62)),
        (b"0000648\0", None),
        (b"-000644\0", None),
        (b"+000644\0", None),
        (b"0x00644\0", None),
        (b"64 4\0\0\0\0", None),
    ];
    for (field, value) in cases {
        assert_eq!(number(field), value, "{}", field.escape_ascii());
    }
}

fn size(field: &[u8]) -> Vec<u8> {
    archive(&[with(header(b'0', b"x", 0), 124, field).to_vec()])
}

// Hostile input 28.
#[test]
fn a_negative_or_overflowing_size_is_refused() {
    for field in [
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x80\0\0\0\x80\0\0\0\0\0\0\0",
        b"\x80\0\x01\0\0\0\0\0\0\0\0\0",
        b"-0000000001\0",
        b"0000000000x\0",
    ] {
        assert!(reason(&size(field)).contains("size"), "{}", field.escape_ascii());
    }
    assert_eq!(limit(&size(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"), ""), "layer-uncompressed-bytes");
    let binary = with(header(b'0', b"x", 0), 124, b"\x80\0\0\0\0\0\0\0\0\0\0\x03").to_vec();
    let bytes = archive(&[[binary, [&b"abc"[..], &[0; 509]].concat()].concat()]);
    assert_eq!(listing(&bytes), [("x".to_owned(), Some(3))]);
}

// Hostile input 48.
#[test]
fn an_owner_that_no_file_can_have_is_refused() {
    let uid = |field: &[u8]| archive(&[with(header(b'0', b"x", 0), 108, field).to_vec()]);
    assert_eq!(first(&uid(b"\x80\0\0\0\xff\xff\xff\xfe")).owner.uid, u32::MAX - 1);
    for field in [b"\x80\0\0\0\xff\xff\xff\xff", b"\x80\0\0\x01\0\0\0\0", b"\xff\xff\xff\xff\xff\xff\xff\xff"] {
        assert!(reason(&uid(field)).contains("owner"));
    }
    for value in ["4294967295", "4294967296", "-1", "1.5", "x", "18446744073709551616"] {
        for key in ["uid", "gid"] {
            let bytes = archive(&[pax(&[(key, value)]), file("x", b"")]);
            assert_eq!(code(&bytes), Code::InvalidArchive, "{key} {value}");
        }
    }
    let bytes = archive(&[pax(&[("uid", "4294967294"), ("gid", "0")]), file("x", b"")]);
    assert_eq!(first(&bytes).owner, Owner { uid: u32::MAX - 1, gid: 0 });
}

// Hostile input 48.
#[test]
fn times_have_nanoseconds_and_are_clamped() {
    let pax = |value: &str| first(&archive(&[pax(&[("mtime", value)]), file("x", b"")])).mtime;
    let time = |seconds, nanoseconds| Timestamp { seconds, nanoseconds };
    assert_eq!(pax("1350244992.023960108"), time(1_350_244_992, 23_960_108));
    assert_eq!(pax("1.5"), time(1, 500_000_000));
    assert_eq!(pax("1."), time(1, 0));
    assert_eq!(pax("-1"), time(-1, 0));
    assert_eq!(pax("-1.5"), time(-2, 500_000_000));
    assert_eq!(pax("-0.000000001"), time(-1, 999_999_999));
    assert_eq!(pax("0.0000000019"), time(0, 1));
    let (first_time, last_time) = (time(-9_223_372_037, 145_224_192), time(9_223_372_036, 854_775_807));
    assert_eq!(pax("253402300800"), last_time);
    assert_eq!(pax(&"9".repeat(100)), last_time);
    assert_eq!(pax(&format!("-{}", "9".repeat(100))), first_time);
    let header = |field: &[u8]| first(&archive(&[with(header(b'0', b"x", 0), 136, field).to_vec()])).mtime;
    assert_eq!(header(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe"), time(-2, 0));
    assert_eq!(header(b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), last_time);
    for value in ["x", "-", ".5", "1.5.5", "1e3", "+1", "--1", " 1"] {
        let bytes = archive(&[super::super::samples::pax(&[("mtime", value)]), file("x", b"")]);
        assert!(reason(&bytes).contains("mtime"), "{value}");
    }
}

#[test]
fn the_mode_has_twelve_bits() {
    let mode = |field: &[u8]| archive(&[with(header(b'0', b"x", 0), 100, field).to_vec()]);
    assert_eq!(first(&mode(b"0107777\0")).mode, 0o7777);
    assert_eq!(first(&mode(b"0040755\0")).mode, 0o755);
    assert!(reason(&mode(b"\xff\xff\xff\xff\xff\xff\xff\xff")).contains("mode"));
}

#[test]
fn a_device_number_has_32_bits() {
    let device = |field: &[u8]| archive(&[with(header(b'3', b"x", 0), 329, field).to_vec()]);
    assert!(reason(&device(b"\x80\0\0\x01\0\0\0\0")).contains("device"));
    assert!(read(&device(b"\x80\0\0\0\xff\xff\xff\xff")).is_ok());
    let bytes = archive(&[pax(&[("SCHILY.devmajor", "70000")]), entry(b'3', b"x", b"")]);
    assert!(matches!(first(&bytes).kind, Kind::CharDevice(device) if device.major == 70000));
}

fn signed_sum(block: &Block) -> i64 {
    let spaces = 8 * 32;
    let signed = |(at, &byte): (usize, &u8)| if (148..156).contains(&at) { 0 } else { i64::from(byte as i8) };
    block.iter().enumerate().map(signed).sum::<i64>() + spaces
}

// Hostile input 28.
#[test]
fn the_checksum_may_sum_signed_or_unsigned_bytes_and_must_be_right() {
    let mut block = header(b'0', b"\xff\xfe\x80x", 0);
    assert!(read(&archive(&[block.to_vec()])).is_ok());
    let sum = format!("{:06o}\0 ", signed_sum(&block));
    block[148..156].copy_from_slice(sum.as_bytes());
    assert_eq!(first(&archive(&[block.to_vec()])).path, b"\xff\xfe\x80x");
    let sum = format!("{:06o}\0 ", signed_sum(&block) + 1);
    block[148..156].copy_from_slice(sum.as_bytes());
    assert!(reason(&archive(&[block.to_vec()])).contains("checksum"));
}

proptest! {
    #[test]
    fn a_changed_byte_of_a_header_is_an_error(at in 0usize..512, byte in any::<u8>()) {
        let mut block = header(b'0', b"some/name", 0);
        prop_assume!(block[at] != byte && !(148..156).contains(&at));
        block[at] = byte;
        prop_assert!(reason(&archive(&[block.to_vec()])).contains("checksum"));
    }
}
