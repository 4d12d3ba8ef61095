//! An HTTP proxy (CONNECT, RFC 9110 section 9.3.6) on loopback: whatever host it is asked for, it leads to this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A running proxy; its thread ends with the process.
pub struct Proxy {
    /// `127.0.0.1:PORT`
    pub address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts one. With `credentials` (`USER:PASSWORD` in base64) nobody else gets through.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start(credentials: Option<&str>) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, wanted) = (Arc::clone(&asked), credentials.map(str::to_owned));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (log, wanted) = (Arc::clone(&log), wanted.clone());
                std::thread::spawn(move || serve(client, wanted.as_deref(), &log));
            }
        });
        Ok(Self { address, asked })
    }

    /// The request lines so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(client: TcpStream, credentials: Option<&str>, log: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    log.lock().unwrap_or_else(PoisonError::into_inner).push(line.trim().to_owned());
    let mut is_allowed = credentials.is_none();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        let value = header.split_once(':').map(|(_, value)| value.trim());
        let is_credentials = header.to_ascii_lowercase().starts_with("proxy-authorization:");
        is_allowed |= is_credentials && value == credentials.map(|text| format!("Basic {text}")).as_deref();
    }
    let mut writer = client.try_clone().ok()?;
    let port = line.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()?.rsplit(':').next());
    let server = match port {
        _ if !is_allowed => Err("407 Proxy Authentication Required"),
        Some(port) => TcpStream::connect(format!("127.0.0.1:{port}")).map_err(|_| "502 Bad Gateway"),
        None => Err("405 Method Not Allowed"),
    };
    let server = match server {
        Ok(server) => server,
        Err(status) => return write!(writer, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").ok(),
    };
    writer.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
    let (from_server, to_client) = (server.try_clone().ok()?, writer);
    std::thread::spawn(move || carry(from_server, to_client));
    carry(reader, server);
    Some(())
}

fn carry(mut from: impl Read, mut to: TcpStream) {
    let _either_end = std::io::copy(&mut from, &mut to);
    let _closed_already = to.shutdown(Shutdown::Write);
}
