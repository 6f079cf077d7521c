//! Programs that answer HTTP.

use crate::{Program, portolan, text};
use portolan_tests::guests;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program that answers, until it is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    pub(crate) fn start(options: &[&str], file: &str) -> Self {
        let mut command = portolan(&["run", "--http", "127.0.0.1:0"]);
        let mut child = command.args(options).arg(file).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line}")).parse();
        // What it says further is read, so that it never waits for that.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Self { child, address: address.unwrap() }
    }

    /// A program under another wasmtime.
    pub(crate) fn theirs(file: &str) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(guests::fetched("wasmtime"));
        command.args(["serve", "-S", "cli", "--addr"]).arg(address.to_string()).arg(file);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, address };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "wasmtime serve does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// The status and the body of an answer.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.ask_with(method, path, body.as_bytes())
    }

    /// The same with any bytes.
    pub(crate) fn ask_with(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = text(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        (status, if is_chunked { unchunked(body) } else { body.to_owned() })
    }

    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

/// A body without the lengths of its chunks.
fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole.push_str(&rest[..length]);
        body = rest.get(length + 2..).unwrap_or_default();
    }
    whole
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_request_has_an_instance_of_its_own() {
    let program = Program::new("http", "wasm32-wasip2");
    let server = Server::start(&[], &program.file);
    assert_eq!(server.ask("GET", "/", ""), (200, "hello\n".to_owned()));
    for _ in 0..3 {
        assert_eq!(server.ask("GET", "/count", ""), (200, "1".to_owned()));
    }
    let body = "x".repeat(100_000);
    assert_eq!(server.ask("POST", "/echo", &body), (200, body));
    assert_eq!(server.ask("GET", "/none", "").0, 404);
    assert_eq!(server.stop(), Some(0));
}

/// Row 57: what fails or loops ends with its request, and others are answered meanwhile.
#[test]
fn a_request_that_fails_or_loops_harms_no_other() {
    let program = Program::new("http", "wasm32-wasip2");
    let server = Server::start(&["--timeout", "2s", "--max-concurrent", "4"], &program.file);
    assert_eq!(server.ask("GET", "/fail", "").0, 500);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let looping = scope.spawn(|| server.ask("GET", "/loop", ""));
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(server.ask("GET", "/", ""), (200, "hello\n".to_owned()));
        assert!(matches!(looping.join().unwrap().0, 500 | 504));
    });
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    for _ in 0..8 {
        assert_eq!(server.ask("GET", "/", "").0, 200);
    }
}

#[test]
fn requests_go_where_it_is_granted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(b"HTTP/1.1 203 Fine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let program = Program::new("http", "wasm32-wasip2");
    let closed = Server::start(&[], &program.file);
    let (status, said) = closed.ask("GET", &format!("/ask?{address}"), "");
    assert_eq!(status, 502);
    assert!(said.contains("HttpRequestDenied"), "{said}");
    let open = Server::start(&["--allow-http", &address], &program.file);
    assert_eq!(open.ask("GET", &format!("/ask?{address}"), ""), (200, "it says 203".to_owned()));
}
