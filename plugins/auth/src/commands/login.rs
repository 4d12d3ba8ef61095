//! `seqera login`

use std::io::BufRead;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use clap::Parser;
use seqera_plugin_api::service::OrganizationChoice;
use seqera_plugin_api::{Error, ErrorKind, Exit, Host, Result, Secret, printable, status, warning};

use crate::account::Account;
use crate::authority::Authority;
use crate::browser;
use crate::clock;
use crate::credential::{Credential, CredentialStore, Key, Record};
use crate::env_token::EnvToken;
use crate::http::{Engine, interrupted};
use crate::oauth::{
    AuthorizationRequest, Callback, Event, Grant, Hint, LoopbackListener, Page, Provider, TokenError, Tokens,
    provider_user, request_tokens, revoke,
};
use crate::session::Sessions;

/// Sign in to Seqera Platform with your browser
#[derive(Debug, Parser)]
#[command(name = "login")]
pub(crate) struct LoginArgs {
    /// Print the address to open instead of opening a browser
    #[arg(long)]
    no_browser: bool,
    /// Keep the credentials in a file, as on a machine without a keychain
    #[arg(long)]
    headless: bool,
}

/// Longest wait for the browser that may be asked for, in milliseconds.
const LONGEST_WAIT: u64 = 600_000;
const DEFAULT_WAIT: u64 = 120_000;

pub(crate) fn run(sessions: &Arc<Sessions>, args: &LoginArgs) -> Result<Exit> {
    let host = sessions.host();
    status!(host, "[Login] Starting Seqera CLI authentication...");
    if let Some(token) = EnvToken::find()? {
        return with_environment_token(sessions, &token);
    }
    // Credentials are kept in a file in any case as long as there is no other store.
    let _file_store_it_is = args.headless;
    let authority = Authority::configured(host)?;
    // Now, not after the browser: a token that cannot be stored is a sign-in for nothing.
    let store = sessions.store()?;
    store.probe()?;
    let engine = sessions.engine()?;
    let provider = Provider::of(&engine, host, &authority)?;
    let key = sessions.key(&authority);
    let before = store.load(&key).ok().flatten();
    let account = sign_in(sessions, args, &engine, &provider, &key)?;
    status!(host, "[Login] ✓ Authentication successful!");
    log::info!("signed in as {}", account.as_ref().map(Account::title).unwrap_or_default());
    if let Some(before) = before {
        end_previous(&engine, &provider, &key, before);
    }
    set_organization(host);
    Ok(Exit::SUCCESS)
}

fn with_environment_token(sessions: &Sessions, token: &EnvToken) -> Result<Exit> {
    let host = sessions.host();
    status!(host, "[Login] {} is set: its token is used, and no browser is needed.", token.variable);
    let account = sessions.resolve_environment(token)?;
    status!(host, "[Login] Signed in as {}.", account.title());
    status!(host, "[Login] ✓ Authentication successful!");
    set_organization(host);
    Ok(Exit::SUCCESS)
}

/// The browser's part: from the listener to tokens that are stored.
fn sign_in(
    sessions: &Sessions,
    args: &LoginArgs,
    engine: &Arc<Engine>,
    provider: &Provider,
    key: &Key,
) -> Result<Option<Account>> {
    let host = sessions.host();
    let mut listener = LoopbackListener::bind(host)?;
    let request = Arc::new(AuthorizationRequest::new(host, provider, listener.port())?);
    let (events, waiting) = mpsc::channel();
    let on_signal = events.clone();
    let _guard = host.on_cancel(move |_| {
        let _over_already = on_signal.send(Event::Cancelled);
    });
    let ours = Arc::clone(&request);
    listener.listen(engine, events.clone(), move |state| ours.is_answered_by(state))?;
    show(host, args, &request, events);

    let mut callback = wait(host, &waiting)?;
    let outcome = finish(sessions, engine, provider, key, &request, &callback);
    callback.respond(if outcome.is_ok() { Page::Success } else { Page::Failure });
    outcome
}

/// Opens the browser, and prints the address in any case: openers say that they succeed when they do not.
fn show(host: &Host, args: &LoginArgs, request: &Arc<AuthorizationRequest>, events: mpsc::Sender<Event>) {
    let may_open = host.setting("browser_auto_open").is_none_or(|setting| setting.value.trim() != "false");
    let is_opened = !args.no_browser && may_open && browser::open(&request.url);
    if is_opened {
        status!(host, "[Login] Your browser should open now. If it does not, open this address:");
    } else {
        status!(host, "[Login] Open this address in a browser:");
    }
    status!(host, "{}", request.url);
    let is_remote =
        ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"].iter().any(|name| std::env::var_os(name).is_some());
    if is_remote {
        let port = request.redirect_uri.trim_start_matches("http://127.0.0.1:").trim_end_matches("/callback");
        status!(
            host,
            "[Login] Is the browser on another machine? Forward the port first: ssh -L {port}:127.0.0.1:{port} HOST"
        );
    }
    if !is_opened && host.terminal().is_interactive() {
        status!(
            host,
            "[Login] If the browser cannot come back here, paste the address that it ends up with."
        );
        read_pasted(host.clone(), Arc::clone(request), events);
    }
}

/// Waits for pasted addresses on a thread of its own; it ends with the process.
fn read_pasted(host: Host, request: Arc<AuthorizationRequest>, events: mpsc::Sender<Event>) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(std::result::Result::ok) {
            match Callback::from_pasted(&line, |state| request.is_answered_by(state)) {
                Some(callback) => {
                    let _over_already = events.send(Event::Callback(callback));
                    return;
                }
                None if line.trim().is_empty() => {}
                None => status!(
                    host,
                    "[Login] That is not the address of this sign-in; it begins with {}",
                    request.redirect_uri
                ),
            }
        }
    });
}

