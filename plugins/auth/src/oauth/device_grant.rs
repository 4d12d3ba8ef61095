//! The device authorization grant (RFC 8628): a code that is typed on another device, and polling until it was.

use std::time::{Duration, Instant};

use reqwest::Client;
use seqera_plugin_api::{Error, ErrorKind, Result, Secret, printable};
use serde::Deserialize;
use url::Url;

use super::Tokens;
use super::token_endpoint::{TokenError, interpret, lenient_seconds};
use crate::authority::{host_name, is_secure};
use crate::clock;
use crate::http::{Answer, fetch};

/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The interval of a server that names none (section 3.5), and what `slow_down` adds for good.
const FIVE_SECONDS: Duration = Duration::from_secs(5);
/// Longest pause while the server cannot be reached.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The life of a code whose server does not say, and the longest that is waited for one.
const DEFAULT_LIFE: i64 = 300;
const LONGEST_LIFE: i64 = 1800;

#[derive(Deserialize)]
struct Granted {
    device_code: String,
    user_code: String,
    verification_uri: Url,
    #[serde(default)]
    verification_uri_complete: Option<Url>,
    #[serde(default, deserialize_with = "lenient_seconds")]
    expires_in: Option<i64>,
    #[serde(default, deserialize_with = "lenient_seconds")]
    interval: Option<i64>,
}

/// What the person has to do, and what is polled with meanwhile.
pub(crate) struct DeviceAuthorization {
    device_code: Secret,
    /// Text of a server: not for a terminal as it is.
    pub(crate) user_code: String,
    pub(crate) verification_uri: Url,
    /// With the code in it.
    pub(crate) verification_uri_complete: Option<Url>,
    /// How long the code is good.
    pub(crate) life: Duration,
    interval: Duration,
    begun: Instant,
}

/// Begins a sign-in on another device.
///
/// # Errors
/// `Unreachable`; `UnexpectedAnswer`; `Security` when the person would be sent to an address in the clear.
pub(crate) async fn begin_device_grant(
    client: Client,
    endpoint: Url,
    client_id: String,
    scope: String,
    audience: String,
) -> Result<DeviceAuthorization> {
    let name = host_name(&endpoint);
    let form = [("client_id", client_id), ("scope", scope), ("audience", audience)];
    let begun = Instant::now();
    let request = client.post(endpoint.clone()).header("accept", "application/json").form(&form);
    let answer = fetch(endpoint, request, TIMEOUT).await?;
    let granted = read(&name, &answer)?;
    let addresses = std::iter::once(&granted.verification_uri).chain(&granted.verification_uri_complete);
    if addresses.into_iter().any(|url| !is_secure(url)) {
        return Err(Error::new(ErrorKind::Security, format!("{name} would have you sign in in the clear"))
            .because(format!("its address is {}", granted.verification_uri.origin().ascii_serialization()))
            .hint("Nothing was stored."));
    }
    let seconds = |value: i64| Duration::from_secs(value.unsigned_abs());
    Ok(DeviceAuthorization {
        device_code: Secret::new(granted.device_code),
        user_code: granted.user_code,
        verification_uri: granted.verification_uri,
        verification_uri_complete: granted.verification_uri_complete,
        life: seconds(granted.expires_in.unwrap_or(DEFAULT_LIFE).clamp(0, LONGEST_LIFE)),
        interval: granted
            .interval
            .filter(|value| *value > 0)
            .map_or(FIVE_SECONDS, |value| seconds(value.min(LONGEST_LIFE))),
        begun,
    })
}

fn read(name: &str, answer: &Answer) -> Result<Granted> {
    if answer.status == 429 || answer.status >= 500 {
        let status = answer.status;
        return Err(Error::new(ErrorKind::Unreachable, format!("{name} cannot answer now ({status})"))
            .hint("Try again later."));
    }
    let granted = if answer.status == 200 { serde_json::from_slice(&answer.body).ok() } else { None };
    granted.ok_or_else(|| {
        let error =
            Error::new(ErrorKind::UnexpectedAnswer, format!("{name} does not begin a device sign-in"))
                .because(match refusal(answer) {
                    Some(code) => format!("it answers {}: {}", answer.status, printable(&code)),
                    None => format!("it answers {} with {}", answer.status, answer.looks_like()),
                });
        error.hint("Use `seqera login --no-browser` instead.")
    })
}

