//! `seqera info`

use std::sync::Arc;

use clap::{Parser, ValueEnum};
use seqera_plugin_api::{ErrorKind, Exit, Host, Http, Result, out, printable};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::oauth::account_of;
use crate::session::Sessions;

/// Show the user, the backend and the Platform that are in use, and the plugins
#[derive(Debug, Parser)]
#[command(name = "info")]
pub(crate) struct InfoArgs {
    /// How to print it
    #[arg(short, long, value_enum)]
    output: Option<Format>,
    /// Name of the login to use
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Console,
    Json,
}

/// What came of the three requests.
struct Info {
    user: Result<Value>,
    backend: Result<Value>,
    platform: Result<Value>,
    backend_url: String,
}

pub(crate) fn run(sessions: &Arc<Sessions>, args: &InfoArgs) -> Result<Exit> {
    let host = sessions.host();
    sessions.use_profile(args.profile.as_deref())?;
    let wants_json = || host.setting("cli_output_format").is_some_and(|setting| setting.value == "json");
    let format = args.output.unwrap_or_else(|| if wants_json() { Format::Json } else { Format::Console });
    let info = ask(&host.http()?);
    match format {
        Format::Json => host.output().json(&info.to_json())?,
        Format::Console => info.print(host)?,
    }
    let outcomes = [&info.user, &info.backend, &info.platform];
    let failure = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
    Ok(failure.map_or(Exit::SUCCESS, |error| Exit::code(error.kind().code())))
}

/// Asks all three at once: each on a thread of its own, because answers block.
fn ask(http: &Http) -> Info {
    let get =
        |path: &str| http.get(path).header("accept", "application/json").send()?.success()?.json::<Value>();
    std::thread::scope(|scope| {
        let user = scope.spawn(|| get("/v1/cli/user-info"));
        let platform = scope.spawn(|| get("/v1/cli/service-info"));
        let backend = get("/");
        let joined = |handle: std::thread::ScopedJoinHandle<'_, Result<Value>>| {
            handle.join().unwrap_or_else(|_| {
                Err(seqera_plugin_api::Error::new(ErrorKind::Crashed, "a request crashed"))
            })
        };
        Info {
            user: joined(user),
            platform: joined(platform),
            backend,
            backend_url: http.backend().to_owned(),
        }
    })
}

impl Info {
    fn to_json(&self) -> Value {
        let status = |outcome: &Result<Value>| if outcome.is_ok() { "ok" } else { "failed" };
        let account = self.account();
        let mut json = json!({
            "user": {
                "status": status(&self.user),
                "name": account.as_ref().and_then(|account| account.name.clone()),
                "email": account.as_ref().and_then(|account| account.email.clone()),
            },
            "agentBackend": {
                "status": status(&self.backend),
                "url": self.backend_url,
                "version": text(&self.backend, "/version"),
            },
            "platform": {
                "status": status(&self.platform),
                "url": text(&self.backend, "/platform_url"),
                "version": text(&self.platform, "/serviceInfo/version"),
                "apiVersion": text(&self.platform, "/serviceInfo/apiVersion"),
            },
        });
        for (name, outcome) in
            [("user", &self.user), ("agentBackend", &self.backend), ("platform", &self.platform)]
        {
            if let Err(error) = outcome {
                json[name]["error"] = error.to_string().into();
            }
        }
        json
    }

    fn account(&self) -> Option<crate::account::Account> {
        account_of(&self.user.as_ref().ok()?["user"])
    }

    fn print(&self, host: &Host) -> Result<()> {
        let account = self.account();
        block(
            host,
            "User",
            &self.user,
            &[
                ("Name", account.as_ref().and_then(|account| account.name.clone())),
                ("Email", account.as_ref().and_then(|account| account.email.clone())),
            ],
        )?;
        block(
            host,
            "Agent Backend",
            &self.backend,
            &[("URL", Some(self.backend_url.clone())), ("Version", text(&self.backend, "/version"))],
        )?;
        block(
            host,
            "Seqera Platform",
            &self.platform,
            &[
                ("URL", text(&self.backend, "/platform_url")),
                ("Version", text(&self.platform, "/serviceInfo/version")),
                ("API version", text(&self.platform, "/serviceInfo/apiVersion")),
            ],
        )?;
        print_surroundings(host)
    }
}

fn text(outcome: &Result<Value>, pointer: &str) -> Option<String> {
    outcome.as_ref().ok()?.pointer(pointer)?.as_str().map(str::to_owned)
}

fn block(host: &Host, title: &str, outcome: &Result<Value>, rows: &[(&str, Option<String>)]) -> Result<()> {
    out!(host, "{title}")?;
    for (name, value) in rows {
        if let Some(value) = value {
            out!(host, "  {name}: {}", printable(value))?;
        }
    }
    if let Err(error) = outcome {
        out!(host, "  Failed: {}", printable(&error.to_string()))?;
    }
    out!(host, "")
}

/// Plugins and directories, as far as the host tells.
fn print_surroundings(host: &Host) -> Result<()> {
    #[derive(Deserialize)]
    struct List {
        plugins: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        name: String,
        version: String,
        source: String,
        state: String,
    }
    if let Some(list) = host.facts::<List>("plugins") {
        out!(host, "Plugins")?;
        for row in list.plugins {
            out!(host, "  {} {} ({}, {})", row.name, row.version, row.source, row.state)?;
        }
        out!(host, "")?;
    }
    out!(host, "Directories")?;
    let paths = host.paths();
    for (name, path) in [("Settings", paths.config), ("Plugins and data", paths.data), ("Cache", paths.cache)]
    {
        if let Some(path) = path {
            out!(host, "  {name}: {}", path.display())?;
        }
    }
    Ok(())
}
