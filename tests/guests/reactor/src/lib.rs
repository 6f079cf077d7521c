//! Something to be called: a component with an interface, or, for WASI 0.1, a core module with a function.

#[cfg(target_env = "p2")]
mod component {
    wit_bindgen::generate!({ world: "reactor" });

    use exports::portolan::guests::sums::{Guest as Sums, Total};

    struct Reactor;

    export!(Reactor);

    impl Sums for Reactor {
        fn add(values: Vec<i32>) -> Result<Total, String> {
            let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
            if count == 0 {
                return Err("there is nothing to add".to_owned());
            }
            Ok(Total { sum: values.into_iter().map(i64::from).sum(), count })
        }
    }

    impl Guest for Reactor {
        fn greet(name: String) -> String {
            format!("hello {name}")
        }
    }
}

/// The sum.
#[cfg(target_env = "p1")]
#[unsafe(no_mangle)]
pub extern "C" fn add(one: i32, other: i32) -> i32 {
    one.wrapping_add(other)
}