/// Polls until the person decided, or the code has ended.
///
/// # Errors
/// `SignInNeeded` when it was declined; `TimedOut` when nobody typed the code.
pub(crate) async fn poll_device_grant(
    client: Client,
    endpoint: Url,
    client_id: String,
    authorization: DeviceAuthorization,
) -> Result<Tokens> {
    let deadline = authorization.begun + authorization.life;
    let mut pace = Pace::new(authorization.interval);
    let mut pause = pace.interval;
    loop {
        if Instant::now() + pause >= deadline {
            tokio::time::sleep(deadline.saturating_duration_since(Instant::now())).await;
            return Err(nobody_came());
        }
        tokio::time::sleep(pause).await;
        let device_code = &authorization.device_code;
        pause = match ask(&client, &endpoint, &client_id, device_code).await {
            Poll::Granted(tokens) => return Ok(*tokens),
            Poll::Final(_) if Instant::now() >= deadline => return Err(nobody_came()),
            Poll::Final(error) => return Err(error),
            Poll::Again(why) => pace.after(why),
        };
    }
}

enum Poll {
    Granted(Box<Tokens>),
    Again(Why),
    Final(Error),
}

/// Why it is asked again.
#[derive(Clone, Copy)]
enum Why {
    Pending,
    SlowDown,
    Unreachable,
}

/// How fast it is polled.
struct Pace {
    interval: Duration,
    failures: u32,
}

impl Pace {
    fn new(interval: Duration) -> Self {
        Self { interval, failures: 0 }
    }

    /// The pause before the next poll.
    fn after(&mut self, why: Why) -> Duration {
        match why {
            Why::Pending => self.failures = 0,
            Why::SlowDown => {
                self.failures = 0;
                self.interval += FIVE_SECONDS;
            }
            Why::Unreachable => self.failures = (self.failures + 1).min(6),
        }
        let pause = self.interval * 2_u32.pow(self.failures);
        pause.min(LONGEST_PAUSE.max(self.interval))
    }
}

async fn ask(client: &Client, endpoint: &Url, client_id: &str, device_code: &Secret) -> Poll {
    let sent_at = clock::now();
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", device_code.expose()),
        ("client_id", client_id),
    ];
    let request = client.post(endpoint.clone()).header("accept", "application/json").form(&form);
    let Ok(answer) = fetch(endpoint.clone(), request, TIMEOUT).await else {
        return Poll::Again(Why::Unreachable);
    };
    match refusal(&answer).as_deref() {
        Some("authorization_pending") => return Poll::Again(Why::Pending),
        Some("slow_down") => return Poll::Again(Why::SlowDown),
        Some("access_denied") => {
            return Poll::Final(
                Error::new(ErrorKind::SignInNeeded, "sign-in was declined on the other device")
                    .hint("Nothing was stored."),
            );
        }
        Some("expired_token") => return Poll::Final(nobody_came()),
        _ => {}
    }
    match interpret(endpoint, &answer, sent_at) {
        Ok(tokens) => Poll::Granted(Box::new(tokens)),
        Err(TokenError::Transient(error)) if answer.status == 200 => Poll::Final(error),
        Err(TokenError::Transient(_)) => Poll::Again(Why::Unreachable),
        Err(TokenError::GrantEnded) => Poll::Final(
            Error::new(ErrorKind::SignInNeeded, "the server does not know this sign-in any more")
                .hint("Nothing was stored. Run `seqera login --device` again."),
        ),
        Err(TokenError::Forbidden(error) | TokenError::Fatal(error)) => Poll::Final(error),
    }
}

/// The error code of an answer, if it is a refusal.
fn refusal(answer: &Answer) -> Option<String> {
    let body = if (400..500).contains(&answer.status) { answer.json()? } else { return None };
    body["error"].as_str().map(str::to_owned)
}

fn nobody_came() -> Error {
    Error::new(ErrorKind::TimedOut, "the code ended before anybody entered it")
        .hint("Nothing was stored. Run `seqera login --device` again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// auth b.45
    #[test]
    fn slow_down_is_for_good_and_failures_back_off() {
        let mut pace = Pace::new(FIVE_SECONDS);
        let mut seconds = |why| pace.after(why).as_secs();
        assert_eq!(seconds(Why::Pending), 5);
        assert_eq!(seconds(Why::SlowDown), 10);
        assert_eq!(seconds(Why::Pending), 10);
        assert_eq!((seconds(Why::Unreachable), seconds(Why::Unreachable)), (20, 40));
        assert_eq!((seconds(Why::Unreachable), seconds(Why::Unreachable)), (60, 60));
        assert_eq!(seconds(Why::Pending), 10);
        assert_eq!(seconds(Why::SlowDown), 15);
    }
}
