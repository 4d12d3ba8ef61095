//! A web server for the files of a directory.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// It listens on this machine, and ends with the process.
///
/// `moved/PATH` leads to PATH, `odd/PATH` too, with a question as some servers write it, `away/PATH` to another machine without https, `guised/PATH` too, by an address that begins
/// like one of this machine, `down/PATH` to this machine without https, and `slow/PATH` takes its time. What follows a
/// question mark is all the same.
pub(super) struct FileServer {
    pub(super) url: String,
    pub(super) requests: Arc<Mutex<Vec<String>>>,
}

impl FileServer {
    /// Over http.
    pub(super) fn start(root: &Path) -> Self {
        Self::serve("http", root, |mut stream, root, seen| {
            respond(&mut stream, root, seen);
            let mut rest = Vec::new();
            let _closed =
                stream.shutdown(std::net::Shutdown::Write).and_then(|()| stream.read_to_end(&mut rest));
        })
    }

    /// Over https, with a certificate of an authority that is written into `authority`.
    pub(super) fn start_encrypted(root: &Path, authority: &Path) -> Self {
        let config = Arc::new(encryption(authority));
        Self::serve("https", root, move |stream, root, seen| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            if stream.conn.complete_io(&mut stream.sock).is_ok() {
                respond(&mut stream, root, seen);
            }
            stream.conn.send_close_notify();
            let _gone = stream.flush();
        })
    }

    fn serve(
        scheme: &str,
        root: &Path,
        answer: impl Fn(TcpStream, &Path, &Mutex<Vec<String>>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://{}/", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (root, seen, answer) = (root.to_owned(), Arc::clone(&requests), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, seen, answer) = (root.clone(), Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || answer(stream, &root, &seen));
            }
        });
        Self { url, requests }
    }
}

fn encryption(file: &Path) -> ServerConfig {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(file, authority.self_signed(&authority_key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key.into())
        .unwrap()
}

/// Answers one request. That somebody went away meanwhile is no failure of the server.
fn respond<S: Read + Write>(stream: &mut S, root: &Path, seen: &Mutex<Vec<String>>) {
    let mut head = String::new();
    let mut reader = BufReader::new(&mut *stream);
    while reader.read_line(&mut head).is_ok_and(|count| count > 2) {}
    seen.lock().unwrap().push(head.clone());
    let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let target = path.split_once('/').and_then(|(place, path)| match place {
        "moved" => Some(format!("/{path}")),
        "odd" => Some(format!("/{path}?name=a b|{{é}}")),
        "away" => Some(format!("http://plugins.example/{path}")),
        "guised" => Some(format!("http://localhost:x@plugins.example/{path}")),
        "down" => Some(format!("http://127.0.0.1:1/{path}")),
        _ => None,
    });
    if let Some(target) = target {
        let head = format!(
            "HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let _gone = stream.write_all(head.as_bytes()).and_then(|()| stream.flush());
        return;
    }
    let (pause, path) = match path.strip_prefix("slow/") {
        Some(path) => (Duration::from_millis(150), path.to_owned()),
        None => (Duration::ZERO, path),
    };
    let file = root.join(decoded(path.split('?').next().unwrap_or_default()));
    let (status, body) = match fs::read(file) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", b"<html>nothing here</html>".to_vec()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _gone = stream.write_all(head.as_bytes());
    for part in body.chunks(body.len().div_ceil(4).max(1)) {
        let _gone = stream.write_all(part).and_then(|()| stream.flush());
        std::thread::sleep(pause);
    }
}

/// With the octets that `%XX` stands for.
fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}
