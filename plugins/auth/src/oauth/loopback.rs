//! The loopback redirect (RFC 8252 section 7.3): a listener on 127.0.0.1 that waits for one answer.
//!
//! Any page in any browser of this machine can send requests here, so nothing but the answer to *our* request ends the
//! wait: a wrong state, another path, another host name, an idle or endless connection each get their refusal and
//! change nothing. The page is sent after the code was exchanged, and tells the truth.

use std::net::TcpListener as StdListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use seqera_plugin_api::{Error, ErrorKind, Host, Result, Secret, printable, status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use url::Url;

use crate::http::Engine;
use crate::sign_in::holder_of;

/// How many ports are tried from the first one on.
const PORTS: u16 = 10;
/// Longest request head, in bytes. Browsers send the cookies of everything that ever ran at 127.0.0.1.
const HEAD_LIMIT: usize = 64 * 1024;
/// The first byte of a browser that speaks TLS (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;
/// Longest time for a browser to send its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// The answer to our request.
pub(crate) struct Callback {
    /// The code, or what the server says instead.
    pub(crate) outcome: Result<Secret>,
    /// Who says it (RFC 9207).
    pub(crate) issuer: Option<String>,
    respond: Option<Responder>,
}

/// What ends the wait.
pub(crate) enum Event {
    /// The answer came, through the browser or from the keyboard.
    Callback(Callback),
    /// A signal asked us to stop.
    Cancelled,
}

/// What the browser shows in the end.
pub(crate) enum Page {
    /// Nothing yet: it is sent to the authority once more.
    Again(Url),
    Success,
    Failure,
    /// The request was none of ours.
    Refused,
}

struct Responder {
    page: oneshot::Sender<Page>,
    written: mpsc::Receiver<()>,
}

/// The listener; it closes when this is dropped.
pub(crate) struct LoopbackListener {
    port: u16,
    listener: Option<StdListener>,
    task: Option<tokio::task::AbortHandle>,
}

impl LoopbackListener {
    /// Takes a port: `wanted` or the one that a setting fixes, else the first of ten that is free, else any. Where
    /// `offers_device`, a person is told that there is a way without a port.
    ///
    /// # Errors
    /// `Config` when the port that the user fixed is taken.
    pub(crate) fn bind(host: &Host, wanted: Option<u16>, offers_device: bool) -> Result<Self> {
        let without = if offers_device { ", or run `seqera login --device`" } else { "" };
        let taken = |port: u16, error: std::io::Error| port_taken(port, &error, without);
        let (first, is_fixed) = match wanted {
            Some(port) => (port, true),
            None => configured_port(host)?,
        };
        let bind = |port: u16| StdListener::bind(("127.0.0.1", port));
        if is_fixed {
            let listener = bind(first).map_err(|error| taken(first, error))?;
            say_who_listens_beside(host, first);
            return Ok(Self::new(first, listener));
        }
        let mut ports = (0..PORTS).filter_map(|offset| first.checked_add(offset));
        let found = ports.find_map(|port| bind(port).ok());
        let listener = found.map_or_else(|| bind(0).map_err(|error| taken(first, error)), Ok)?;
        let port = listener.local_addr().map_or(0, |address| address.port());
        if port != first {
            // A server that compares ports will refuse this one, and never send the browser back.
            let holder = holder_of(first).map_or_else(String::new, |holder| format!(" ({holder})"));
            status!(
                host,
                "[Login] Port {first} is used by another program{holder}; using {port}. If the server refuses it, free the \
                 port or set SEQERA_AUTH_REDIRECT_PORT to one that it knows{without}."
            );
        }
        say_who_listens_beside(host, port);
        Ok(Self::new(port, listener))
    }

    fn new(port: u16, listener: StdListener) -> Self {
        Self { port, listener: Some(listener), task: None }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Begins to listen; `takes` tells whether a state is that of our request, and takes it once.
    ///
    /// # Errors
    /// When the system takes the listener back.
    pub(crate) fn listen(
        &mut self,
        host: &Host,
        engine: &Engine,
        events: mpsc::Sender<Event>,
        takes: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Result<()> {
        let Some(listener) = self.listener.take() else { return Ok(()) };
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Failed, "cannot wait for the browser").caused_by(&error)
        };
        listener.set_nonblocking(true).map_err(failed)?;
        let desk = Arc::new(Desk {
            host: host.clone(),
            port: self.port,
            events,
            takes: Box::new(takes),
            has_said_https: AtomicBool::new(false),
        });
        self.task = Some(engine.spawn(async move {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(tokio::time::timeout(PATIENCE * 6, Arc::clone(&desk).serve(stream)));
                } else {
                    // Out of descriptors: let those that are open end.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }));
        Ok(())
    }
}

impl Drop for LoopbackListener {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Callback {
    /// Shows the browser how it ended, if there is one, and waits until it was told.
    pub(crate) fn respond(&mut self, page: Page) {
        let Some(responder) = self.respond.take() else { return };
        if responder.page.send(page).is_ok() {
            let _gone = responder.written.recv_timeout(Duration::from_secs(1));
        }
    }

    /// The answer in a callback address that a person pasted; `None` when it is not the answer to our request. Some
    /// browsers leave the scheme out of what is copied, and some people put quotes around it.
    pub(crate) fn from_pasted(text: &str, takes: impl FnOnce(&str) -> bool) -> Option<Self> {
        let (_, query) =
            text.trim_matches(|c: char| c.is_whitespace() || "'\"<>".contains(c)).split_once('?')?;
        Self::from_query(query.split('#').next()?, takes)
    }

    /// `takes` tells whether a state is that of our request, which has one answer. It is asked last.
    fn from_query(query: &str, takes: impl FnOnce(&str) -> bool) -> Option<Self> {
        let value = |name: &str| {
            let mut pairs = url::form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let outcome = match (value("error"), value("code").filter(|code| !code.is_empty())) {
            (Some(code), _) => Err(declined(&code, value("error_description").as_deref())),
            (None, Some(code)) => Ok(Secret::new(code)),
            (None, None) => return None,
        };
        let is_ours = value("state").is_some_and(|state| takes(&state));
        is_ours.then(|| Self { outcome, issuer: value("iss"), respond: None })
    }
}

fn declined(code: &str, description: Option<&str>) -> Error {
    let said = description.map(|text| format!("{}: {}", printable(code), printable(text)));
    let said = said.unwrap_or_else(|| printable(code).into_owned());
    if code == "access_denied" {
        return Error::new(ErrorKind::SignInNeeded, "sign-in was declined in the browser")
            .because(said)
            .with("kind", "Denied");
    }
    Error::new(ErrorKind::SignInNeeded, "the server did not sign you in").because(said)
}

/// The first port of the settings, and whether somebody fixed it.
fn configured_port(host: &Host) -> Result<(u16, bool)> {
    let setting = host.setting("auth_redirect_port");
    let is_fixed = setting.as_ref().is_some_and(|setting| setting.origin != "default");
    let text = setting.map(|setting| setting.value).unwrap_or_default();
    let port = text.trim().parse().ok().filter(|port| *port != 0).ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            format!("SEQERA_AUTH_REDIRECT_PORT is not a port: {}", printable(&text)),
        )
    })?;
    Ok((port, is_fixed))
}

/// A program on the same port of the other loopback address would get what a browser sends to `localhost`.
fn say_who_listens_beside(host: &Host, port: u16) {
    let is_in_use = |error: &std::io::Error| error.kind() == std::io::ErrorKind::AddrInUse;
    if StdListener::bind(("::1", port)).is_err_and(|error| is_in_use(&error)) {
        status!(
            host,
            "[Login] Another program listens on [::1]:{port}; the browser has to come to 127.0.0.1:{port}."
        );
    }
}

fn port_taken(port: u16, error: &std::io::Error, without: &str) -> Error {
    let failed =
        Error::new(ErrorKind::Config, format!("port {port} cannot be used for the sign-in callback"))
            .with("kind", "PortBusy");
    match holder_of(port) {
        Some(holder) => failed.because(format!("another program has it: {holder}")),
        None => failed.caused_by(error),
    }
    .hint(format!("Choose another with --port or SEQERA_AUTH_REDIRECT_PORT, leave it open{without}."))
}

/// Where browsers come in.
struct Desk {
    host: Host,
    port: u16,
    events: mpsc::Sender<Event>,
    takes: Box<dyn Fn(&str) -> bool + Send + Sync>,
    has_said_https: AtomicBool,
}

impl Desk {
    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let head = tokio::time::timeout(PATIENCE, read_head(&mut stream)).await.ok().flatten();
        let Some(head) = head else { return reply(&mut stream, 400, Page::Refused).await };
        if head.first() == Some(&HANDSHAKE) {
            return self.say_https();
        }
        let mut callback = match self.read(&head) {
            Ok(callback) => callback,
            Err(status) => return reply(&mut stream, status, Page::Refused).await,
        };
        let (page, chosen) = oneshot::channel();
        let (done, written) = mpsc::channel();
        callback.respond = Some(Responder { page, written });
        if self.events.send(Event::Callback(callback)).is_err() {
            return;
        }
        match chosen.await.unwrap_or(Page::Failure) {
            Page::Again(url) => send_to(&mut stream, &url).await,
            Page::Success => reply(&mut stream, 200, Page::Success).await,
            page => reply(&mut stream, 400, page).await,
        }
        let _nobody_waits = done.send(());
    }

    /// Some browsers make every address one of https, and show nothing but that it fails.
    fn say_https(&self) {
        if !self.has_said_https.swap(true, Ordering::SeqCst) {
            status!(
                self.host,
                "[Login] The browser came with https, which is not spoken here: let its address begin with \
                 http://127.0.0.1:{}/, or paste it here.",
                self.port
            );
        }
    }

    /// The callback in a request head, or the status that refuses it.
    fn read(&self, head: &[u8]) -> Result<Callback, u16> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        request.parse(head).map_err(|_| 400_u16)?;
        let target = request.path.unwrap_or_default();
        let url = Url::parse("http://127.0.0.1").and_then(|base| base.join(target)).map_err(|_| 400_u16)?;
        if url.path() != "/callback" {
            return Err(404);
        }
        if request.method != Some("GET") {
            return Err(405);
        }
        // A page that rebinds its name to this machine still sends its own name.
        let names = [format!("127.0.0.1:{}", self.port), format!("localhost:{}", self.port)];
        let host = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"));
        if !host.is_some_and(|host| names.iter().any(|name| name.as_bytes() == host.value)) {
            return Err(400);
        }
        Callback::from_query(url.query().unwrap_or_default(), |state| (self.takes)(state)).ok_or(400)
    }
}

/// Reads up to the empty line, or what shows that there will be none; `None` for a head that is too long or ends early.
async fn read_head(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let mut part = [0; 2048];
        let count = stream.read(&mut part).await.ok()?;
        head.extend_from_slice(&part[..count]);
        if head.first() == Some(&HANDSHAKE) || head.windows(4).any(|window| window == b"\r\n\r\n") {
            return Some(head);
        }
        if count == 0 || head.len() > HEAD_LIMIT {
            return None;
        }
    }
}

/// A redirect; the URL is as `Url` writes it, without line ends.
async fn send_to(stream: &mut TcpStream, url: &Url) {
    let response = format!(
        "HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
    );
    let _gone = stream.write_all(response.as_bytes()).await;
    let _gone = stream.shutdown().await;
}

async fn reply(stream: &mut TcpStream, status: u16, page: Page) {
    let (title, text) = match page {
        Page::Success => ("You are signed in", "You can close this page and go back to the terminal."),
        Page::Failure => {
            ("You are not signed in", "The terminal says what went wrong. You can close this page.")
        }
        Page::Refused | Page::Again(_) => {
            ("Nothing to see here", "This is not the answer that the terminal is waiting for.")
        }
    };
    let body = include_str!("../../assets/page.html").replace("{title}", title).replace("{text}", text);
    let response = format!(
        "HTTP/1.1 {status} {}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n\
         Connection: close\r\n\r\n{body}",
        if status == 200 { "OK" } else { "Refused" },
        body.len()
    );
    let _gone = stream.write_all(response.as_bytes()).await;
    let _gone = stream.shutdown().await;
}
