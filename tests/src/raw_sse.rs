//! A backend at the level of bytes: what a test wants on the wire, when it wants it.
//!
//! The emulator speaks the protocol well; this server does not have to. It answers the small requests of a headless run
//! and writes the event streams exactly as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A step of an event stream.
#[derive(Debug, Clone)]
pub enum Step {
    /// One write, one chunk of the body.
    Write(Vec<u8>),
    /// Each byte in a write of its own, the framing of the chunks included.
    ByteByByte(Vec<u8>),
    /// Nothing for a while.
    Pause(Duration),
    /// The body ends as it should.
    End,
    /// The connection is cut.
    Cut,
    /// Nothing comes any more, and the connection stays.
    Hold,
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub struct Answer {
    /// A part of method and path, with a blank at the end: `GET /v1/cli/skills `.
    pub request: String,
    /// `200 OK`
    pub status: &'static str,
    /// JSON.
    pub body: String,
}

/// The server; it stops when the process does.
pub struct RawSse {
    /// `http://127.0.0.1:PORT`
    pub address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RawSse {
    /// Serves these streams, one after the other; then none can be opened.
    ///
    /// # Errors
    /// When the system gives no port.
    pub fn start(streams: Vec<Vec<Step>>) -> std::io::Result<Self> {
        Self::start_with(streams, Vec::new())
    }

    /// The same, with answers of its own to requests that hold a text: the first that fits counts.
    ///
    /// # Errors
    /// As [`RawSse::start`].
    pub fn start_with(streams: Vec<Vec<Step>>, answers: Vec<Answer>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = format!("http://{}", listener.local_addr()?);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let streams = Arc::new(Mutex::new(streams.into_iter()));
        let seen = Arc::clone(&requests);
        let answers = Arc::new(answers);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, streams, answers) =
                    (Arc::clone(&seen), Arc::clone(&streams), Arc::clone(&answers));
                std::thread::spawn(move || {
                    let _client_went_away = serve(stream, &seen, &answers, || lock(&streams).next());
                });
            }
        });
        Ok(Self { address, requests })
    }

    /// Method and path of every request so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.requests).clone()
    }

    /// The paths of the event streams that were opened.
    #[must_use]
    pub fn streams(&self) -> Vec<String> {
        self.requests().into_iter().filter(|request| request.contains("/events")).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(
    stream: TcpStream,
    seen: &Mutex<Vec<String>>,
    answers: &[Answer],
    next: impl Fn() -> Option<Vec<Step>>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        lock(seen).push(request.clone());
        if let Some(fits) = answers.iter().find(|answer| format!("{request} ").contains(&answer.request)) {
            answer(&mut writer, fits.status, &fits.body)?;
            continue;
        }
        if request.contains("/events") {
            return match next() {
                Some(steps) => play(&mut writer, steps),
                None => answer(&mut writer, "503 Service Unavailable", "{}"),
            };
        }
        let body = if request.ends_with("/sessions") { r#"{"session_id":"raw"}"# } else { "{}" };
        answer(&mut writer, "200 OK", body)?;
    }
    Ok(())
}

/// Method and path; the body is read and dropped.
fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let mut words = first.split(' ');
    Ok(Some(format!("{} {}", words.next().unwrap_or_default(), words.next().unwrap_or_default())))
}

fn answer(writer: &mut impl Write, status: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        writer,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn play(writer: &mut TcpStream, steps: Vec<Step>) -> std::io::Result<()> {
    writer.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    )?;
    for step in steps {
        match step {
            Step::Write(bytes) => writer.write_all(&chunk(&bytes))?,
            Step::ByteByByte(bytes) => {
                for byte in chunk(&bytes) {
                    writer.write_all(&[byte])?;
                }
            }
            Step::Pause(duration) => std::thread::sleep(duration),
            Step::End => writer.write_all(b"0\r\n\r\n")?,
            Step::Cut => return writer.shutdown(std::net::Shutdown::Both),
            Step::Hold => {
                // Until the client goes away.
                let mut byte = [0];
                let _gone = writer.read(&mut byte);
                return Ok(());
            }
        }
    }
    Ok(())
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}
