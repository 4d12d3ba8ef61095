//! Authorization code with PKCE: a browser, and its way back over the loopback redirect or the keyboard.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use seqera_plugin_api::{Error, ErrorKind, Host, Result, Secret, printable, status};

use super::completion::Completion;
use super::device_flow::does_not_last;
use super::keyboard::Keyboard;
use super::{SignIn, Surroundings};
use crate::browser;
use crate::http::interrupted;
use crate::oauth::{
    AuthorizationRequest, Callback, Event, Grant, LoopbackListener, Page, Provider, TokenError,
    request_tokens,
};

/// Longest wait for the browser that may be asked for, in milliseconds.
const LONGEST_WAIT: u64 = 600_000;
const DEFAULT_WAIT: u64 = 120_000;

/// How the person wants it.
pub(crate) struct BrowserOptions {
    /// Open one, rather than print the address alone.
    pub(crate) open: bool,
    /// The callback port that has to be used.
    pub(crate) port: Option<u16>,
    /// Ask the server for consent again, so that it gives a session that can be renewed.
    pub(crate) consent: bool,
    pub(crate) surroundings: Surroundings,
}

/// The request that is under way, until its answer came: a second one is no answer.
type Current = Arc<Mutex<Option<Arc<AuthorizationRequest>>>>;

fn takes(current: &Current, state: &str) -> bool {
    let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
    current.take_if(|request| request.is_answered_by(state)).is_some()
}

/// From the listener to tokens that are stored.
pub(super) fn run(sign_in: &SignIn<'_>, options: &BrowserOptions) -> Result<()> {
    let host = sign_in.host();
    let patience = patience(host)?;
    let offers_device = sign_in.provider.device_authorization_endpoint.is_some();
    let mut listener = LoopbackListener::bind(host, options.port, offers_device)?;
    let begin =
        || AuthorizationRequest::new(host, &sign_in.provider, listener.port(), options.consent).map(Arc::new);
    let request = begin()?;
    let again = begin()?;
    let current: Current = Arc::new(Mutex::new(Some(Arc::clone(&request))));
    let (events, waiting) = mpsc::channel();
    let on_signal = events.clone();
    let _guard = host.on_cancel(move |_| {
        let _over_already = on_signal.send(Event::Cancelled);
    });
    let ours = Arc::clone(&current);
    listener.listen(host, &sign_in.engine, events.clone(), move |state| takes(&ours, state))?;
    show(host, options, &request);
    let _keyboard = host.terminal().is_interactive().then(|| {
        status!(
            host,
            "[Login] If the browser cannot come back here, paste the address that it ends up with."
        );
        read_pasted(host.clone(), Arc::clone(&current), request.redirect_uri.clone(), events)
    });

    let mut callback = wait(&waiting, patience, listener.port(), offers_device)?;
    let mut outcome = finish(sign_in, &request, &callback);
    if matches!(outcome, Ok(Completion::EndedWithTheOneBefore)) {
        *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&again));
        send_back(host, &mut callback, &again);
        callback = wait(&waiting, patience, listener.port(), offers_device)?;
        outcome = finish(sign_in, &again, &callback);
    }
    let outcome = outcome.and_then(|completion| match completion {
        Completion::Stands => Ok(()),
        Completion::EndedWithTheOneBefore => Err(does_not_last(&sign_in.provider.issuer)),
    });
    callback.respond(if outcome.is_ok() { Page::Success } else { Page::Failure });
    outcome
}

/// Has the same browser ask once more; it is signed in there, so that this costs the person nothing.
fn send_back(host: &Host, callback: &mut Callback, again: &Arc<AuthorizationRequest>) {
    callback.respond(Page::Again(again.url.clone()));
    status!(
        host,
        "[Login] The server ended the new session together with the one before, and is asked once more. Does the browser \
         not go there by itself? Then open this address:"
    );
    status!(host, "{}", again.url);
}

/// Opens the browser, and prints the address in any case: openers say that they succeed when they do not.
fn show(host: &Host, options: &BrowserOptions, request: &Arc<AuthorizationRequest>) {
    if options.open && browser::open(&request.url, &options.surroundings) {
        status!(host, "[Login] Your browser should open now. If it does not, open this address:");
    } else {
        status!(host, "[Login] Open this address in a browser:");
    }
    status!(host, "{}", request.url);
    if options.surroundings.is_elsewhere() {
        let port = request.port;
        status!(
            host,
            "[Login] Is the browser on another machine? Forward the port from there first: ssh -L {port}:127.0.0.1:{port} {}",
            this_machine()
        );
    }
}

/// `USER@HOST` of this machine, as one would reach it from another.
pub(super) fn this_machine() -> String {
    let user = std::env::var("USER").ok().filter(|user| !user.is_empty());
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = "HOST".to_owned();
    printable(&user.map_or_else(|| name.clone(), |user| format!("{user}@{name}"))).into_owned()
}

