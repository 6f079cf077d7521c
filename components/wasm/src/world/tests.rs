use crate::{check_nesting, inspect};
use portolan_image::{Code, Limits};

/// The world of a component, and nothing where it is refused as what it is.
fn world(bytes: &[u8]) -> Option<String> {
    match inspect(bytes, &Limits::default()) {
        Ok(found) => Some(found.world.unwrap()),
        Err(error) => {
            assert_eq!(error.code(), Code::InvalidWorkload, "{error}");
            None
        }
    }
}

fn of(text: &str) -> String {
    world(&wat::parse_str(text).unwrap()).unwrap()
}

/// A component of sections, each with its identifier.
fn component(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    for (id, content) in sections {
        bytes.push(*id);
        bytes.extend(leb(content.len()));
        bytes.extend(content);
    }
    bytes
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        bytes.push(byte | if number > 0 { 0x80 } else { 0 });
        if number == 0 {
            return bytes;
        }
    }
}

const STREAMS: &str = r#"(component
    (type (instance (export "pollable" (type (sub resource)))))
    (import "wasi:io/poll@0.2.0" (instance $poll (type 0)))
    (alias export $poll "pollable" (type $pollable))
    (type (instance
        (alias outer 1 $pollable (type)) (export "pollable" (type (eq 0)))
        (export "input-stream" (type (sub resource)))
        (type (variant (case "closed") (case "last" string))) (export "error" (type (eq 3)))
        (type (borrow 2)) (type (list u8)) (type (result 6 (error 4)))
        (type (func (param "self" 5) (param "len" u64) (result 7)))
        (export "[method]input-stream.read" (func (type 8)))
        (type (own 1)) (type (func async (param "list" (tuple u8 string)) (result 9)))
        (export "subscribe" (func (type 11)))))
    (import "wasi:io/streams@0.2.0" (instance (type 2)))
    (type (func (param "message" string)))
    (import "log" (func (type 3)))
    (type (instance))
    (import "nothing" (instance (type 4)))
    (component $inner)
    (instance $run (instantiate $inner))
    (export "wasi:cli/run@0.2.6" (instance $run)))"#;

#[test]
fn a_world_says_what_is_imported_and_exported_and_with_which_types() {
    let expected = "\
package root:component;

world root {
  import wasi:io/poll@0.2.0;
  import wasi:io/streams@0.2.0;
  import nothing: interface {
  }
  import log: func(message: string);

  export wasi:cli/run@0.2.6;
}

package wasi:io@0.2.0 {
  interface poll {
    resource pollable;
  }
  interface streams {
    use poll.{pollable};

    resource input-stream {
      read: func(len: u64) -> result<list<u8>, error>;
    }

    variant error {
      closed,
      last(string),
    }

    subscribe: async func(%list: tuple<u8, string>) -> pollable;
  }
}

package wasi:cli@0.2.6 {
  interface run {
  }
}
";
    assert_eq!(of(STREAMS), expected);
}

#[test]
fn a_module_has_no_world_and_a_wit_package_is_written_as_one() {
    assert_eq!(inspect(&wat::parse_str("(module)").unwrap(), &Limits::default()).unwrap().world, None);
    let package = of(r#"(component
        (type (component
            (type (instance (type (enum "a" "b")) (export "letter" (type (eq 0)))))
            (export "x:y/letters@1.0.0" (instance (type 0)))))
        (export "letters" (type 0))
        (type (component (type (component
            (type (instance)) (import "x:y/letters@1.0.0" (instance (type 0)))
            (type (func (result string))) (export "read" (func (type 1)))))
            (export "x:y/reader@1.0.0" (component (type 0)))))
        (export "reader" (type 2)))"#);
    let expected = "\
package x:y@1.0.0;

interface letters {
  enum letter {
    a,
    b,
  }
}

world reader {
  import letters;

  export read: func() -> string;
}
";
    assert_eq!(package, expected);
}

/// Names are the file's own, and may be anything where nobody validates.
#[test]
fn names_that_are_none_are_quoted() {
    let name = b"a\n}\x1b[1m";
    let mut import = vec![1, 0, u8::try_from(name.len()).unwrap()];
    import.extend(name);
    import.extend([1, 0]);
    // A function without parameters and results, and its import.
    let bytes = component(&[(7, vec![1, 0x40, 0, 1, 0]), (10, import)]);
    let world = world(&bytes).unwrap();
    assert!(world.contains(r#"import "a\n}\u{1b}[1m": func();"#), "{world}");
}

/// Row 56: whatever is cut off or changed is refused or read, and never more.
#[test]
fn a_file_that_is_cut_or_changed_anywhere_is_read_or_refused() {
    let bytes = wat::parse_str(STREAMS).unwrap();
    for length in 0..bytes.len() {
        world(&bytes[..length]);
    }
    let mut changed = bytes.clone();
    for at in 8..bytes.len() {
        for value in [0, 1, 0x40, 0x42, 0x7f, 0xff] {
            changed[at] = value;
            world(&changed);
            let _ = check_nesting(&changed);
        }
        changed[at] = bytes[at];
    }
}

#[test]
fn types_that_are_nested_too_deep_are_refused_before_anybody_follows_them() {
    for (byte, depth) in [(0x41, 1_000_000), (0x42, 1_000_000), (0x42, 101)] {
        let mut types = vec![1];
        types.extend([byte, 1, 1].repeat(depth));
        types.push(0x7f);
        let bytes = component(&[(7, types)]);
        assert_eq!(world(&bytes), None);
        assert_eq!(check_nesting(&bytes).unwrap_err().code(), Code::InvalidWorkload);
    }
    let mut nested = component(&[]);
    for _ in 0..101 {
        nested = component(&[(4, nested)]);
    }
    assert_eq!(world(&nested), None);
}

/// Every type holds its predecessor twice: written out, the last one would be longer than anything.
#[test]
fn types_that_grow_when_they_are_written_are_refused() {
    for count in [22_u8, 120] {
        let index = |number: u8| if number < 64 { vec![number] } else { vec![number | 0x80, 0] };
        let mut types = vec![count + 1, 0x6f, 2, 0x7d, 0x7d];
        for previous in 0..count - 1 {
            types.extend([vec![0x6f, 2], index(previous), index(previous)].concat());
        }
        types.extend([vec![0x40, 1, 1, b'p'], index(count - 1), vec![1, 0]].concat());
        let import = [vec![1, 0, 1, b'f', 1], vec![count]].concat();
        let written = world(&component(&[(7, types), (10, import)]));
        assert!(written.is_none(), "{count}");
    }
}

#[test]
fn counts_that_nothing_stands_behind_cost_nothing() {
    let many = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
    for id in [5, 6, 7, 8, 10, 11] {
        assert_eq!(world(&component(&[(id, many.clone())])), None, "{id}");
    }
    let mut instance = vec![1, 0x42];
    instance.extend(&many);
    assert_eq!(world(&component(&[(7, instance)])), None);
    let mut exports = leb(300_000);
    for number in 0..300_000 {
        let name = format!("n{number}");
        exports.extend([0, u8::try_from(name.len()).unwrap()]);
        exports.extend(name.bytes());
        exports.extend([3, 0, 0]);
    }
    assert_eq!(world(&component(&[(7, vec![1, 0x7f]), (11, exports)])), None);
}
