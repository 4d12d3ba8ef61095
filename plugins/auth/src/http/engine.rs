//! The I/O thread: a current-thread runtime that nobody else drives.
//!
//! Measured: a multi-threaded runtime costs a hundred times the processor time for a stream of small events, and a
//! runtime driven by the caller polls no connection between two calls.

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use reqwest::Client;
use seqera_plugin_api::{Error, ErrorKind, Host, Result};
use tokio::runtime::{Builder, Handle};
use url::Url;

use super::failure::interrupted;
use super::trust::Trust;
use crate::authority::is_loopback;

/// The I/O thread and its clients.
pub(crate) struct Engine {
    runtime: Handle,
    host: Host,
    trust: Trust,
    direct: Client,
    proxied: Client,
}

impl Engine {
    /// Starts it.
    ///
    /// # Errors
    /// When the system gives no thread, or the settings of a proxy make no sense.
    pub(crate) fn start(host: &Host) -> Result<Self> {
        let failed =
            |reason: String| Error::new(ErrorKind::Failed, "cannot start the HTTP client").because(reason);
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(|e| failed(e.to_string()))?;
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name("seqera-io".to_owned())
            .spawn(move || runtime.block_on(std::future::pending::<()>()))
            .map_err(|error| failed(error.to_string()))?;
        let product = host.product()?;
        let agent = format!("{}/{} ({}; {})", product.name, product.version, product.os, product.arch);
        let trust = Trust::new(host.setting("ca_bundle").map(|bundle| bundle.value))?;
        let tls = trust.client_config()?;
        let builder = || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(Duration::from_secs(10))
                .tcp_nodelay(true)
                .user_agent(&agent)
        };
        let client =
            |builder: reqwest::ClientBuilder| builder.build().map_err(|error| failed(error.to_string()));
        Ok(Self {
            runtime: handle,
            host: host.clone(),
            direct: client(builder().no_proxy())?,
            proxied: client(builder())?,
            trust,
        })
    }

    /// The client for an address: a proxy has no way to this machine.
    pub(crate) fn client(&self, url: &Url) -> Client {
        if url.scheme() == "https" {
            self.trust.load_roots();
        }
        if is_loopback(url) { self.direct.clone() } else { self.proxied.clone() }
    }

    /// Starts work on the I/O thread.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> tokio::task::AbortHandle {
        self.runtime.spawn(work).abort_handle()
    }

    /// Does work on the I/O thread and waits for it, or for a signal.
    ///
    /// # Errors
    /// `Interrupted` after a signal, and what the work answers.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = mpsc::channel();
        let on_signal = sender.clone();
        let _guard = self.host.on_cancel(move |_| {
            let _done_already = on_signal.send(Err(interrupted()));
        });
        let task = self.answer_to(sender, work);
        let outcome = receiver.recv().unwrap_or_else(|_| Err(broke_off()));
        task.abort();
        outcome
    }

    /// As [`Engine::run`], but a signal has to wait: for work that must not be left half done.
    ///
    /// # Errors
    /// What the work answers.
    pub(crate) fn run_to_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = mpsc::channel();
        self.answer_to(sender, work);
        receiver.recv().unwrap_or_else(|_| Err(broke_off()))
    }

    fn answer_to<T: Send + 'static>(
        &self,
        sender: mpsc::Sender<Result<T>>,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> tokio::task::AbortHandle {
        let answer = Answer(sender);
        self.spawn(async move { answer.give(work.await) })
    }
}

/// Answers in any case: work that panics is dropped, and whoever waits must not wait for ever.
struct Answer<T>(mpsc::Sender<Result<T>>);

impl<T> Answer<T> {
    fn give(&self, outcome: Result<T>) {
        let _nobody_waits = self.0.send(outcome);
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        self.give(Err(broke_off()));
    }
}

fn broke_off() -> Error {
    Error::new(ErrorKind::Crashed, "a request of the sign-in broke off")
        .hint("This is a defect of seqera; please report it with the line above.")
}

#[cfg(test)]
mod tests {
    use seqera_plugin_api::testing::FakeHost;

    use super::*;

    #[test]
    fn work_that_panics_is_an_error_and_not_a_wait_without_end() {
        const PRODUCT: &str = r#"{"name":"seqera","version":"0.0.0","os":"linux","arch":"x86_64"}"#;
        let host = FakeHost::default().facts("product", PRODUCT).host();
        let engine = Engine::start(&host).unwrap();
        async fn panics() -> Result<()> {
            panic!("as a library may")
        }
        assert_eq!(engine.run(panics()).unwrap_err().kind(), ErrorKind::Crashed);
        assert_eq!(engine.run_to_end(panics()).unwrap_err().kind(), ErrorKind::Crashed);
        assert_eq!(engine.run(async { Ok(7) }).unwrap(), 7, "the others go on");
    }
}
