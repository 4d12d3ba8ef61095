//! The commands, one a file.

mod info;
mod json_error;
mod login;
mod logout;
mod status;
mod token;

use std::sync::Arc;

use clap::{Parser, Subcommand};
use seqera_plugin_api::{Error, ErrorKind, Exit, Invocation, Result};

pub(crate) use info::InfoArgs;
pub(crate) use login::LoginArgs;
pub(crate) use logout::LogoutArgs;

use crate::session::Sessions;

/// Show who is signed in, or print the access token
#[derive(Debug, Parser)]
#[command(name = "auth", subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct AuthArgs {
    #[command(subcommand)]
    command: AuthCommand,
}

#[derive(Debug, Subcommand)]
enum AuthCommand {
    Status(status::StatusArgs),
    Token(token::TokenArgs),
}

pub(crate) fn run(sessions: &Arc<Sessions>, invocation: &Invocation) -> Result<Exit> {
    let host = sessions.host();
    match invocation.command() {
        "login" => login::run(sessions, &invocation.parse(host)?),
        "logout" => logout::run(sessions, &invocation.parse(host)?),
        "auth" => match invocation.parse::<AuthArgs>(host)?.command {
            AuthCommand::Status(args) => status::run(sessions, &args),
            AuthCommand::Token(args) => token::run(sessions, &args),
        },
        "info" => info::run(sessions, &invocation.parse(host)?),
        other => Err(Error::new(ErrorKind::Usage, format!("auth has no command `{other}`"))),
    }
}