fn wait(host: &Host, events: &mpsc::Receiver<Event>) -> Result<Callback> {
    let setting =
        host.setting("auth_callback_timeout_ms").and_then(|setting| setting.value.trim().parse::<u64>().ok());
    let limit =
        Duration::from_millis(setting.filter(|limit| *limit > 0).unwrap_or(DEFAULT_WAIT).min(LONGEST_WAIT));
    let deadline = Instant::now() + limit;
    match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Event::Callback(callback)) => Ok(callback),
        Ok(Event::Cancelled) => Err(interrupted().because("sign-in was interrupted; nothing was changed")),
        Err(_) => Err(Error::new(
            ErrorKind::TimedOut,
            format!("no answer came from the browser within {} s", limit.as_secs_f32()),
        )
        .hint("Run `seqera login` again; SEQERA_AUTH_CALLBACK_TIMEOUT_MS makes it wait longer.")
        .hint(
            "Without a browser on this machine, set SEQERA_ACCESS_TOKEN to an access token of the Platform.",
        )),
    }
}

/// Exchanges the code and stores what comes of it.
fn finish(
    sessions: &Sessions,
    engine: &Arc<Engine>,
    provider: &Provider,
    key: &Key,
    request: &AuthorizationRequest,
    callback: &Callback,
) -> Result<Option<Account>> {
    check_issuer(provider, callback)?;
    let code = callback.outcome.clone()?;
    let grant = Grant::Code {
        code,
        redirect_uri: request.redirect_uri.clone(),
        verifier: Secret::new(request.verifier()),
    };
    let endpoint = provider.token_endpoint.clone();
    let exchange = request_tokens(engine.client(&endpoint), endpoint, request.client_id.clone(), grant);
    let tokens = engine.run(async { exchange.await.map_err(exchange_failed) })?;
    let account = account_of(sessions.host(), engine, provider, &tokens)?;
    store(sessions, provider, key, tokens, account.clone())?;
    Ok(account)
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

/// Whose tokens they are. A server that cannot say so now is no reason to throw a sign-in away.
fn account_of(host: &Host, engine: &Engine, provider: &Provider, tokens: &Tokens) -> Result<Option<Account>> {
    let endpoint = provider.userinfo_endpoint.clone();
    match engine.run(provider_user(engine.client(&endpoint), endpoint, tokens.access_token.clone())) {
        Ok(account) => Ok(Some(account)),
        Err(error) if matches!(error.kind(), ErrorKind::Interrupted) => Err(error),
        Err(error) if error.detail("status") == Some("403") => Err(error.hint("Nothing was stored.")),
        Err(error) => {
            warning!(host, "your name could not be found out yet: {error}");
            Ok(None)
        }
    }
}

fn store(
    sessions: &Sessions,
    provider: &Provider,
    key: &Key,
    tokens: Tokens,
    account: Option<Account>,
) -> Result<()> {
    let host = sessions.host();
    let store = sessions.store()?;
    let _lock = sessions.lock(key)?;
    let generation = store.load(key).ok().flatten().map_or(1, |credential| credential.generation + 1);
    let renewable = tokens.refresh_token.is_some();
    let scope = tokens.scope.clone().unwrap_or_else(|| provider.scopes.join(" "));
    let record = Record {
        profile: key.profile.clone(),
        issuer: key.issuer.clone(),
        client_id: key.client_id.clone(),
        audience: host.setting("auth_audience").map(|setting| setting.value).unwrap_or_default(),
        store: "file".to_owned(),
        account,
        scopes: scope.split_whitespace().map(str::to_owned).collect(),
        access_expires_at: tokens.expires_at,
        renewable,
        generation,
        logged_in_at: clock::now(),
        ended: false,
    };
    let credential = Credential {
        version: 1,
        generation,
        issuer: key.issuer.clone(),
        client_id: key.client_id.clone(),
        profile: key.profile.clone(),
        access_token: tokens.access_token,
        expires_at: tokens.expires_at,
        obtained_at: tokens.obtained_at,
        refresh_token: tokens.refresh_token,
        scope: Some(scope),
        further: serde_json::Map::new(),
    };
    store.save(key, &credential)?;
    sessions.index()?.put(&record)?;
    if !renewable {
        warning!(host, "the server gave no way to renew this session; it ends with its access token");
    }
    Ok(())
}

/// The session before this one is ended at the server, now that its successor is safe.
fn end_previous(engine: &Engine, provider: &Provider, key: &Key, before: Credential) {
    let (Some(endpoint), Some(token)) = (provider.revocation_endpoint.clone(), before.refresh_token) else {
        return;
    };
    let client = engine.client(&endpoint);
    let told = engine.run(revoke(client, endpoint, key.client_id.clone(), token, Hint::RefreshToken));
    if let Err(error) = told {
        log::info!("the previous session could not be ended: {error}");
    }
}

/// The organization is another plugin's matter: without it, or when it fails, the sign-in still stands.
fn set_organization(host: &Host) {
    let interactive = host.terminal().is_interactive();
    let chosen = host.organization().and_then(|organization| organization.ensure_selected(interactive));
    match chosen {
        Ok(OrganizationChoice { selected: Some(organization), .. }) => {
            status!(host, "[Login] ✓ Organization set: {}", printable(&organization.name));
        }
        Ok(OrganizationChoice { available: 0, .. }) => {
            warning!(host, "your account is in no organization; you may need an invitation");
        }
        Ok(OrganizationChoice { available, .. }) => {
            status!(host, "[Login] You are in {available} organizations. Choose one: seqera org switch NAME");
        }
        Err(error) => warning!(host, "the organization was not set: {error}"),
    }
}
