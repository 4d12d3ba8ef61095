//! `seqera auth status`

use clap::Args;
use seqera_plugin_api::service::{Session, SessionState};
use seqera_plugin_api::{Error, ErrorKind, Exit, Host, Result, out, printable};
use serde_json::{Value, json};

use super::json_error::{kind_name, silenced};
use crate::authority::{Authority, host_name};
use crate::clock;
use crate::credential::{CredentialKind, Record};
use crate::session::{Sessions, describe_record};
use crate::wording::relative;

/// Show who is signed in, where from, and until when; exit with 4 when nobody is
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Ask the server as well
    #[arg(long)]
    check: bool,
    /// Name of the login to look at
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// A session, with what can be wrong with it.
struct Row {
    session: Session,
    is_active: bool,
    record: Option<Record>,
    /// Why the store does not give the credential out.
    store_problem: Option<Error>,
    /// What the server says against it.
    problem: Option<Error>,
}

pub(crate) fn run(sessions: &Sessions, args: &StatusArgs) -> Result<Exit> {
    let host = sessions.host();
    let report = || -> Result<Exit> {
        sessions.use_profile(args.profile.as_deref())?;
        let rows = rows(sessions, args.check)?;
        if args.json {
            host.output().json(&to_json(&rows))?;
        } else {
            print(host, &rows)?;
        }
        verdict(&rows, args.json)
    };
    report().map_err(|error| if args.json { silenced(host, &error) } else { error })
}

/// The session in charge first, then the others that are kept here.
fn rows(sessions: &Sessions, check: bool) -> Result<Vec<Row>> {
    let problem = if check { sessions.check().err() } else { None };
    let session = sessions.session(check && problem.is_none())?;
    let key = sessions.key(&Authority::configured(sessions.host())?)?;
    let is_stored = !session.source.starts_with("env:");
    let mut rows = vec![Row { session, is_active: true, record: None, store_problem: None, problem }];
    for record in sessions.index()?.sessions()? {
        if is_stored && record.belongs_to(&key) {
            let active = &mut rows[0];
            look_into_store(sessions, active, &record);
            active.record = Some(record);
            continue;
        }
        // Nobody asked for them: what is in their stores is not looked at.
        let session = describe_record(sessions, &record)?;
        let record = Some(record);
        rows.push(Row { session, is_active: false, record, store_problem: None, problem: None });
    }
    Ok(rows)
}

/// The index may promise what the store does not hold.
fn look_into_store(sessions: &Sessions, row: &mut Row, record: &Record) {
    let found = sessions.store(&record.key()).and_then(|store| store.load(&record.key()));
    match found {
        Ok(Some(_)) => {}
        Ok(None) if record.ended => {}
        Ok(None) => row.session.state = SessionState::NeedsLogin,
        Err(error) => row.store_problem = Some(error),
    }
}

fn verdict(rows: &[Row], is_json: bool) -> Result<Exit> {
    let active = &rows[0];
    if let Some(error) = active.problem.as_ref().or(active.store_problem.as_ref()) {
        return if is_json { Ok(Exit::code(error.exit_code())) } else { Err(error.clone()) };
    }
    let is_usable = active.session.state.is_usable();
    Ok(if is_usable { Exit::SUCCESS } else { Exit::code(ErrorKind::SignInNeeded.code()) })
}

fn to_json(rows: &[Row]) -> Value {
    let profiles: Vec<Value> = rows
        .iter()
        .map(|Row { session, is_active, record, store_problem, problem }| {
            let host = url::Url::parse(&session.issuer).ok().map(|url| host_name(&url));
            json!({
                "profile": session.profile,
                "active": is_active,
                "host": host,
                "issuer": session.issuer,
                "account": session.account_name,
                "account_id": session.account_id,
                "email": session.email,
                "source": Some(&session.source).filter(|source| !source.is_empty()),
                "kind": record.as_ref().map(|record| record.kind),
                "state": session.state.as_str(),
                "expires_at": session.expires_at,
                "renewable": record.as_ref().map(|record| record.renewable),
                "scopes": record.as_ref().map(|record| record.scopes.clone()).unwrap_or_default(),
                "logged_in_at": record.as_ref().map(|record| record.logged_in_at),
                "store": record.as_ref().map(|record| record.store.clone()),
                "store_problem": store_problem.as_ref().map(|error| error.detail("reason").unwrap_or("unusable")),
                "problem": problem.as_ref().map(|error| {
                    json!({ "kind": kind_name(error), "message": printable(&error.to_string()) })
                }),
            })
        })
        .collect();
    json!({ "version": 1, "profiles": profiles })
}

fn print(host: &Host, rows: &[Row]) -> Result<()> {
    let (active, others) = rows.split_first().map_or((None, rows), |(first, rest)| (Some(first), rest));
    if let Some(row) = active {
        print_row(host, row)?;
    }
    for row in others {
        out!(host, "")?;
        print_row(host, row)?;
    }
    Ok(())
}

fn print_row(host: &Host, row: &Row) -> Result<()> {
    let session = &row.session;
    if !row.is_active {
        out!(host, "Profile: {} (not in use)", printable(&session.profile))?;
    } else if session.profile != "default" && !session.source.starts_with("env:") {
        out!(host, "Profile: {}", printable(&session.profile))?;
    }
    out!(host, "State: {}", describe(row))?;
    if let Some(name) = &session.account_name {
        let email = session.email.as_ref().map(|email| format!(" <{email}>")).unwrap_or_default();
        out!(host, "Account: {}{}", printable(name), printable(&email))?;
    }
    out!(host, "Authority: {}", printable(&session.issuer))?;
    if !session.source.is_empty() {
        out!(host, "Token: {}", printable(&session.source))?;
    }
    if let Some(problem) = &row.store_problem {
        out!(host, "Problem: {}", printable(&problem.to_string()))?;
    }
    if let Some(expires_at) = session.expires_at {
        let remaining = expires_at - clock::now();
        let verb = if remaining >= 0 { "ends" } else { "ended" };
        out!(host, "Access token {verb}: {}", relative(remaining))?;
    }
    Ok(())
}

fn describe(row: &Row) -> &'static str {
    let is_personal =
        row.record.as_ref().is_some_and(|record| record.kind == CredentialKind::PersonalAccessToken);
    match row.session.state {
        SessionState::SignedOut => "signed out; run `seqera login`",
        SessionState::Valid if is_personal => "a personal access token",
        SessionState::Valid => "signed in",
        SessionState::Renewable => "signed in; the access token is renewed at the next use",
        SessionState::Expired | SessionState::NeedsLogin => "the session has ended; run `seqera login`",
        _ => "a token from the environment, not checked",
    }
}
