//! One request and what it takes to have it answered: redirects, patience, credentials.

use super::address::Address;
use super::{Endpoint, Shared};
use crate::error::{Error, Result};
use crate::http::{Body, Header, Method, Request, Response};
use crate::job::{Answer, Desk, Outcome, Step};
use serde_json::Value;

/// Redirects of one request; browsers follow 20, registries use one.
const REDIRECTS: u32 = 10;
/// Bytes of an error that are read, and of what is shown of it.
const ERROR_BYTES: u64 = 64 << 10;
const SHOWN: usize = 400;
/// How often a registry is tried again that has never answered.
const FIRST_RETRIES: u32 = 2;
/// Milliseconds before something is tried again, doubled each time.
const PATIENCE: u64 = 250;
const MOST_PATIENCE: u64 = 10_000;
/// Seconds that a registry may ask us to stay away; more is an error that says so.
const LONGEST_RETRY_AFTER: u64 = 120;
/// Bytes of all warnings that are kept.
const WARNING_BYTES: usize = 16 << 10;

/// What is asked for.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) address: Address,
    pub(super) headers: Vec<Header>,
    pub(super) body: Body,
    /// The rights it takes.
    pub(super) scopes: Vec<String>,
    /// The most bytes of a good answer's body that are wanted at once; nothing when the body is ignored, or delivered.
    pub(super) most: Option<u64>,
    /// Whether it does no harm to ask twice.
    pub(super) again: bool,
    /// Whether the body is a secret, so that it must not follow a redirect to another origin.
    pub(super) is_secret: bool,
}

