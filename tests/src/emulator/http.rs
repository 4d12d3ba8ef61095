//! Requests and responses, in the few forms that the emulator needs.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame};
use hyper::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;

/// A response with any body.
pub(super) type Response = hyper::Response<BoxBody<Bytes, io::Error>>;

/// A request whose body has arrived.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn bearer(&self) -> Option<&str> {
        self.header("authorization").strip_prefix("Bearer ")
    }

    /// The fields of a form.
    pub(super) fn form(&self) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A JSON answer.
pub(super) fn json(status: u16, body: &Value) -> Response {
    with_type(status, "application/json", body.to_string())
}

/// A refusal in the form of the backend.
pub(super) fn detail(status: u16, text: &str) -> Response {
    let mut response = json(status, &serde_json::json!({ "detail": text }));
    if status == 401 {
        let value = hyper::header::HeaderValue::from_static("Bearer error=\"invalid_token\"");
        response.headers_mut().insert("www-authenticate", value);
    }
    response
}

/// An answer with a content type.
pub(super) fn with_type(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed();
    build(status, &[("content-type", content_type), ("cache-control", "no-store")], body)
}

/// A redirect.
pub(super) fn redirect(location: &str) -> Response {
    let body = Full::new(Bytes::new()).map_err(|never| match never {}).boxed();
    build(302, &[("location", location), ("cache-control", "no-store")], body)
}

/// An answer whose body is sent through a channel; an error cuts the connection.
pub(super) fn streamed(content_type: &str) -> (mpsc::Sender<io::Result<Bytes>>, Response) {
    let (sender, receiver) = mpsc::channel(16);
    let headers = [("content-type", content_type), ("cache-control", "no-cache")];
    (sender, build(200, &headers, Streamed(receiver).boxed()))
}

fn build(status: u16, headers: &[(&str, &str)], body: BoxBody<Bytes, io::Error>) -> Response {
    let mut response = hyper::Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        let name = hyper::header::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, hyper::header::HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

struct Streamed(mpsc::Receiver<io::Result<Bytes>>);

impl Body for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| part.map(Frame::data)))
    }
}