/// Reads pasted addresses while a callback is waited for.
fn read_pasted(host: Host, current: Current, redirect_uri: String, events: mpsc::Sender<Event>) -> Keyboard {
    Keyboard::listen(move |line| match Callback::from_pasted(line, |state| takes(&current, state)) {
        Some(callback) => {
            let _over_already = events.send(Event::Callback(callback));
        }
        None if line.is_empty() => {}
        None => {
            status!(host, "[Login] That is not the address of this sign-in; it begins with {redirect_uri}")
        }
    })
}

/// How long the browser is waited for.
fn patience(host: &Host) -> Result<Duration> {
    let Some(setting) = host.setting("auth_callback_timeout_ms") else {
        return Ok(Duration::from_millis(DEFAULT_WAIT));
    };
    let limit = setting.value.trim().parse::<u64>().ok().filter(|limit| *limit > 0).ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            format!(
                "auth_callback_timeout_ms is not a number of milliseconds: {}",
                printable(&setting.value)
            ),
        )
        .because(format!("it is set by {}", setting.origin))
    })?;
    Ok(Duration::from_millis(limit.min(LONGEST_WAIT)))
}

fn wait(events: &mpsc::Receiver<Event>, limit: Duration, port: u16, offers_device: bool) -> Result<Callback> {
    match events.recv_timeout(limit) {
        Ok(Event::Callback(callback)) => Ok(callback),
        Ok(Event::Cancelled) => Err(was_interrupted()),
        Err(_) => Err(nobody_came(limit, port, offers_device)),
    }
}

fn nobody_came(limit: Duration, port: u16, offers_device: bool) -> Error {
    let device = if offers_device { "`seqera login --device`, or " } else { "" };
    Error::new(
        ErrorKind::TimedOut,
        format!("no answer came from the browser within {} (SEQERA_AUTH_CALLBACK_TIMEOUT_MS)", span(limit)),
    )
    .because(format!("it was expected at port {port} of this machine"))
    .hint(format!(
        "Try {device}`seqera login --no-browser` and paste the address that the browser ends up with."
    ))
    .hint("Did the server refuse the address? Then it expects another port: set SEQERA_AUTH_REDIRECT_PORT, or use --port.")
}

/// A length of time as people say it: `2 min`, `1.5 s`.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds >= 60 && time == Duration::from_secs(seconds / 60 * 60) {
        return format!("{} min", seconds / 60);
    }
    format!("{} s", time.as_secs_f32())
}

/// Exchanges the code and stores what comes of it.
fn finish(sign_in: &SignIn<'_>, request: &AuthorizationRequest, callback: &Callback) -> Result<Completion> {
    check_issuer(&sign_in.provider, callback)?;
    let grant = Grant::Code {
        code: callback.outcome.clone()?,
        redirect_uri: request.redirect_uri.clone(),
        verifier: Secret::new(request.verifier()),
    };
    let endpoint = sign_in.provider.token_endpoint.clone();
    let client = sign_in.engine.client(&endpoint);
    let exchange = request_tokens(client, endpoint, request.client_id.clone(), grant);
    // A signal waits for the answer: what it brings would live on at the server, and nobody would know it.
    let signalled = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&signalled);
    let _no_signal = sign_in.host().on_cancel(move |_| noted.store(true, Ordering::SeqCst));
    let tokens = sign_in.engine.run_to_end(async { exchange.await.map_err(exchange_failed) });
    if signalled.load(Ordering::SeqCst) {
        sign_in.give_up(tokens.ok().and_then(|tokens| tokens.refresh_token));
        return Err(was_interrupted());
    }
    sign_in.complete(tokens?, Some(request.nonce()))
}

fn was_interrupted() -> Error {
    interrupted().because("sign-in was interrupted; nothing was changed")
}

/// An answer must come from the authority that was asked (RFC 9207 section 2.4).
fn check_issuer(provider: &Provider, callback: &Callback) -> Result<()> {
    let problem = match &callback.issuer {
        Some(issuer) if *issuer != provider.issuer => format!("it came from {}", printable(issuer)),
        None if provider.sends_issuer => "it does not say where it came from".to_owned(),
        _ => return Ok(()),
    };
    Err(Error::new(
        ErrorKind::Security,
        "sign-in stopped: the answer did not come from the authority that was asked",
    )
    .because(problem)
    .because(format!("{} was asked", provider.issuer))
    .hint("Nothing was stored."))
}

fn exchange_failed(error: TokenError) -> Error {
    match error {
        TokenError::GrantEnded => {
            Error::new(ErrorKind::SignInNeeded, "the authority did not accept the sign-in")
                .because("the code was used already, or came too late")
                .hint("Run `seqera login` again.")
        }
        // A code is sent once: sending it again could end the tokens that it brought (RFC 9700 section 2.1.1).
        TokenError::Transient(error) => error.hint("Run `seqera login` again."),
        TokenError::Forbidden(error) | TokenError::Fatal(error) => error,
    }
}