impl Ask {
    pub(super) fn new(method: Method, address: Address, scopes: &[String]) -> Self {
        let headers = Vec::new();
        Self {
            method,
            address,
            headers,
            body: Body::None,
            scopes: scopes.to_vec(),
            most: None,
            again: true,
            is_secret: false,
        }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    pub(super) fn read(self, most: u64) -> Self {
        Self { most: Some(most), ..self }
    }

    pub(super) fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    pub(super) fn once(self) -> Self {
        Self { again: false, ..self }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    /// The method and the first address, for messages.
    pub(super) request: String,
    /// The address that answered.
    pub(super) address: Address,
    pub(super) head: Response,
    /// The body, where it was to be read, or where it tells of an error.
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn status(&self) -> u16 {
        self.head.status
    }

    /// That it is no answer we can go on with.
    pub(super) fn refused(&self) -> Error {
        Error::Refused { request: self.request.clone(), reason: self.reason() }
    }

    pub(super) fn invalid(&self, reason: impl Into<String>) -> Error {
        Error::InvalidResponse { request: self.request.clone(), reason: reason.into() }
    }

    /// The status and what the registry says of it (W-40, W-42).
    pub(super) fn reason(&self) -> String {
        let mut reason = self.status().to_string();
        let errors = serde_json::from_slice::<Value>(&self.body).ok();
        let errors = errors.as_ref().and_then(|body| body.get("errors")).and_then(Value::as_array);
        let Some(errors) = errors else { return reason };
        for error in errors {
            let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
            let (code, message) = (text("code"), text("message"));
            let between = if code.is_empty() || message.is_empty() { "" } else { ": " };
            reason.push_str(&format!(" {code}{between}{message}"));
        }
        reason.chars().map(|character| if character.is_control() { ' ' } else { character }).take(SHOWN).collect()
    }

    /// Where the answer points to.
    pub(super) fn location(&self) -> Result<Address> {
        let location = self.head.header("location").ok_or_else(|| self.invalid("there is no Location"))?;
        self.address.follow(location)
    }
}

impl Shared {
    pub(super) async fn ping(&self, desk: &Desk, registry: &str) -> Result<Outcome> {
        let endpoint = self.endpoint(registry)?;
        let reply = self.exchange(desk, &endpoint, Ask::new(Method::Get, endpoint.root.clone(), &[])).await?;
        match reply.status() {
            200..300 => Ok(Outcome::Done),
            404 => Err(reply.invalid("there is no registry: 404 on /v2/")),
            _ => Err(reply.refused()),
        }
    }

    /// Asks, with the credentials that it takes.
    ///
    /// # Errors
    /// When nothing answers, when it does not let us in, or when an answer points where it must not. Every other answer is
    /// one, whatever its status.
    pub(super) async fn exchange(&self, desk: &Desk, endpoint: &Endpoint, ask: Ask) -> Result<Reply> {
        let reply = self.send(desk, endpoint, &ask, self.authorization(endpoint, &ask.scopes, desk.now())).await?;
        let reply = if reply.status() == 401 && reply.address.is_same_origin(&endpoint.root) {
            // H-07: once, or we would go round in circles.
            let authorization = self.authenticate(desk, endpoint, &ask.scopes, &reply).await?;
            self.send(desk, endpoint, &ask, Some(authorization)).await?
        } else {
            reply
        };
        match reply.status() {
            401 | 403 if reply.address.is_same_origin(&endpoint.root) => {
                self.forget(endpoint, &ask.scopes);
                Err(Error::Unauthorized { registry: endpoint.registry.clone(), reason: reply.reason() })
            }
            _ => Ok(reply),
        }
    }

    /// Asks until there is an answer, and follows where it points to. What authorizes goes to the origin of the endpoint
    /// alone (E-03, row 53).
    pub(super) async fn send(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        ask: &Ask,
        authorization: Option<String>,
    ) -> Result<Reply> {
        let request = format!("{} {}", ask.method.as_str(), ask.address.shown());
        let mut tries = 0;
        loop {
            let unreachable = |reason| Error::Unreachable { request: request.clone(), reason };
            let attempt = self.attempt(desk, endpoint, ask, authorization.as_deref(), &request).await?;
            // A registry that has never answered is not there, rather than busy.
            let is_known = self.state.borrow().answered.contains(&endpoint.registry);
            let most = if is_known { self.options.retries } else { self.options.retries.min(FIRST_RETRIES) };
            let may_try = ask.again && tries < most;
            let wait = match attempt {
                Attempt::Reply(reply) => {
                    self.state.borrow_mut().answered.insert(endpoint.registry.clone());
                    let is_passing = matches!(reply.status(), 408 | 429 | 500 | 502 | 503 | 504);
                    if !is_passing {
                        return Ok(reply);
                    }
                    let asked = retry_after(&reply.head);
                    if let Some(seconds) = asked.filter(|seconds| *seconds > LONGEST_RETRY_AFTER) {
                        return Err(unreachable(format!("{}; come back in {seconds} s", reply.reason())));
                    }
                    if !ask.again || tries >= self.options.retries {
                        return if ask.again { Err(unreachable(reply.reason())) } else { Ok(reply) };
                    }
                    asked.map_or(0, |seconds| seconds * 1000).max(self.back_off(tries))
                }
                Attempt::Failed { reason, is_final } if is_final || !may_try => return Err(unreachable(reason)),
                Attempt::Failed { .. } => self.back_off(tries),
            };
            desk.ask(Step::Wait(wait)).await;
            tries += 1;
        }
    }

    async fn attempt(
        &self,
        desk: &Desk,
        endpoint: &Endpoint,
        ask: &Ask,
        authorization: Option<&str>,
        request: &str,
    ) -> Result<Attempt> {
        let (mut address, mut method, mut body) = (ask.address.clone(), ask.method, ask.body.clone());
        for _ in 0..=REDIRECTS {
            let mut headers = ask.headers.clone();
            if let Some(value) = authorization.filter(|_| address.is_same_origin(&endpoint.root)) {
                headers.push(("Authorization".to_owned(), value.to_owned()));
            }
            let url = address.as_str().to_owned();
            let head = match desk.ask(Step::Send(Request { method, url, headers, body: body.clone() })).await {
                Answer::Response(head) => head,
                Answer::Failed { reason, is_final } => return Ok(Attempt::Failed { reason, is_final }),
                _ => return Err(Error::InvalidState { reason: "a request is answered by a response" }),
            };
            if let Some(url) = &head.url {
                address = address.follow(url)?;
            }
            self.warned(&head);
            if let (301 | 302 | 303 | 307 | 308, Some(location)) = (head.status, head.header("location")) {
                let target = address.follow(location)?;
                if ask.is_secret && !target.is_same_origin(&address) {
                    let reason = "a secret does not follow a redirect to another host";
                    return Err(Error::InsecureLocation { location: target.shown(), reason });
                }
                address = target;
                if head.status == 303 {
                    (method, body) = (Method::Get, Body::None);
                }
                continue;
            }
            let mut reply = Reply { request: request.to_owned(), address, head, body: Vec::new() };
            let most = if reply.head.is_success() { ask.most } else { Some(ERROR_BYTES) };
            if let Some(most) = most.filter(|_| method != Method::Head) {
                match desk.ask(Step::Read(most)).await {
                    Answer::Bytes(bytes) if bytes.len() as u64 > most && reply.head.is_success() => {
                        return Err(reply.invalid(format!("the answer has more than {most} bytes")));
                    }
                    Answer::Bytes(bytes) => reply.body = bytes,
                    // What an error says is a courtesy.
                    Answer::Failed { .. } if !reply.head.is_success() => {}
                    Answer::Failed { reason, is_final } => return Ok(Attempt::Failed { reason, is_final }),
                    _ => return Err(Error::InvalidState { reason: "a body is read, or fails" }),
                }
            }
            return Ok(Attempt::Reply(reply));
        }
        let reason = format!("it redirects more than {REDIRECTS} times");
        Err(Error::InvalidResponse { request: request.to_owned(), reason })
    }

    /// Milliseconds to wait before the next try: twice as long each time, and never the same for two clients.
    pub(super) fn back_off(&self, tries: u32) -> u64 {
        let mut state = self.state.borrow_mut();
        // xorshift64 (Marsaglia 2003): nothing here has to be unpredictable.
        state.random ^= state.random << 13;
        state.random ^= state.random >> 7;
        state.random ^= state.random << 17;
        let patience = PATIENCE.saturating_mul(1 << tries.min(16)).min(MOST_PATIENCE);
        patience / 2 + state.random % patience
    }

    /// W-44, W-45.
    fn warned(&self, head: &Response) {
        for value in head.values("warning") {
            let Some(text) = value.strip_prefix("299 ").and_then(|rest| rest.split_once(' ')) else { continue };
            let Some((text, _)) = crate::http::word(text.1) else { continue };
            let warnings = &mut self.state.borrow_mut().warnings;
            let bytes: usize = warnings.iter().map(String::len).sum();
            if !warnings.contains(&text) && bytes + text.len() <= WARNING_BYTES {
                warnings.push(text);
            }
        }
    }

    pub(super) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.state.borrow_mut().warnings)
    }
}

enum Attempt {
    Reply(Reply),
    Failed { reason: String, is_final: bool },
}

/// Seconds to stay away (RFC 9110 section 10.2.3): a number, or a date, which is compared with the server's own clock.
fn retry_after(head: &Response) -> Option<u64> {
    let value = head.header("retry-after")?;
    if let Ok(seconds) = value.parse() {
        return Some(seconds);
    }
    let then = httpdate::parse_http_date(value).ok()?;
    let now = httpdate::parse_http_date(head.header("date")?).ok()?;
    Some(then.duration_since(now).map_or(0, |left| left.as_secs()))
}
