//! Everything at once, by chance: a run ends with the image or with an error, never with something else.

use crate::proxy::{Asked, Fault, Proxy};
use crate::{Run, demo_place, demo_registry, portolan, verify_demo, verify_nothing, wire};
use portolan_tests::demo;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const SEEDS: u64 = 48;
const AT_ONCE: usize = 12;

struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % end
    }
}

/// One request in so many meets a fault.
fn weather(seed: u64, one_in: usize, is_push: bool) -> impl Fn(&Asked) -> Fault + Send + Sync + 'static {
    let chance = Mutex::new(Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1));
    move |_| {
        let mut chance = chance.lock().unwrap();
        if chance.below(one_in) != 0 {
            return Fault::None;
        }
        let at = chance.below(7_000);
        // Lies come seldom, for they end a run at once.
        let lies = if chance.below(6) == 0 { 6 } else { 0 };
        match chance.below(11 + lies) {
            0 => Fault::Silence,
            1 => Fault::Lost,
            2 => Fault::Head,
            3..=5 if is_push => Fault::CutUpload(at),
            3..=5 => Fault::Cut(at),
            6 => Fault::Whole,
            7 => Fault::Answer(429, vec![("Retry-After", "0".to_owned())], vec![]),
            8 => Fault::Answer([500, 502, 503, 504][at % 4], vec![], b"busy".to_vec()),
            9 => Fault::Delay(Duration::from_millis(50)),
            10 => Fault::Drip(4_000, Duration::from_millis(5)),
            11 => Fault::Short(at),
            12 => Fault::Flip(at),
            13 => Fault::Header("docker-content-digest", Some(crate::LAYER.to_owned())),
            14 => Fault::Header("content-type", Some("text/html".to_owned())),
            15 => Fault::Answer(416, vec![], vec![]),
            _ => Fault::Answer(404, vec![], vec![]),
        }
    }
}

/// Runs all seeds, several at once, and counts those that came to a good end.
fn seeds(run: impl Fn(u64) -> bool + Sync) -> u64 {
    let (next, good) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= SEEDS {
                        return;
                    }
                    good.fetch_add(u64::from(run(seed)), Ordering::SeqCst);
                }
            });
        }
    });
    good.into_inner()
}

#[track_caller]
fn is_good(seed: u64, run: &Run) -> bool {
    let errors = run.stderr.lines().filter(|line| line.starts_with("error: ")).count();
    match run.code {
        Some(0) => assert_eq!(run.stderr, "", "seed {seed}"),
        code => {
            // Its causes may follow.
            assert_eq!(errors, 1, "seed {seed}: {}", run.stderr);
            assert!(matches!(code, Some(1 | 2)), "seed {seed}: {code:?} {}", run.stderr);
        }
    }
    run.code == Some(0)
}

/// Rows 53 to 55, U-05, Q-08.
#[test]
fn pulls_in_bad_weather_end_right_or_fail_clean() {
    let root = tempfile::tempdir().unwrap();
    let server = demo_registry(root.path());
    let good = seeds(|seed| {
        let scratch = tempfile::tempdir().unwrap();
        let layout = scratch.path().join("layout");
        let proxy = Proxy::new(server.address, weather(seed + 1, 2 + usize::try_from(seed % 4).unwrap(), false));
        let (from, to) = (format!("{}/demo:1.0", proxy.address), format!("oci:{}:1.0", layout.display()));
        let run = portolan(&["copy", "--quiet", "--retries", "3", &from, &to]);
        match is_good(seed, &run) {
            true => verify_demo(&layout),
            false => verify_nothing(&layout),
        }
        if run.code != Some(0) {
            // The next run goes on with what is there, and comes to the end.
            let from = format!("{}/demo:1.0", server.address);
            portolan(&["copy", "--quiet", &from, &to]).done();
            verify_demo(&layout);
        }
        run.code == Some(0)
    });
    assert!((1..SEEDS).contains(&good), "{good} of {SEEDS}");
}

#[test]
fn pushes_in_bad_weather_end_right_or_fail_clean() {
    let root = tempfile::tempdir().unwrap();
    let server = wire::Running::root(root.path());
    let good = seeds(|seed| {
        let proxy = Proxy::new(server.address, weather(seed + 1, 2 + usize::try_from(seed % 4).unwrap(), true));
        let (name, chunk) = (format!("demo{seed}"), (1_000 + seed * 100).to_string());
        let to = format!("{}/{name}:1.0", proxy.address);
        let options: &[&str] = if seed % 2 == 0 { &["--chunk-size", &chunk] } else { &[] };
        let run = portolan(&[&["copy", "--quiet", "--retries", "3", &demo_place(), to.as_str()], options].concat());
        let layout = root.path().join(&name);
        let listed = std::fs::read_to_string(layout.join("index.json")).unwrap_or_default();
        // Where only the last answer was lost everything is there, and nobody knows.
        if is_good(seed, &run) || listed.contains(demo::TAG) {
            verify_demo(&layout);
        }
        run.code == Some(0)
    });
    assert!((1..SEEDS).contains(&good), "{good} of {SEEDS}");
}
