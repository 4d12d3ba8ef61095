//! `seqera completion SHELL`: the script that asks `seqera __complete` at each TAB.

use clap::Parser;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

use super::complete;
use crate::error::{Code, Error, Result};
use crate::output;

/// Print a completion script for a shell
///
/// Put it where the shell reads it when it starts, once: the script asks seqera at each TAB, so it knows the commands of
/// plugins that are installed later, and their options. No plugin is loaded for that.
///
///   bash: seqera completion bash > ~/.seqera-completion, and `source ~/.seqera-completion` in ~/.bashrc
///   zsh:  seqera completion zsh > ~/.seqera-completion, and the same in ~/.zshrc, below `compinit`
///   fish: seqera completion fish > ~/.config/fish/completions/seqera.fish
#[derive(Debug, Parser)]
#[command(name = "completion", verbatim_doc_comment)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

/// The function of the script that asks.
const FUNCTION: &str = "_seqera_answer";

/// # Errors
/// Nobody reads.
pub fn run(args: &CompletionArgs) -> Result<()> {
    let Some(shell) = shell(&args.shell) else {
        return Err(Error::new(Code::Usage, format!("there is no script for {}", args.shell)));
    };
    let ask = format!("command seqera {} {}", complete::COMMAND, args.shell);
    let function = match args.shell.as_str() {
        "fish" => format!("function {FUNCTION}; {ask} $argv 2>/dev/null; end\n"),
        _ => format!("{FUNCTION}() {{ {ask} \"$@\" 2>/dev/null; }}\n"),
    };
    let mut script = Vec::new();
    shell
        .write_registration("_SEQERA_SHELL", "seqera", "seqera", FUNCTION, &mut script)
        .map_err(|error| Error::new(Code::Failed, "cannot write the script").because(error))?;
    let script = String::from_utf8_lossy(&script);
    // zsh looks for `#compdef` in the first line.
    let whole = match script.split_once('\n') {
        Some((first, rest)) if first.starts_with("#compdef") => format!("{first}\n{function}{rest}"),
        _ => format!("{function}{script}"),
    };
    output::data(&whole)
}

/// What a shell wants to be told, and how.
pub fn shell(name: &str) -> Option<&'static dyn EnvCompleter> {
    match name {
        "bash" => Some(&Bash),
        "zsh" => Some(&Zsh),
        "fish" => Some(&Fish),
        _ => None,
    }
}
