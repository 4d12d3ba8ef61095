//! `seqera login`

use std::sync::Arc;

use clap::Parser;
use seqera_plugin_api::service::OrganizationChoice;
use seqera_plugin_api::{Error, ErrorKind, Exit, Host, Result, printable, status, warning};

use crate::authority::Authority;
use crate::credential::{Key, StoreKind};
use crate::env_token::EnvToken;
use crate::oauth::Provider;
use crate::session::Sessions;
use crate::sign_in::{BrowserOptions, SignIn, StoreWish, Surroundings, choose_store, sign_in_with_token};

/// Sign in to Seqera Platform
#[derive(Debug, Parser)]
#[command(name = "login")]
pub(crate) struct LoginArgs {
    /// Sign in with a code on another device, such as a phone
    #[arg(long, conflicts_with_all = ["no_browser", "with_token", "port", "consent"])]
    device: bool,
    /// Print the address to open instead of opening a browser
    #[arg(long, conflicts_with = "with_token")]
    no_browser: bool,
    /// Read an access token of the Platform from standard input, check it and keep it
    #[arg(long, conflicts_with_all = ["port", "consent"])]
    with_token: bool,
    /// Name of the login, to have several side by side; use it later with `SEQERA_PROFILE`
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Port of this machine that the browser comes back to
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Where to keep the credentials
    #[arg(long, value_enum, conflicts_with = "headless")]
    store: Option<StoreKind>,
    /// Keep the credentials in a file, as on a machine without a keychain
    #[arg(long)]
    headless: bool,
    /// Ask the server for consent again, for a session that can be renewed
    #[arg(long)]
    consent: bool,
    /// Further scopes to ask the server for, separated by commas
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', value_parser = scope, conflicts_with = "with_token")]
    scopes: Vec<String>,
    /// Sign in although a variable holds a token
    #[arg(long)]
    force: bool,
}

/// RFC 6749, section 3.3: a scope is of visible ASCII, quotation mark and backslash apart.
fn scope(text: &str) -> Result<String, String> {
    let is_one =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    if is_one { Ok(text.to_owned()) } else { Err("write scopes as `one,another`".to_owned()) }
}

pub(crate) fn run(sessions: &Arc<Sessions>, args: &LoginArgs) -> Result<Exit> {
    let host = sessions.host();
    sessions.use_profile(args.profile.as_deref())?;
    status!(host, "[Login] Starting Seqera CLI authentication...");
    match EnvToken::find()? {
        Some(token) if args.force => {
            warning!(host, "{} is set and is used instead of your login as long as it is", token.variable);
        }
        Some(token) if args.with_token => return Err(would_win(token.variable)),
        Some(token) => return with_environment_token(sessions, &token),
        None => {}
    }
    if args.with_token {
        with_token(sessions, args)?
    } else {
        interactively(sessions, args)?
    }
    status!(host, "[Login] ✓ Authentication successful!");
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

fn would_win(variable: &str) -> Error {
    Error::new(
        ErrorKind::Usage,
        format!("{variable} is set, and would be used instead of the token you give"),
    )
    .hint(format!("Unset it first: unset {variable}"))
    .hint("Or keep the token all the same, for later: --force")
}

fn wish(args: &LoginArgs) -> StoreWish {
    StoreWish { store: args.store, headless: args.headless }
}

fn with_token(sessions: &Sessions, args: &LoginArgs) -> Result<()> {
    let key = sessions.key(&Authority::configured(sessions.host())?)?;
    let choice = choose_store(sessions, &key, wish(args))?;
    let account = sign_in_with_token(sessions, &key, &choice)?;
    status!(sessions.host(), "[Login] Signed in as {}.", account.title());
    Ok(())
}

/// With a browser here or elsewhere.
fn interactively(sessions: &Sessions, args: &LoginArgs) -> Result<()> {
    let host = sessions.host();
    let authority = Authority::configured(host)?;
    let key = sessions.key(&authority)?;
    // Now, not after the browser: a token that cannot be stored is a sign-in for nothing.
    let choice = choose_store(sessions, &key, wish(args))?;
    let engine = sessions.engine()?;
    let mut provider = Provider::of(&engine, host, &authority)?;
    provider.ask_for(&args.scopes);
    let key = Key { issuer: provider.authority.as_str().to_owned(), ..key };
    let offers_device = provider.device_authorization_endpoint.is_some();
    let sign_in =
        SignIn { sessions, engine, provider, key, store: choice.store, may_fall_back: choice.may_fall_back };
    match way(host, args, offers_device) {
        Way::Device => sign_in.with_device()?,
        Way::Browser(options) => sign_in.with_browser(&options)?,
    }
    name_what_was_not_granted(sessions, &sign_in.key, &args.scopes)
}

/// The server may grant less than it was asked for (RFC 6749, section 3.3), and says so with the tokens.
fn name_what_was_not_granted(sessions: &Sessions, key: &Key, wanted: &[String]) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let index = sessions.index()?;
    let granted = index.find(key)?.map(|record| record.scopes).unwrap_or_default();
    for scope in wanted.iter().filter(|scope| !granted.contains(scope)) {
        warning!(sessions.host(), "the server did not grant the scope {scope}");
    }
    Ok(())
}

enum Way {
    Browser(BrowserOptions),
    Device,
}

/// What was asked for; else what can work here.
fn way(host: &Host, args: &LoginArgs, offers_device: bool) -> Way {
    let surroundings = Surroundings::look(host);
    let options = |open: bool| {
        let surroundings = surroundings.clone();
        Way::Browser(BrowserOptions { open, port: args.port, consent: args.consent, surroundings })
    };
    let setting = host.setting("browser_auto_open");
    let is_switched_off = setting.is_some_and(|setting| setting.value.trim() == "false");
    if args.device {
        return Way::Device;
    }
    if args.no_browser || is_switched_off {
        return options(false);
    }
    let Some(why) = surroundings.why_no_browser() else { return options(true) };
    // A port or a consent is a matter of the browser: whoever asks for them wants that way.
    if offers_device && args.port.is_none() && !args.consent {
        status!(host, "[Login] No browser can be opened ({why}): sign in on another device.");
        return Way::Device;
    }
    status!(host, "[Login] No browser can be opened ({why}).");
    options(false)
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
