//! What only a plugin can tell: the credential store and the network, each asked in a child process.

use std::process::Command;

use super::Finding;
use crate::builtin::cli_tree::CliTree;
use crate::error::{Code, Error, Result};
use crate::plugin_store::child::{self, Finished, LIMIT, Reader};
use crate::plugin_store::store::Store;

/// The word of the child that asks a server; people never type it.
pub const COMMAND: &str = "__reach";
/// Nobody is signed in.
const SIGN_IN_NEEDED: i32 = 4;
/// A server cannot be reached.
const UNREACHABLE: u8 = 5;

pub(super) fn look(store: &Store, mut tell: impl FnMut(Finding) -> Result<()>) -> Result<()> {
    tell(credentials(store))?;
    let setting = |key: &str| store.config().setting(key).map(|setting| setting.value).unwrap_or_default();
    let discovery =
        format!("{}{}", setting("auth_domain").trim_end_matches('/'), setting("auth_configuration_endpoint"));
    tell(server("sign-in server", &discovery, "200"))?;
    tell(server("backend", &setting("backend_url"), "any"))
}

/// The status command of the plugin that has the sign-in looks into the store.
fn credentials(store: &Store) -> Finding {
    const SUBJECT: &str = "credential store";
    let asked = || -> Result<Finding> {
        let provider = store.catalog().provider("token-provider", 1)?;
        let tree = CliTree::read(&provider)?;
        let has_status = |command: &&seqera_plugin_abi::description::Command| {
            command.subcommands.iter().any(|subcommand| subcommand.name == "status")
        };
        let Some(command) = tree.commands.iter().find(has_status) else {
            return Ok(Finding::warning(SUBJECT, format!("{} has no command that tells", provider.label())));
        };
        let mut words = vec!["plugin", "run", provider.name(), "--"];
        if provider.manifest.commands.len() > 1 {
            words.push(&command.name);
        }
        words.push("status");
        let ended = run(&words)?;
        Ok(match ended.status.code() {
            Some(0) => Finding::ok(SUBJECT, first_line(&String::from_utf8_lossy(&ended.stdout))),
            Some(SIGN_IN_NEEDED) => {
                Finding { hint: Some("seqera login".to_owned()), ..Finding::warning(SUBJECT, said(&ended)) }
            }
            _ => failed(SUBJECT, &ended),
        })
    };
    asked().unwrap_or_else(|error| Finding::problem(SUBJECT, &error))
}

fn server(subject: &str, url: &str, expected: &str) -> Finding {
    let shown = without_user(url);
    match run(&[COMMAND, &shown, expected]) {
        Ok(ended) if ended.status.success() => Finding::ok(subject, format!("{shown} answers")),
        Ok(ended) => failed(subject, &ended),
        Err(error) => Finding::problem(subject, &Error { code: UNREACHABLE, ..error }),
    }
}

fn run(words: &[&str]) -> Result<Finished> {
    let failed = |problem: String| Error::new(Code::Failed, "it cannot be asked").because(problem);
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(program);
    command.args(words);
    child::run(&mut command, Reader::Listens)
        .map_err(|error| failed(error.to_string()))?
        .ok_or_else(|| failed(format!("there was no answer within {} s", LIMIT.as_secs())))
}

/// The words of the child, which are ours already.
fn failed(subject: &str, ended: &Finished) -> Finding {
    let code = ended.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(Code::Crashed as u8);
    let error = Error { code, ..Error::new(Code::Failed, said(ended)) };
    let hint = ended.stderr.lines().find_map(|line| line.strip_prefix("hint: "));
    Finding::problem(subject, &hint.map_or(error.clone(), |hint| error.hint(hint)))
}

/// What went wrong and why, in one line.
fn said(ended: &Finished) -> String {
    let mut parts = Vec::new();
    for line in ended.stderr.lines() {
        let part = line.strip_prefix("error: ").or_else(|| line.strip_prefix("  because "));
        parts.extend(part);
    }
    if parts.is_empty() {
        let stdout = String::from_utf8_lossy(&ended.stdout);
        return if stdout.trim().is_empty() { ended.status.to_string() } else { first_line(&stdout) };
    }
    parts.join(": ")
}

fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it answers").to_owned()
}

/// An address without what may stand before the host in it.
pub fn without_user(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let host = rest[..end].rsplit('@').next().unwrap_or_default();
            let path = rest[end..].split(['?', '#']).next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        assert_eq!(without_user("https://me:secret@a.example/x?key=secret#y"), "https://a.example/x");
        assert_eq!(without_user("https://a.example"), "https://a.example");
    }
}
