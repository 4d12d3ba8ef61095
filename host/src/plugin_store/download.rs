//! Downloads, through the service `platform-http@1`: the host has no TLS of its own. No bearer goes along.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use seqera_plugin_abi::service::Service;
use seqera_plugin_abi::service::platform_http::{ExchangeBox, HttpRequest, PlatformHttpBox};
use seqera_plugin_abi::{RErr, ROk, ROption, RResult, RVec};

use super::address::{self, join, shown};
use crate::broker::Broker;
use crate::error::{Code, Error, Result};
use crate::output;

/// A file server that moves a file more often than that has lost it.
const MAX_REDIRECTS: usize = 5;
/// Without a byte for so long the connection is dead.
const IDLE_MS: u64 = 30_000;

/// Gets files from other machines. The service is looked up when the first file is wanted.
pub struct Downloads {
    broker: Arc<Broker>,
}

impl Downloads {
    /// Nothing is loaded yet.
    pub fn new(broker: Arc<Broker>) -> Self {
        Self { broker }
    }

    /// Writes what `url` answers into `file`, and tells how far it is on a terminal.
    ///
    /// # Errors
    /// `Unreachable`, `Unexpected` (another status than 200, or more than `limit` bytes).
    pub fn to_file(&self, url: &str, file: &mut File, limit: u64) -> Result<()> {
        let mut body = self.open(url)?;
        let mut progress = Progress::new(&shown(url), body.length);
        let mut count = 0;
        while let Some(bytes) = body.next()? {
            count += bytes.len() as u64;
            if count > limit {
                return Err(unexpected(url, &format!("it is larger than {} MB", limit >> 20)));
            }
            file.write_all(&bytes).map_err(|error| {
                Error::new(Code::Failed, format!("cannot save {}", shown(url))).because(error)
            })?;
            progress.show(count);
        }
        Ok(())
    }

    /// The whole answer of `url`.
    ///
    /// # Errors
    /// As [`to_file`](Self::to_file).
    pub fn to_memory(&self, url: &str, limit: u64) -> Result<Vec<u8>> {
        let mut body = self.open(url)?;
        let mut all = Vec::new();
        while let Some(bytes) = body.next()? {
            all.extend_from_slice(&bytes);
            if all.len() as u64 > limit {
                return Err(unexpected(url, &format!("it is larger than {} MB", limit >> 20)));
            }
        }
        Ok(all)
    }

    fn open(&self, url: &str) -> Result<Body> {
        // What the user typed was checked when it was read; an index may name an archive elsewhere.
        address::check(url).map_err(|problem| unexpected(url, problem))?;
        let http = self.service()?;
        let mut address = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let mut exchange = answer(http.open(request(&address)))?;
            let head = answer(exchange.head())?;
            let header = |name: &str| head.headers.iter().find(|pair| pair.0 == name).map(|pair| &*pair.1);
            match head.status {
                200 => {
                    let length = header("content-length").and_then(|text| text.parse().ok());
                    return Ok(Body { exchange, length });
                }
                301 | 302 | 303 | 307 | 308 => {
                    let target = header("location")
                        .ok_or_else(|| unexpected(url, "it leads elsewhere without saying where"))?;
                    let next = join(&address, target);
                    address::check_redirect(&address, &next).map_err(|problem| {
                        unexpected(url, problem).because(format!("it leads to {}", shown(&next)))
                    })?;
                    address = next;
                }
                status => {
                    let error = unexpected(&address, &format!("the server answered {status}"));
                    return Err(if status == 404 { error.hint("Is the address right?") } else { error });
                }
            }
        }
        Err(unexpected(url, &format!("it leads elsewhere more than {MAX_REDIRECTS} times")))
    }

    fn service(&self) -> Result<PlatformHttpBox> {
        match self.broker.own_service("platform-http", 1)?.into_enum() {
            Ok(Service::PlatformHttp(http)) => Ok(http),
            _ => Err(Error::new(Code::NoProvider, "the provider of platform-http@1 provides something else")),
        }
    }
}

struct Body {
    exchange: ExchangeBox,
    length: Option<u64>,
}

impl Body {
    fn next(&mut self) -> Result<Option<RVec<u8>>> {
        const PART: usize = 256 << 10;
        let bytes = answer(self.exchange.read(PART))?;
        Ok(if bytes.is_empty() { None } else { Some(bytes) })
    }
}

fn answer<T>(result: RResult<T, seqera_plugin_abi::PluginError>) -> Result<T> {
    match result {
        ROk(value) => Ok(value),
        RErr(error) => Err(error.into()),
    }
}

fn request(url: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".into(),
        url: url.into(),
        headers: RVec::new(),
        body: RVec::new(),
        timeout_ms: ROption::RNone,
        idle_timeout_ms: ROption::RSome(IDLE_MS),
        with_bearer: false,
        ext: RVec::new(),
    }
}

fn unexpected(url: &str, problem: &str) -> Error {
    Error::new(Code::Unexpected, format!("{} cannot be downloaded", shown(url))).because(problem)
}

/// A line on a terminal that says how far a download is.
struct Progress {
    name: String,
    length: Option<u64>,
    shown_at: Option<Instant>,
    is_shown: bool,
}

impl Progress {
    fn new(url: &str, length: Option<u64>) -> Self {
        let name = url.trim_end_matches('/').rsplit('/').next().unwrap_or(url);
        let name = output::one_line(name);
        Self { name, length, shown_at: None, is_shown: output::facts().stderr_terminal }
    }

    fn show(&mut self, count: u64) {
        const PAUSE: Duration = Duration::from_millis(100);
        if !self.is_shown || self.shown_at.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        self.shown_at = Some(Instant::now());
        output::people(&format!("\r\x1b[KDownloading {}  {}", self.name, progress_text(count, self.length)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown_at.is_some() {
            output::people("\r\x1b[K");
        }
    }
}

fn progress_text(count: u64, length: Option<u64>) -> String {
    let megabytes = |bytes: u64| format!("{}.{}", bytes / 1_000_000, bytes % 1_000_000 / 100_000);
    match length {
        Some(length) if length > 0 => {
            let percent = count.saturating_mul(100) / length;
            format!("{} of {} MB ({percent} %)", megabytes(count), megabytes(length))
        }
        _ => format!("{} MB", megabytes(count)),
    }
}

/// Rewinds a file that was written.
///
/// # Errors
/// Those of the file system.
pub fn finished(mut file: File) -> io::Result<File> {
    use std::io::Seek;
    file.sync_all()?;
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_megabytes() {
        assert_eq!(progress_text(1_250_000, Some(5_000_000)), "1.2 of 5.0 MB (25 %)");
        assert_eq!(progress_text(90_000, None), "0.0 MB");
    }
}
