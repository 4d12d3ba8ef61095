//! `platform-http@1`

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use seqera_plugin_api::service::{
    AccessToken, Authorization, Consumer, Exchange, HttpRequest, PlatformHttp, TokenProvider, TokenRequest,
};
use seqera_plugin_api::{Error, ErrorKind, Host, Result, Secret};
use url::Url;

use crate::authority::{Authority, backend, host_name, is_secure};
use crate::http::{Arrived, Attempt, Engine, HttpExchange, Shared, interrupted};
use crate::session::Sessions;

/// Longest wait for a head when the caller sets none.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Requests with the session's bearer, on behalf of one consumer.
pub(crate) struct BearerHttp {
    sessions: Arc<Sessions>,
    consumer: Consumer,
}

impl BearerHttp {
    pub(crate) fn new(sessions: Arc<Sessions>, consumer: Consumer) -> Self {
        Self { sessions, consumer }
    }

    /// Whether the bearer may go there: before a byte is sent.
    fn check_destination(&self, url: &Url) -> Result<()> {
        if !self.consumer.audiences.contains(&TokenRequest::default().audience) {
            let plugin = &self.consumer.plugin;
            return Err(Error::new(
                ErrorKind::Denied,
                format!("the plugin {plugin} may not use your sign-in"),
            )
            .because("its manifest does not ask for that, or it was not granted")
            .hint(format!("If you trust it, run `seqera plugin grants allow {plugin}`."))
            .hint("`seqera plugin grants list` shows what is granted."));
        }
        let host = self.sessions.host();
        let is_platform = || -> Result<bool> {
            Ok(url.origin() == backend(host)?.origin()
                || Authority::configured(host)
                    .is_ok_and(|authority| authority.url().origin() == url.origin()))
        };
        let is_granted = || {
            let name = url.host_str().unwrap_or_default();
            url.scheme() == "https" && self.consumer.hosts.iter().any(|granted| granted == name)
        };
        if is_secure(url) && (is_platform()? || is_granted()) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Denied,
            format!("the plugin {} may not send your sign-in to {}", self.consumer.plugin, host_name(url)),
        )
        .because("it goes to the backend and the authority that are configured, and to hosts that you granted the plugin")
        .hint("Nothing was sent."))
    }
}

impl PlatformHttp for BearerHttp {
    fn open(&self, request: HttpRequest) -> Result<Box<dyn Exchange>> {
        let url = Url::parse(&request.url)
            .ok()
            .filter(|url| url.host().is_some() && matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| Error::new(ErrorKind::Usage, format!("{} is not a URL", request.url)))?;
        let with_bearer = request.authorization == Authorization::Bearer;
        if with_bearer {
            self.check_destination(&url)?;
        }
        let host = self.sessions.host().clone();
        let call = Call { url, headers: headers(&host, &request)?, request, engine: self.sessions.engine()? };
        let shared = Arc::new(Shared::default());
        let exchange = HttpExchange::new(Arc::clone(&shared));
        if with_bearer {
            // A renewal may block: it does so on a thread of its own, so that `open` does not and a cancel gets through.
            std::thread::Builder::new()
                .name("seqera-request".to_owned())
                .spawn(move || call.with_bearer(&host, &shared))
                .map_err(|error| Error::new(ErrorKind::Failed, "cannot start a request").caused_by(&error))?;
        } else {
            call.start(None, &shared, Some)?;
        }
        Ok(Box::new(exchange))
    }
}

/// A request on its way.
struct Call {
    url: Url,
    headers: HeaderMap,
    request: HttpRequest,
    engine: Arc<Engine>,
}

impl Call {
    /// Gets a token of whoever provides them, and sends; after a 401 gets another and sends once more.
    fn with_bearer(self, host: &Host, shared: &Arc<Shared>) {
        let sent = host.token_provider().and_then(|provider| {
            let token = provider.token(&TokenRequest::default())?;
            self.try_twice(provider.as_ref(), token, shared)
        });
        if let Err(error) = sent {
            shared.fail(error);
        }
    }

    fn try_twice(
        &self,
        provider: &dyn TokenProvider,
        token: AccessToken,
        shared: &Arc<Shared>,
    ) -> Result<()> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let is_refusal = self.start(Some(&token.bearer), shared, move |arrived| {
            if arrived.status() != 401 {
                return Some(arrived);
            }
            // The reader sees this head only if there is no better token.
            let _waits = sender.send(arrived);
            None
        });
        let Ok(refusal) = is_refusal.and_then(|()| receiver.recv().map_err(|_| interrupted())) else {
            return Ok(());
        };
        provider.invalidate(&token)?;
        match provider.token(&TokenRequest::default()) {
            Ok(fresh) if fresh.bearer != token.bearer => self.start(Some(&fresh.bearer), shared, Some),
            Err(error) => Err(error),
            Ok(_same) => {
                let reader = Arc::clone(shared);
                shared.owns(self.engine.spawn(refusal.pump(reader)));
                Ok(())
            }
        }
    }

    /// Sends once. `accept` gets the head and gives it back if the reader shall have it.
    fn start(
        &self,
        bearer: Option<&Secret>,
        shared: &Arc<Shared>,
        accept: impl FnOnce(Arrived) -> Option<Arrived> + Send + 'static,
    ) -> Result<()> {
        if shared.is_cancelled() {
            return Err(interrupted());
        }
        let attempt = Attempt {
            url: self.url.clone(),
            request: self.build(bearer)?,
            head_timeout: self.request.timeout_ms.map_or(HEAD_TIMEOUT, Duration::from_millis),
            idle_timeout: self.request.idle_timeout_ms.map(Duration::from_millis),
        };
        let task = {
            let shared = Arc::clone(shared);
            self.engine.spawn(async move {
                match attempt.send().await {
                    Ok(arrived) => {
                        if let Some(arrived) = accept(arrived) {
                            arrived.pump(shared).await;
                        }
                    }
                    Err(error) => shared.fail(error),
                }
            })
        };
        shared.owns(task);
        Ok(())
    }

    fn build(&self, bearer: Option<&Secret>) -> Result<RequestBuilder> {
        let wrong = |what: &str| Error::new(ErrorKind::Usage, format!("{what} cannot be sent"));
        let method = Method::from_bytes(self.request.method.as_bytes()).map_err(|_| wrong("the method"))?;
        let mut headers = self.headers.clone();
        if let Some(bearer) = bearer {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", bearer.expose()))
                .map_err(|_| wrong("the token"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let builder = self.engine.client(&self.url).request(method, self.url.clone()).headers(headers);
        let has_body = !self.request.body.is_empty();
        Ok(if has_body { builder.body(self.request.body.clone()) } else { builder })
    }
}

/// The caller's headers, without those that are ours to set.
fn headers(host: &Host, request: &HttpRequest) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let wrong = || Error::new(ErrorKind::Usage, format!("the header {name} cannot be sent"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        if name != AUTHORIZATION {
            headers.append(name, HeaderValue::from_str(value).map_err(|_| wrong())?);
        }
    }
    if let Ok(version) = HeaderValue::from_str(&host.product()?.version) {
        headers.insert("x-client-version", version);
    }
    Ok(headers)
}
