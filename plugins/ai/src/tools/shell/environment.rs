//! The environment of a command: the person's own, without what carries secrets or changes what a shell text means.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use seqera_ai_approval::{SearchPath, SystemFiles};

use crate::secrets::is_named_like_a_secret;

/// Variables that make a shell read or do something before, or besides, the text it is given.
const SHELL: [&str; 7] =
    ["BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND", "BASH_XTRACEFD"];
/// Variables that change what checked words do.
const WORDS: [&str; 7] =
    ["IFS", "CDPATH", "GLOBIGNORE", "EXECIGNORE", "POSIXLY_CORRECT", "BASH_LOADABLES_PATH", "GCONV_PATH"];
/// Beginnings of such: libraries that are loaded into every program, functions that are taken for programs.
const BEGINNINGS: [&str; 4] = ["LD_", "DYLD_", "GIT_", "BASH_FUNC_"];

/// What runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tools) enum Trust {
    /// Words that were checked: they have to do what they say.
    Checked(SearchPath),
    /// What a person said yes to, or full mode allows.
    AsWritten,
    /// A program that is named by us, and must not be one of the workspace.
    Program,
}

/// The variables of a command, and the names of those that were held back because they look like secrets.
pub(in crate::tools) fn environment(
    own: impl Iterator<Item = (OsString, OsString)>,
    trust: Trust,
    passed: &[String],
    workspace: &Path,
) -> (Vec<(OsString, OsString)>, Vec<String>) {
    let mut kept = Vec::new();
    let mut held_back = Vec::new();
    let mut path = OsString::new();
    for (name, value) in own {
        let text = name.to_string_lossy();
        if text == "PATH" {
            path = value;
        } else if is_named_like_a_secret(&text) && !passed.iter().any(|passed| *passed == text) {
            held_back.push(text.into_owned());
        } else if !changes_meaning(&text, trust) {
            kept.push((name, value));
        }
    }
    let outside = |search: SearchPath| search.value(&path.to_string_lossy(), workspace, &SystemFiles);
    let path = match trust {
        Trust::Checked(search) => OsString::from(outside(search)),
        Trust::Program => OsString::from(outside(SearchPath::Person)),
        Trust::AsWritten if path.is_empty() => OsString::from(seqera_ai_approval::SYSTEM_PATH),
        Trust::AsWritten => path,
    };
    kept.push(("PATH".into(), path));
    // What programs ask to know that no person watches them, and what would ask one.
    for (name, value) in
        [("AGENT", "1"), ("NXF_AGENT_MODE", "true"), ("NXF_ANSI_LOG", "false"), ("GIT_TERMINAL_PROMPT", "0")]
    {
        kept.retain(|(known, _)| known != OsStr::new(name));
        kept.push((name.into(), value.into()));
    }
    held_back.sort();
    (kept, held_back)
}

fn changes_meaning(name: &str, trust: Trust) -> bool {
    let of_checked =
        || WORDS.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
    SHELL.contains(&name) || matches!(trust, Trust::Checked(_)) && of_checked()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(trust: Trust, passed: &[&str]) -> (Vec<String>, Vec<String>) {
        let own = [
            "HOME",
            "SEQERA_ACCESS_TOKEN",
            "TOWER_ACCESS_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "BASH_ENV",
            "LD_PRELOAD",
            "BASH_FUNC_ls%%",
            "GIT_DIR",
            "IFS",
        ];
        let own = own.into_iter().map(|name| (OsString::from(name), OsString::from("/x")));
        let passed: Vec<String> = passed.iter().map(|name| (*name).to_owned()).collect();
        let (kept, held_back) = environment(own, trust, &passed, Path::new("/tmp"));
        (kept.into_iter().map(|(name, _)| name.into_string().unwrap()).collect(), held_back)
    }

    #[test]
    fn secrets_and_what_steers_the_shell_stay_here() {
        let added = ["PATH", "AGENT", "NXF_AGENT_MODE", "NXF_ANSI_LOG", "GIT_TERMINAL_PROMPT"];
        let (kept, held_back) = names(Trust::Checked(SearchPath::System), &[]);
        assert_eq!(kept, [&["HOME"][..], &added].concat());
        assert_eq!(held_back, ["AWS_SECRET_ACCESS_KEY", "SEQERA_ACCESS_TOKEN", "TOWER_ACCESS_TOKEN"]);
        let (kept, held_back) = names(Trust::AsWritten, &["TOWER_ACCESS_TOKEN"]);
        let own = ["HOME", "TOWER_ACCESS_TOKEN", "LD_PRELOAD", "BASH_FUNC_ls%%", "GIT_DIR", "IFS"];
        assert_eq!(kept, [&own[..], &added].concat());
        assert_eq!(held_back, ["AWS_SECRET_ACCESS_KEY", "SEQERA_ACCESS_TOKEN"]);
    }

    #[test]
    fn the_path_of_checked_words_is_the_one_that_was_checked() {
        let own = || std::iter::once((OsString::from("PATH"), OsString::from("/tmp/ws/bin:/usr/bin:.")));
        let path = |trust| {
            let (kept, _) = environment(own(), trust, &[], Path::new("/tmp/ws"));
            kept.into_iter().find(|(name, _)| name == "PATH").unwrap().1.into_string().unwrap()
        };
        assert_eq!(path(Trust::Checked(SearchPath::System)), seqera_ai_approval::SYSTEM_PATH);
        assert_eq!(path(Trust::Checked(SearchPath::Person)), "/usr/bin");
        assert_eq!(path(Trust::Program), "/usr/bin");
        assert_eq!(path(Trust::AsWritten), "/tmp/ws/bin:/usr/bin:.");
    }
}
