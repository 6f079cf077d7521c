//! `portolan run`: WebAssembly from files and images, what it is granted and what it may take (rows 56 to 58).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portolan_tests::image::{Builder, Layer, Layout, media_type};
use portolan_tests::tar;
use serde_json::json;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A directory for what is run, and another for what is kept of it.
struct Scratch {
    directory: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A module or component in its binary format, in a file.
    fn wasm(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
        command.arg("run").args(args).stdin(Stdio::null());
        // What is made for a guest is made here, so that what is left can be seen.
        std::fs::create_dir_all(self.path("tmp")).unwrap();
        command.env("XDG_CACHE_HOME", self.path("cache")).env("TMPDIR", self.path("tmp"));
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Standard output of a run that ended well.
#[track_caller]
fn done(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What WASI 0.1 calls its functions, for those used here.
const IMPORTS: &str = r#"
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_link" (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (func $say (param $at i32) (param $length i32)
        (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $length))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"#;

/// A program of WASI 0.1.
fn module(body: &str) -> String {
    format!("(module {IMPORTS} {body})")
}

/// Prints its arguments and its variables, each ended by a zero byte, and exits with 7.
fn teller() -> String {
    module(
        r#"(func (export "_start")
            (drop (call $args_sizes (i32.const 16) (i32.const 20)))
            (drop (call $args (i32.const 1024) (i32.const 4096)))
            (call $say (i32.const 4096) (i32.load (i32.const 20)))
            (drop (call $environ_sizes (i32.const 16) (i32.const 20)))
            (drop (call $environ (i32.const 1024) (i32.const 4096)))
            (call $say (i32.const 4096) (i32.load (i32.const 20)))
            (call $exit (i32.const 7)))"#,
    )
}

/// Prints the file `etc/motd` of its root, or exits with the errno.
fn reader() -> String {
    module(
        r#"(data (i32.const 64) "etc/motd")
        (func (export "_start") (local $errno i32)
            (local.set $errno (call $open (i32.const 3) (i32.const 1) (i32.const 64) (i32.const 8) (i32.const 0)
                (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 12)))
            (if (local.get $errno) (then (call $exit (local.get $errno))))
            (i32.store (i32.const 0) (i32.const 4096)) (i32.store (i32.const 4) (i32.const 512))
            (drop (call $read (i32.load (i32.const 12)) (i32.const 0) (i32.const 1) (i32.const 8)))
            (call $say (i32.const 4096) (i32.load (i32.const 8))))"#,
    )
}

fn printed(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// A container image whose entry point is WebAssembly (form G).
fn container(scratch: &Scratch, program: &str, run: serde_json::Value) -> String {
    let wasm = wat::parse_str(program).unwrap();
    let files = tar::Builder::new().dir("etc/").file("etc/motd", b"ahoy\n").file("program.wasm", &wasm);
    let image = Builder::new("wasi/wasm").layer(Layer::gzip(files.build())).run(run);
    let layout = scratch.path("container");
    Layout::single("1.0", image).write(&layout);
    layout.to_str().unwrap().to_owned()
}

/// The artifact of CNCF's TAG Runtime (form A).
fn artifact(scratch: &Scratch, wasm: Vec<u8>, os: &str) -> String {
    let digest = portolan_tests::image::Algorithm::Sha256.digest(&wasm);
    let config = json!({ "created": "2026-01-01T00:00:00Z", "author": null, "architecture": "wasm", "os": os,
        "layerDigests": [digest], "component": null });
    let image = Builder::new("wasi/wasm")
        .layer(Layer::plain(Vec::new()).blob(wasm).media_type(media_type::WASM))
        .config_blob(media_type::WASM_CONFIG, config.to_string().into_bytes());
    let layout = scratch.path("artifact");
    Layout::single("1.0", image).write(&layout);
    layout.to_str().unwrap().to_owned()
}

#[test]
fn a_file_runs_with_its_arguments_and_its_exit_code_is_the_commands() {
    let scratch = Scratch::new();
    let file = scratch.wasm("teller.wasm", &teller());
    let output = scratch.run(&["--env", "A=1", "--env", "A=2", &file, "--one", "two"]);
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    assert_eq!(printed(&output), ["teller.wasm", "--one", "two", "A=2"]);
}

#[test]
fn the_environment_of_the_caller_is_not_the_guests() {
    let scratch = Scratch::new();
    let file = scratch.wasm("teller.wasm", &teller());
    let output = scratch.command(&["--env", "GIVEN", &file]).env("GIVEN", "yes").env("KEPT", "no").output().unwrap();
    assert_eq!(printed(&output), ["teller.wasm", "GIVEN=yes"]);
}

#[test]
fn an_image_says_what_is_run_and_how() {
    let scratch = Scratch::new();
    let image = container(
        &scratch,
        &teller(),
        json!({ "Entrypoint": ["/program.wasm", "-v"], "Cmd": ["own"], "Env": ["A=1", "B=2"] }),
    );
    let output = scratch.run(&["--env", "B=3", &image]);
    assert_eq!(output.status.code(), Some(7), "{}", stderr(&output));
    assert_eq!(printed(&output), ["/program.wasm", "-v", "own", "A=1", "B=3"]);
    let output = scratch.run(&[&image, "other"]);
    assert_eq!(printed(&output), ["/program.wasm", "-v", "other", "A=1", "B=2"]);
}

#[test]
fn an_artifact_runs_and_has_no_files() {
    let scratch = Scratch::new();
    let image = artifact(&scratch, wat::parse_str(reader()).unwrap(), "wasip1");
    // The third descriptor is no directory: 8 is badf.
    assert_eq!(scratch.run(&[&image]).status.code(), Some(8));
}

#[test]
fn the_files_of_an_image_are_the_guests_root_and_nothing_of_them_stays() {
    let scratch = Scratch::new();
    let image = container(&scratch, &reader(), json!({ "Entrypoint": ["/program.wasm"] }));
    assert_eq!(done(&scratch.run(&[&image])), "ahoy\n");
    assert_eq!(std::fs::read_dir(scratch.path("tmp")).unwrap().count(), 0);
}

#[test]
fn a_directory_is_seen_where_it_is_mounted_and_nowhere_else() {
    let scratch = Scratch::new();
    let file = scratch.wasm("reader.wasm", &reader());
    std::fs::create_dir_all(scratch.path("mounted/etc")).unwrap();
    std::fs::write(scratch.path("mounted/etc/motd"), "mounted\n").unwrap();
    let mount = format!("{}:/:ro", scratch.path("mounted").display());
    assert_eq!(done(&scratch.run(&["--mount", &mount, &file])), "mounted\n");
    assert_eq!(scratch.run(&[&file]).status.code(), Some(8));
    let output = scratch.run(&["--mount", "/no/such/directory:/", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot mount /no/such/directory"), "{}", stderr(&output));
}

/// Row 58: every way to change something through a directory that may only be read. Exits with the number of those that
/// were not refused.
#[test]
fn what_may_only_be_read_is_not_written_by_any_way() {
    let attempts = module(
        r#"(data (i32.const 64) "etc/motd") (data (i32.const 96) "etc/new")
        (global $open_ones (mut i32) (i32.const 0))
        (func $count (param $errno i32)
            (if (i32.eqz (local.get $errno))
                (then (global.set $open_ones (i32.add (global.get $open_ones) (i32.const 1))))))
        (func (export "_start")
            ;; truncate, create, write
            (call $count (call $open (i32.const 3) (i32.const 1) (i32.const 64) (i32.const 8) (i32.const 8)
                (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 12)))
            (call $count (call $open (i32.const 3) (i32.const 1) (i32.const 96) (i32.const 7) (i32.const 1)
                (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 12)))
            (call $count (call $open (i32.const 3) (i32.const 1) (i32.const 64) (i32.const 8) (i32.const 0)
                (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 12)))
            (call $count (call $link (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 8)
                (i32.const 3) (i32.const 96) (i32.const 7)))
            (call $count (call $rename (i32.const 3) (i32.const 64) (i32.const 8) (i32.const 3) (i32.const 96) (i32.const 7)))
            (call $count (call $unlink (i32.const 3) (i32.const 64) (i32.const 8)))
            (call $exit (global.get $open_ones)))"#,
    );
    let scratch = Scratch::new();
    let file = scratch.wasm("attempts.wasm", &attempts);
    std::fs::create_dir_all(scratch.path("mounted/etc")).unwrap();
    std::fs::write(scratch.path("mounted/etc/motd"), "mounted\n").unwrap();
    let mount = |how| format!("{}:/{how}", scratch.path("mounted").display());
    assert_eq!(scratch.run(&["--mount", &mount(":ro"), &file]).status.code(), Some(0));
    assert_eq!(std::fs::read(scratch.path("mounted/etc/motd")).unwrap(), b"mounted\n");
    assert!(!scratch.path("mounted/etc/new").exists());
    // The attempts are such that they succeed where they may.
    let code = scratch.run(&["--mount", &mount(""), &file]).status.code().unwrap();
    assert_eq!(code, 4);
    let image = container(&scratch, &attempts, json!({ "Entrypoint": ["/program.wasm"] }));
    assert_eq!(scratch.run(&[&image]).status.code(), Some(0));
    assert_eq!(scratch.run(&["--writable", &image]).status.code(), Some(4));
    assert_eq!(scratch.run(&[&image]).status.code(), Some(0));
}

/// Row 57.
#[test]
fn a_loop_ends_with_its_time() {
    let scratch = Scratch::new();
    let file =
        scratch.wasm("loop.wasm", r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#);
    let start = Instant::now();
    let output = scratch.run(&["--timeout", "1s", &file]);
    assert_eq!(output.status.code(), Some(134));
    assert_eq!(stderr(&output), "error: the program failed\n  caused by: it did not end within 1s\n");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let output = scratch.run(&["--fuel", "100000", &file]);
    assert_eq!(output.status.code(), Some(134));
    assert!(stderr(&output).contains("all fuel consumed"), "{}", stderr(&output));
}

/// Row 57.
#[test]
fn memory_and_tables_grow_as_far_as_they_may() {
    let scratch = Scratch::new();
    let grower = |grow: &str| {
        format!(
            r#"(module (memory (export "memory") 1) (table 1 funcref)
            (func (export "_start") (if (i32.eq {grow} (i32.const -1)) (then unreachable))))"#
        )
    };
    let memory = scratch.wasm("memory.wasm", &grower("(memory.grow (i32.const 2000))"));
    let output = scratch.run(&["--memory", "64M", &memory]);
    assert_eq!(output.status.code(), Some(134));
    let said = stderr(&output);
    assert!(said.contains("it asked for 131137536 bytes of memory, and 67108864 are allowed"), "{said}");
    assert_eq!(scratch.run(&["--memory", "256M", &memory]).status.code(), Some(0));
    let table = scratch.wasm("table.wasm", &grower("(table.grow (ref.null func) (i32.const 2000000))"));
    assert!(stderr(&scratch.run(&[&table])).contains("it asked for a table of 2000001 elements"));
}

/// Row 57.
#[test]
fn many_exports_and_deep_types_take_no_time() {
    let scratch = Scratch::new();
    let mut many = String::from(r#"(module (memory (export "memory") 1) (func $f (export "_start"))"#);
    for number in 0..100_000 {
        many.push_str(&format!("(export \"e{number}\" (func $f))"));
    }
    many.push(')');
    let start = Instant::now();
    let output = scratch.run(&[&scratch.wasm("many.wasm", &many)]);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", stderr(&output));
    let mut deep = String::from("(component (type $t0 (list u8))");
    for depth in 1..2_000 {
        deep.push_str(&format!("(type $t{depth} (list $t{}))", depth - 1));
    }
    deep.push(')');
    let output = scratch.run(&[&scratch.wasm("deep.wasm", &deep)]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn a_trap_is_told_with_its_place() {
    let scratch = Scratch::new();
    let file = scratch.wasm(
        "trap.wasm",
        r#"(module (memory (export "memory") 1) (func $inner unreachable) (func (export "_start") (call $inner)))"#,
    );
    let output = scratch.run(&[&file]);
    assert_eq!(output.status.code(), Some(134));
    let said = stderr(&output);
    assert!(
        said.starts_with("error: the program failed\n") && said.contains("unreachable") && said.contains("inner"),
        "{said}"
    );
}

/// Row 56: what is compiled already is not run, whatever it is called.
#[test]
fn compiled_code_is_refused() {
    let scratch = Scratch::new();
    let engine = wasmtime::Engine::default();
    let code = engine.precompile_module(&wat::parse_str(teller()).unwrap()).unwrap();
    assert!(code.starts_with(b"\x7fELF"));
    let image = artifact(&scratch, code, "wasip1");
    let output = scratch.run(&[&image]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("ELF"), "{}", stderr(&output));
}

/// Row 59.
#[test]
fn a_module_that_is_called_a_component_is_refused() {
    let scratch = Scratch::new();
    let image = artifact(&scratch, wat::parse_str(teller()).unwrap(), "wasip2");
    let output = scratch.run(&[&image]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("wasip2"), "{}", stderr(&output));
}

#[test]
fn an_image_without_webassembly_is_told_what_was_tried() {
    let scratch = Scratch::new();
    let files = tar::Builder::new().file("sh", b"#!/bin/sh\n");
    let layout = scratch.path("plain");
    let image = Builder::new("linux/amd64").layer(Layer::gzip(files.build())).run(json!({ "Entrypoint": ["/sh"] }));
    Layout::single("1.0", image).write(&layout);
    let output = scratch.run(&[layout.to_str().unwrap()]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(stderr(&output).contains("/sh"), "{}", stderr(&output));
}

#[test]
fn compiled_code_is_kept_where_only_the_user_can_write() {
    let scratch = Scratch::new();
    let file = scratch.wasm("teller.wasm", &teller());
    let kept = scratch.path("cache/portolan/workloads");
    let files = || -> Vec<PathBuf> { std::fs::read_dir(&kept).unwrap().map(|file| file.unwrap().path()).collect() };
    scratch.run(&["--no-cache", &file]);
    assert!(!kept.exists() || files().is_empty());
    scratch.run(&[&file]);
    assert_eq!((files().len(), std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777), (1, 0o700));
    // What is damaged is compiled again, and not run.
    let path = &files()[0];
    let mut code = std::fs::read(path).unwrap();
    let middle = code.len() / 2;
    code[middle] ^= 0xff;
    std::fs::write(path, &code).unwrap();
    assert_eq!(scratch.run(&[&file]).status.code(), Some(7));
    assert_ne!(std::fs::read(path).unwrap(), code);
    open_to_others(&kept);
    let output = scratch.run(&[&file]);
    assert_eq!(output.status.code(), Some(7));
    assert!(stderr(&output).contains("others can write there"), "{}", stderr(&output));
}

fn open_to_others(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
}

#[test]
fn a_function_is_called_by_its_name() {
    let scratch = Scratch::new();
    let file = scratch.wasm(
        "add.wasm",
        r#"(module (memory (export "memory") 1) (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#,
    );
    assert_eq!(done(&scratch.run(&["--invoke", "add(1, 2)", &file])), "3\n");
    let output = scratch.run(&["--invoke", "sub(1, 2)", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("it exports add"), "{}", stderr(&output));
    assert_eq!(scratch.run(&["--invoke", "add(1)", &file]).status.code(), Some(2));
    let component = scratch.wasm(
        "component.wasm",
        r#"(component
            (core module $m (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
            (core instance $i (instantiate $m))
            (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add"))))"#,
    );
    assert_eq!(done(&scratch.run(&["--invoke", "add(40, 2)", &component])), "42\n");
    let output = scratch.run(&[&component]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no beginning"), "{}", stderr(&output));
}

/// Runs a program that never ends in a process of its own, and answers how that ended after one signal.
fn after_a_signal(mut command: Command) -> std::process::ExitStatus {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    // Until it says something it is not there yet.
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("it did not end: {:?}", child.wait());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn one_signal_ends_a_program_whatever_it_does_and_nothing_of_its_files_stays() {
    let scratch = Scratch::new();
    let endless = module(
        r#"(data (i32.const 64) "x") (func (export "_start") (call $say (i32.const 64) (i32.const 1)) (loop (br 0)))"#,
    );
    let file = scratch.wasm("loop.wasm", &endless);
    assert_eq!(after_a_signal(scratch.command(&[&file])).signal(), Some(15));
    let image = container(&scratch, &endless, json!({ "Entrypoint": ["/program.wasm"] }));
    assert_eq!(after_a_signal(scratch.command(&[&image])).signal(), Some(15));
    assert_eq!(std::fs::read_dir(scratch.path("tmp")).unwrap().count(), 0);
}

#[test]
fn a_file_that_is_too_large_to_be_compiled_is_not_read_to_its_end() {
    let scratch = Scratch::new();
    let file = scratch.wasm("teller.wasm", &teller());
    let size = std::fs::metadata(&file).unwrap().len();
    let limit = |most: u64| format!("wasm-bytes={most}");
    assert_eq!(scratch.run(&["--limits", &limit(size), &file]).status.code(), Some(7));
    let output = scratch.run(&["--limits", &limit(size - 1), &file]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("raise wasm-bytes to allow it"), "{}", stderr(&output));
}

/// Programs that share compiled code have a time each.
#[test]
fn the_time_of_one_run_is_not_that_of_another() {
    let scratch = Scratch::new();
    let quick = scratch.wasm("quick.wasm", r#"(module (memory (export "memory") 1) (func (export "_start")))"#);
    let bounds = portolan::workload::Bounds { timeout: Some(Duration::from_millis(300)), ..Default::default() };
    let builder = portolan::workload::Builder::new().bounds(bounds);
    let prepared = builder.prepare_bytes("quick", std::fs::read(quick).unwrap()).unwrap();
    let start = Instant::now();
    // What one run leaves behind, if anything, would end one of those that follow.
    while start.elapsed() < Duration::from_millis(900) {
        assert_eq!(prepared.program.run(&prepared.guest).unwrap(), portolan::workload::Exit(0));
    }
}

#[test]
fn a_package_of_types_is_called_what_it_is() {
    let scratch = Scratch::new();
    let types = r#"(component (type $t (component)) (export "x" (type $t)))"#;
    let output = scratch.run(&[&scratch.wasm("types.wasm", types)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("is a WIT package"), "{}", stderr(&output));
}

/// Functions of the program that runs a guest, beside WASI.
#[test]
fn a_host_lends_functions_to_components_and_modules() {
    use portolan::workload::{Builder, ComponentState, ModuleState};
    use std::sync::atomic::{AtomicU32, Ordering};
    let called = std::sync::Arc::new(AtomicU32::new(0));
    let (one, other) = (called.clone(), called.clone());
    let builder = Builder::new()
        .imports(move |linker| {
            let called = one.clone();
            let mut lights = linker.instance("example:host/lights")?;
            lights.func_wrap("switch", move |_: wasmtime::StoreContextMut<'_, ComponentState>, (to,): (u32,)| {
                called.fetch_add(to, Ordering::Relaxed);
                Ok((to + 1,))
            })
        })
        .module_imports(move |linker| {
            let called = other.clone();
            let switch = move |_: wasmtime::Caller<'_, ModuleState>, to: u32| {
                called.fetch_add(to, Ordering::Relaxed);
                to + 1
            };
            linker.func_wrap("lights", "switch", switch).map(|_| ())
        });
    let component = r#"(component
        (import "example:host/lights" (instance $lights (export "switch" (func (param "to" u32) (result u32)))))
        (core func $switch (canon lower (func $lights "switch")))
        (core module $m (import "lights" "switch" (func $switch (param i32) (result i32)))
            (func (export "twice") (param i32) (result i32) (call $switch (call $switch (local.get 0)))))
        (core instance $i (instantiate $m (with "lights" (instance (export "switch" (func $switch))))))
        (func (export "twice") (param "to" u32) (result u32) (canon lift (core func $i "twice"))))"#;
    let module = r#"(module (import "lights" "switch" (func $switch (param i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "twice") (param i32) (result i32) (call $switch (call $switch (local.get 0)))))"#;
    for (text, calls) in [(component, 10 + 11), (module, 2 * (10 + 11))] {
        let prepared = builder.prepare_bytes("lights", wat::parse_str(text).unwrap()).unwrap();
        assert_eq!(prepared.program.invoke(&prepared.guest, "twice(10)").unwrap(), ["12"]);
        assert_eq!(called.load(Ordering::Relaxed), calls);
        let alone = Builder::new().prepare_bytes("lights", wat::parse_str(text).unwrap()).unwrap();
        let error = alone.program.invoke(&alone.guest, "twice(10)").unwrap_err();
        assert!(error.to_string().contains("lights"), "{error}");
    }
}
