//! A proxy that does to requests and answers what networks and servers do at their worst, and keeps account of both.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happens to a request or to its answer.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    None,
    /// The proxy answers by itself.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The connection is closed without an answer, which the registry never heard of, or has given.
    Silence,
    Lost,
    /// The connection is closed after the head.
    Head,
    /// The connection is closed after so many bytes of the body.
    Cut(usize),
    /// The body ends after so many bytes, and its length says so.
    Short(usize),
    /// One bit of the body is another.
    Flip(usize),
    /// A header of the answer says something else, or is left out.
    Header(&'static str, Option<String>),
    /// The registry does not hear which range is wanted.
    Whole,
    Delay(Duration),
    /// So many bytes, and again after so long.
    Drip(usize, Duration),
    /// The connection is closed after so many bytes of the body of the request, which the registry gets.
    CutUpload(usize),
}

/// The head of a request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    headers: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.path.contains(part)
    }
}

/// A request that was dealt with.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) asked: Asked,
    /// Of the answer that was passed on; 0 for none.
    pub(crate) status: u16,
    /// Bytes of the body that went to the client.
    pub(crate) down: usize,
    /// Bytes of the body that the registry got.
    pub(crate) up: usize,
    /// The body of the request where the proxy answered by itself.
    pub(crate) body: Vec<u8>,
}

type Script = dyn Fn(&Asked) -> Fault + Send + Sync;

/// Runs until it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    records: Arc<Mutex<Vec<Record>>>,
    stopped: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) fn new(upstream: SocketAddr, script: impl Fn(&Asked) -> Fault + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (records, stopped) = (Arc::<Mutex<Vec<Record>>>::default(), Arc::new(AtomicBool::new(false)));
        let script: Arc<Script> = Arc::new(script);
        let (kept, asked_to_stop) = (Arc::clone(&records), Arc::clone(&stopped));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if asked_to_stop.load(Ordering::SeqCst) {
                    return;
                }
                let (script, records) = (Arc::clone(&script), Arc::clone(&kept));
                std::thread::spawn(move || {
                    // What breaks is what was to break.
                    let _ = client.and_then(|client| relay(client, upstream, script.as_ref(), &records));
                });
            }
        });
        Self { address, records, stopped }
    }

    /// The same without faults.
    pub(crate) fn honest(upstream: SocketAddr) -> Self {
        Self::new(upstream, |_| Fault::None)
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap().clone()
    }

    /// Bytes of answers to requests of this kind.
    pub(crate) fn down(&self, method: &str, part: &str) -> usize {
        self.records().iter().filter(|record| record.asked.is(method, part)).map(|record| record.down).sum()
    }

    /// Bytes that were uploaded.
    pub(crate) fn up(&self) -> usize {
        let uploads = |record: &&Record| record.asked.path.contains("/blobs/uploads/");
        self.records().iter().filter(uploads).map(|record| record.up).sum()
    }

    pub(crate) fn count(&self, method: &str, part: &str) -> usize {
        self.records().iter().filter(|record| record.asked.is(method, part)).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// A script whose first requests of a kind meet these faults, one each, and the later ones none.
pub(crate) fn first(
    is_meant: impl Fn(&Asked) -> bool + Send + Sync + 'static,
    faults: Vec<Fault>,
) -> impl Fn(&Asked) -> Fault + Send + Sync + 'static {
    let left = Mutex::new(faults.into_iter());
    move |asked| match is_meant(asked) {
        true => left.lock().unwrap().next().unwrap_or(Fault::None),
        false => Fault::None,
    }
}

