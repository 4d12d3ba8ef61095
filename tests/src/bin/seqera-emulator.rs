//! `seqera-emulator`: a local Seqera Platform, for trying out and for tests.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use seqera_tests::emulator::{Account, Emulator, Options, Organization};
use serde::Deserialize;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A local Seqera Platform on loopback
#[derive(Debug, Parser)]
struct Args {
    /// Port; 0 for any
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// TOML file with [[accounts]] (`user_name`, `access_token`, [[accounts.organizations]] …)
    #[arg(long)]
    accounts: Option<PathBuf>,
    /// An organization of the first account, instead of the usual ones
    #[arg(long, value_name = "NAME")]
    organization: Vec<String>,
    /// The first account is in no organization
    #[arg(long)]
    no_organizations: bool,
    /// Sign people in without a page
    #[arg(long)]
    auto_approve: bool,
    /// Life of an access token
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    ttl_access: i64,
    /// What every answer takes longer
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    latency_ms: u64,
    /// Log requests into this file, one JSON line each
    #[arg(long, value_name = "FILE")]
    request_log: Option<PathBuf>,
    /// Serve https, with a certificate authority of its own that is written into this file (PEM)
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
}

#[derive(Deserialize)]
struct AccountsFile {
    accounts: Vec<Account>,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let _nobody_reads = writeln!(std::io::stderr(), "seqera-emulator: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let emulator = Emulator::start(options(args)?)?;
    let ready = serde_json::json!({
        "backend": emulator.backend,
        "auth_domain": emulator.auth_domain,
        "access_token": emulator.access_token,
        "ctl": format!("{}/__ctl", emulator.backend),
    });
    writeln!(std::io::stdout(), "{ready}")?;
    std::io::stdout().flush()?;
    signals.forever().next();
    drop(emulator);
    Ok(())
}

fn options(args: Args) -> Result<Options, Box<dyn std::error::Error>> {
    let mut options = Options {
        port: args.port,
        ttl_access: args.ttl_access,
        auto_approve: args.auto_approve,
        latency_ms: args.latency_ms,
        request_log: args.request_log,
        tls_ca: args.tls_ca,
        ..Options::default()
    };
    if let Some(path) = args.accounts {
        options.accounts = toml::from_str::<AccountsFile>(&std::fs::read_to_string(path)?)?.accounts;
    }
    if let Some(first) = options.accounts.first_mut() {
        if args.no_organizations || !args.organization.is_empty() {
            first.organizations.clear();
        }
        let named = args.organization.into_iter().enumerate().map(|(number, org_name)| Organization {
            org_id: (2001 + number).into(),
            org_name,
            org_type: None,
        });
        first.organizations.extend(named);
    }
    Ok(options)
}
