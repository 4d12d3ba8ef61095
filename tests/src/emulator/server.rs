//! Connections, routes, faults and the log around them.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::faults::Fault;
use super::http::{Request, Response, detail, redirect, with_type};
use super::state::State;
use super::{backend, control, oidc, tls};

/// Makes hyper close the connection without an answer.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("dropped on request")
    }
}

impl std::error::Error for Dropped {}

pub(super) async fn serve(listener: std::net::TcpListener, state: Arc<State>) -> io::Result<Infallible> {
    let acceptor = state.options().tls_ca.map(|file| tls::acceptor(&file, &state.options())).transpose()?;
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let _only_a_delay = stream.set_nodelay(true);
        let (state, acceptor) = (Arc::clone(&state), acceptor.clone());
        tokio::spawn(async move {
            match acceptor {
                None => connection(TokioIo::new(stream), state).await,
                Some(acceptor) => encrypted(acceptor, stream, state).await,
            }
        });
    }
}

async fn encrypted(acceptor: tokio_rustls::TlsAcceptor, stream: TcpStream, state: Arc<State>) {
    if let Ok(stream) = acceptor.accept(stream).await {
        connection(TokioIo::new(stream), state).await;
    }
}

async fn connection<I>(io: I, state: Arc<State>)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let service = service_fn(move |request| answer(Arc::clone(&state), request));
    let _closed = http1::Builder::new().timer(TokioTimer::new()).serve_connection(io, service).await;
}

async fn answer(state: Arc<State>, request: hyper::Request<Incoming>) -> Result<Response, Dropped> {
    let request = receive(request).await?;
    if request.path.starts_with("/__ctl/") {
        return Ok(control::answer(&state, &request));
    }
    let latency = state.options().latency_ms;
    if latency > 0 {
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
    let outcome = respond(&state, &request).await;
    state.log.add(&request, outcome.as_ref().map_or(0, |response| response.status().as_u16()));
    outcome.map(|response| dated(response, state.options().clock_ahead))
}

/// With the time of a clock that is not right.
fn dated(mut response: Response, ahead: i64) -> Response {
    let seconds = Duration::from_secs(ahead.unsigned_abs());
    let now = std::time::SystemTime::now();
    let time = if ahead < 0 { now.checked_sub(seconds) } else { now.checked_add(seconds) };
    let text = time.filter(|_| ahead != 0).map(httpdate::fmt_http_date).unwrap_or_default();
    if let Ok(date) = hyper::header::HeaderValue::from_str(&text)
        && !text.is_empty()
    {
        response.headers_mut().insert("date", date);
    }
    response
}

async fn receive(request: hyper::Request<Incoming>) -> Result<Request, Dropped> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let query = parts.uri.query().unwrap_or_default();
    Ok(Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: parts.headers,
        body,
    })
}

async fn respond(state: &Arc<State>, request: &Request) -> Result<Response, Dropped> {
    let route = route(request);
    let grant = if route == "token" {
        request.form().remove("grant_type").unwrap_or_default()
    } else {
        String::new()
    };
    if let Some(fault) = state.faults.take(route, "before", &grant)
        && let Some(outcome) = misbehave(&fault).await
    {
        return outcome;
    }
    let response = match (&request.method, request.path.as_str()) {
        (_, path) if path.starts_with("/api/") => oidc::answer(state, request),
        _ => backend::answer(state, request),
    };
    match state.faults.take(route, "after", &grant) {
        Some(fault) => misbehave(&fault).await.unwrap_or(Ok(response)),
        None => Ok(response),
    }
}

/// Carries a fault out; `None`: go on as if nothing were.
async fn misbehave(fault: &Fault) -> Option<Result<Response, Dropped>> {
    match fault.action.as_str() {
        "drop" => Some(Err(Dropped)),
        "hang" => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Some(Err(Dropped))
        }
        "delay" => {
            tokio::time::sleep(Duration::from_millis(fault.ms)).await;
            None
        }
        "html" => Some(Ok(with_type(
            200,
            "text/html",
            "<html><body>Please accept the terms of this network</body></html>",
        ))),
        "malformed" => Some(Ok(with_type(200, "application/json", "{\"half\":"))),
        "redirect" => Some(Ok(redirect(&fault.location))),
        _ => Some(Ok(with_status(fault))),
    }
}

fn with_status(fault: &Fault) -> Response {
    let mut response = if fault.body.is_empty() {
        detail(fault.status, "a fault that was asked for")
    } else {
        with_type(fault.status, "application/json", fault.body.clone())
    };
    if let Ok(challenge) = hyper::header::HeaderValue::from_str(&fault.challenge)
        && !fault.challenge.is_empty()
    {
        response.headers_mut().insert("www-authenticate", challenge);
    }
    response
}

/// The name of a route, for faults.
fn route(request: &Request) -> &'static str {
    let path = request.path.as_str();
    match path {
        "/api/.well-known/openid-configuration" => "discovery",
        "/api/jwks" => "jwks",
        "/api/authorize" => "authorize",
        "/api/token" => "token",
        "/api/device_authorization" => "device",
        "/api/revoke" => "revocation",
        "/api/userinfo" => "userinfo",
        "/" => "root",
        "/v1/cli/service-info" => "service-info",
        "/v1/cli/user-info" | "/api/user-info" => "user-info",
        "/v1/cli/organizations" => "organizations",
        "/v1/cli/credits" => "credits",
        "/v1/cli/skills" => "skills",
        "/v1/cli/sessions" => "sessions",
        _ if path.ends_with("/messages") && request.method == Method::POST => "messages",
        _ if path.ends_with("/messages") => "history",
        _ if path.ends_with("/events") => "events",
        _ if path.ends_with("/tool-results") => "tool-results",
        _ if path.ends_with("/expire") => "expire",
        _ => "other",
    }
}