fn head(reader: &mut impl io::BufRead) -> io::Result<(String, Vec<(String, String)>)> {
    let mut line = || -> io::Result<String> {
        let mut line = String::new();
        match reader.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    };
    let start = line()?;
    let mut headers = Vec::new();
    loop {
        match line()? {
            line if line.is_empty() => return Ok((start, headers)),
            line => {
                let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
    }
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

/// One request for each connection.
fn relay(client: TcpStream, upstream: SocketAddr, script: &Script, records: &Mutex<Vec<Record>>) -> io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut reader = BufReader::new(client.try_clone()?);
    let (start, headers) = head(&mut reader)?;
    let mut words = start.split(' ').map(str::to_owned);
    let asked = Asked {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        headers: headers.clone(),
    };
    let fault = script(&asked);
    let mut record = Record { asked: asked.clone(), status: 0, down: 0, up: 0, body: Vec::new() };
    let keep = |record: Record| records.lock().unwrap().push(record);
    if let Fault::Silence = fault {
        keep(record);
        return client.shutdown(Shutdown::Both);
    }
    let mut body = Vec::new();
    if value(&headers, "transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let length = u64::from_str_radix(line.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
            (&mut reader).take(length).read_to_end(&mut body)?;
            reader.read_line(&mut line)?;
            if length == 0 {
                break;
            }
        }
    } else {
        let length = value(&headers, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let wanted = if let Fault::CutUpload(most) = fault { length.min(most as u64) } else { length };
        (&mut reader).take(wanted).read_to_end(&mut body)?;
        if (body.len() as u64) < wanted {
            // The client gave up: the registry would wait for the rest.
            return client.shutdown(Shutdown::Both);
        }
    }
    if let Fault::Answer(status, headers, answer) = &fault {
        (record.status, record.body) = (*status, body);
        record.down = if asked.method == "HEAD" { 0 } else { answer.len() };
        keep(record);
        let mut text =
            format!("HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {}\r\n", answer.len()).into_bytes();
        for (name, value) in headers {
            text.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        text.extend_from_slice(b"\r\n");
        if asked.method != "HEAD" {
            text.extend_from_slice(answer);
        }
        (&client).write_all(&text)?;
        return client.shutdown(Shutdown::Both);
    }
    record.up = body.len();
    let mut server = TcpStream::connect(upstream)?;
    let mut request = format!("{start}\r\nconnection: close\r\n");
    for (name, value) in &headers {
        let is_ours = name == "connection" || name == "transfer-encoding";
        let is_held_back = name == "range" && matches!(fault, Fault::Whole);
        if !is_ours && !is_held_back {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if value(&headers, "content-length").is_none() && !body.is_empty() {
        request.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    server.write_all(request.as_bytes())?;
    server.write_all(b"\r\n")?;
    let _ = server.write_all(&body);
    if let Fault::CutUpload(_) = fault {
        keep(record);
        server.shutdown(Shutdown::Write)?;
        let _ = io::copy(&mut server, &mut io::sink());
        return client.shutdown(Shutdown::Both);
    }
    answer(&client, server, &fault, record, &keep)
}

fn answer(
    mut client: &TcpStream,
    server: TcpStream,
    fault: &Fault,
    mut record: Record,
    keep: &dyn Fn(Record),
) -> io::Result<()> {
    let mut reader = BufReader::new(server);
    let (start, mut headers) = head(&mut reader)?;
    let mut body = Vec::new();
    reader.read_to_end(&mut body)?;
    let status = start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    if let Fault::Lost = fault {
        keep(record);
        return client.shutdown(Shutdown::Both);
    }
    record.status = status;
    if value(&headers, "transfer-encoding").is_some() {
        body = decoded(&body);
        headers.retain(|(name, _)| name != "transfer-encoding");
        headers.push(("content-length".to_owned(), body.len().to_string()));
    }
    match fault {
        Fault::Short(length) if record.asked.method != "HEAD" => {
            body.truncate(*length);
            headers.retain(|(name, _)| name != "content-length");
            headers.push(("content-length".to_owned(), body.len().to_string()));
        }
        Fault::Flip(at) if !body.is_empty() => {
            let at = at % body.len();
            body[at] ^= 1;
        }
        Fault::Header(name, new) => {
            headers.retain(|(found, _)| found != name);
            headers.extend(new.clone().map(|new| ((*name).to_owned(), new)));
        }
        Fault::Delay(time) => std::thread::sleep(*time),
        _ => {}
    }
    let mut text = format!("{start}\r\nconnection: close\r\n");
    for (name, value) in headers.iter().filter(|(name, _)| name != "connection") {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let sent = match fault {
        Fault::Head => 0,
        Fault::Cut(length) => body.len().min(*length),
        _ => body.len(),
    };
    if let Fault::Drip(bytes, time) = fault {
        client.write_all(text.as_bytes())?;
        for piece in body.chunks(*bytes) {
            if client.write_all(piece).is_err() {
                break;
            }
            record.down += piece.len();
            std::thread::sleep(*time);
        }
        keep(record);
        return client.shutdown(Shutdown::Both);
    }
    // Known before the client can have it, so that whoever looks when it is done sees it.
    record.down = sent;
    keep(record);
    client.write_all(text.as_bytes())?;
    client.write_all(&body[..sent])?;
    client.shutdown(Shutdown::Both)
}

fn decoded(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = chunks.windows(2).position(|two| two == b"\r\n") {
        let length = std::str::from_utf8(&chunks[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(length) = length.filter(|length| *length > 0) else { break };
        body.extend_from_slice(&chunks[end + 2..end + 2 + length]);
        chunks = &chunks[end + 4 + length..];
    }
    body
}
