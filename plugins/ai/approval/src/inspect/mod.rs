//! What is in a text: every command anywhere, through every wrapper, and what is wrong with it in any mode.
//!
//! | room | does |
//! | --- | --- |
//! | `syntax` | goes through the syntax tree, into every list, function, substitution and here-document |
//! | `feed` | what reaches the standard input of a command, which a shell there runs |
//! | `words` | decodes a word and finds what runs while it is expanded |
//! | `unwrap` | the command behind `env`, `xargs`, `sh -c` and the like |
//! | `values` | values of options and variables that a program runs |
//! | `wrappers` | their options, as data |
//! | `credentials` | whether a word reaches what signs a person in |
//! | `reach` | how its path compares with the places they are kept in |
//! | `own` | the commands of ours among them |
//! | `processes` | programs that show the environment or the memory of another process |

pub(crate) mod credentials;
mod feed;
mod own;
mod processes;
mod reach;
mod syntax;
mod unwrap;
mod values;
mod words;
mod wrappers;

use std::collections::HashSet;

use self::feed::Feed;
use crate::decision::Rule;
use crate::shell::bash;
use crate::shell::strict::{self, Redirect, Refusal, Script};
use crate::shell::word::Arg;

/// How deep commands may be wrapped in one another.
const DEEPEST: usize = 8;
/// How much is looked at; more than any text of 16 KiB that a person could judge.
const MOST_STEPS: usize = 20_000;

/// What was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inspection {
    /// Every command, what a wrapper runs after the wrapper.
    pub(crate) commands: Vec<Vec<Arg>>,
    /// The targets of redirections, and whether they are written.
    pub(crate) redirects: Vec<(Arg, Access)>,
    /// Every other word: values, patterns, here-documents.
    pub(crate) others: Vec<Arg>,
    /// The first dangerous command, by its name.
    pub(crate) danger: Option<String>,
    /// What has to be asked about in every mode.
    pub(crate) findings: Vec<Refusal>,
}

/// What a redirection does to its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Looks through a text. `script` is the answer of the strict reader, where it has one.
pub(crate) fn inspect(text: &str, script: Option<&Script>) -> Result<Inspection, Refusal> {
    // Without quotes there is no text in it that would have to be read with the guard.
    let is_plain = |script: &&Script| {
        !text.contains(['\'', '"', '\\'])
            && script.commands().all(|command| !unwrap::may_wrap(&command.words[0]))
    };
    if let Some(script) = script.filter(is_plain) {
        let mut walker = Walker::default();
        walker.plain(script, 0);
        walker.settle();
        return Ok(walker.found);
    }
    let text = text.to_owned();
    bash::guarded(move || {
        let mut walker = Walker::default();
        walker.script(&text, 0);
        walker.settle();
        walker.found
    })
}

/// Goes through a text and what is inside of it.
#[derive(Default)]
struct Walker {
    found: Inspection,
    steps: usize,
    /// The texts that were read, with what a shell in them would read: once is enough.
    read: HashSet<(String, Feed)>,
    /// What is at the standard input of the commands that are looked at.
    stdin: Feed,
    /// What `exec` has opened for all further commands.
    opened: Feed,
    /// What the process substitutions of the command that is looked at write.
    substituted: Feed,
    /// Files that are written, with what is known of it.
    written: Vec<(Arg, Feed)>,
    /// Files that are run.
    ran: Vec<Arg>,
    /// Variables are evaluated as arithmetic somewhere.
    has_arithmetic: bool,
    /// What may be in a variable by then, and looks like a substitution.
    may_run: Option<String>,
}

impl Walker {
    fn finding(&mut self, rule: Rule, why: impl Into<String>) {
        self.found.findings.push((rule, why.into()));
    }

    fn computed(&mut self, why: impl Into<String>) {
        self.finding(Rule::ComputedCommand, why);
    }

    /// Whether there is still room to look deeper.
    fn may_go_on(&mut self, depth: usize) -> bool {
        self.steps += 1;
        if depth > DEEPEST {
            self.finding(Rule::Unreadable, format!("commands are wrapped more than {DEEPEST} deep"));
            return false;
        }
        if self.steps == MOST_STEPS {
            self.finding(Rule::Unreadable, "there is too much in it to be judged");
        }
        self.steps < MOST_STEPS
    }

    /// A text that a shell runs.
    fn script(&mut self, text: &str, depth: usize) {
        if !self.may_go_on(depth) || !self.read.insert((text.to_owned(), self.stdin.clone())) {
            return;
        }
        if text.contains("BASH_ALIASES") || text.contains("BASH_CMDS") {
            self.computed("it changes what the names of commands stand for");
        }
        if let Ok(script) = strict::read(text) {
            return self.plain(&script, depth);
        }
        match bash::parse(text) {
            Ok(program) => {
                for list in &program.complete_commands {
                    self.list(list, depth);
                }
            }
            Err((rule, why)) => self.finding(rule, why),
        }
    }

    /// A script of nothing but words.
    fn plain(&mut self, script: &Script, depth: usize) {
        for pipeline in &script.pipelines {
            let mut fed = self.stdin.clone();
            for command in &pipeline.commands {
                let words: Vec<Arg> = command.words.iter().map(Arg::literal).collect();
                let mut targets = Vec::new();
                for redirect in &command.redirects {
                    match redirect {
                        Redirect::Duplicate { operator, to, .. } => {
                            fed.has_unknown |= *operator == "<&" && *to != '0';
                        }
                        Redirect::File { operator: "<", path, .. } => {
                            fed.files.push(Arg::literal(path));
                            self.redirect(Arg::literal(path), Access::Read);
                        }
                        Redirect::File { path, .. } => {
                            targets.push(Arg::literal(path));
                            self.redirect(Arg::literal(path), Access::Write);
                        }
                        Redirect::Text(text) => fed.texts.push(text.clone()),
                    }
                }
                self.member(&words, &mut fed, depth);
                self.written.extend(targets.into_iter().map(|target| (target, fed.clone())));
            }
        }
    }

    fn redirect(&mut self, target: Arg, access: Access) {
        if access == Access::Write && target.text().is_some_and(crate::dangerous::is_raw_device) {
            self.finding(Rule::RawDevice, format!("it writes the device {}", target.shown));
        }
        self.found.redirects.push((target, access));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Inspection {
        inspect(text, strict::read(text).ok().as_ref()).unwrap()
    }

    #[test]
    fn every_way_to_a_dangerous_command_is_found() {
        let cases = [
            "ls && rm x",
            "ls\nrm x",
            "ls & rm x",
            "(rm x)",
            "{ rm x; }",
            "if true; then rm x; fi",
            "! rm x",
            "time rm x",
            "time -p rm x",
            "coproc rm x",
            "coproc N { rm x; }",
            "while rm x; do :; done",
            "until false; do rm x; done",
            "for i in $(rm x); do :; done",
            "for ((i=$(rm x);i<1;i++)); do :; done",
            "case $(rm x) in a) ;; esac",
            "case a in a) rm x;; esac",
            "case a in $(rm x)) ;; esac",
            "f() { rm x; }; f",
            "function f { rm x; }",
            "f() (rm x)",
            "echo `rm x`",
            "echo \"`rm x`\"",
            "echo $(rm x)",
            "echo \"$(echo $(rm x))\"",
            "cat <(rm x)",
            "tee >(rm x)",
            "cat < <(rm x)",
            "echo $((a[$(rm x)]))",
            "echo ${a[$(rm x)]}",
            "echo ${a:-$(rm x)}",
            "echo \"${a:-'$(rm x)'}\"",
            "echo ${a/$(rm x)/b}",
            "echo ${a/b/$(rm x)}",
            "echo ${a:$(rm x):1}",
            "a=$(rm x)",
            "a=($(rm x))",
            "a=([1]=$(rm x))",
            "a[$(rm x)]=1",
            "((a[$(rm x)]))",
            "[[ -n $(rm x) ]]",
            "[[ a == $(rm x) ]]",
            "cat <<E\n$(rm x)\nE",
            "cat <<E\n'$(rm x)'\nE",
            "cat <<< $(rm x)",
            "echo x > $(rm x)",
            "a='b[$(rm x)]'; ((a))",
            "let 'a[$(rm x)]=1'",
            "bash <<< 'rm x'",
            "bash <<'E'\nrm x\nE",
            "sh -s <<E\nrm x\nE",
            "echo 'rm x' | bash",
            "echo rm x | tee f | sh",
            "source /dev/stdin <<< 'rm x'",
            "\\rm x",
            "r''m x",
            "'rm' x",
            "r\\m x",
            "$'\\x72m' x",
            "$'r'm x",
            "/bin/rm x",
            "./rm x",
            "~/rm x",
            "RM x",
            "r\\\nm x",
            "if ! rm x; then :; fi",
            "a && b || { c; rm x; } 2>&1",
            "nohup sh -c 'nice -n 5 timeout 3 rm x' &",
            "echo a | while read f; do rm \"$f\"; done",
            "x=1 rm x",
            "> f rm x",
            "2>&1 rm x",
            "mkfs.ext4 /dev/null",
            "mount",
            "sudo -n ls",
            "poweroff",
            "systemctl reboot",
            "systemctl --user -f poweroff",
            "init 0",
            "telinit 6",
            "doas ls",
            "su -c ls",
        ];
        for text in cases {
            let found = found(text);
            assert!(found.danger.is_some(), "{text}: {found:?}");
        }
    }

    #[test]
    fn every_wrapper_is_looked_into() {
        let cases = [
            "env rm x",
            "env -i rm x",
            "env -u A -- rm x",
            "env --unset=A B=c rm x",
            "env - rm x",
            "env -S 'rm x'",
            "env -S'rm x'",
            "env --split-string='A=b rm x'",
            "env -iS 'rm x'",
            "env -C /tmp rm x",
            "/usr/bin/env rm x",
            "command rm x",
            "command -p rm x",
            "builtin kill 1",
            "exec rm x",
            "exec -a n rm x",
            "exec -cl rm x",
            "nohup rm x",
            "nice rm x",
            "nice -n 5 rm x",
            "nice -n5 rm x",
            "nice -5 rm x",
            "nice --adjustment=5 rm x",
            "nice --adjustment 5 rm x",
            "ionice -c 3 rm x",
            "ionice -c3 -t rm x",
            "stdbuf -oL rm x",
            "stdbuf -o L rm x",
            "setsid rm x",
            "setsid -w rm x",
            "/usr/bin/time -f %e rm x",
            "'time' rm x",
            "timeout 5 rm x",
            "timeout -s KILL 5 rm x",
            "timeout -k 1 --preserve-status 5 rm x",
            "timeout --signal=KILL 5 rm x",
            "watch 'rm x'",
            "watch -n 1 rm x",
            "watch -n1 -x rm x",
            "xargs rm",
            "xargs -0 rm",
            "xargs -n 1 -P4 rm",
            "xargs -I{} rm {}",
            "xargs -I {} sh -c 'rm {}'",
            "xargs --max-args=1 rm",
            "xargs -a f rm",
            "parallel rm",
            "parallel rm ::: a",
            "parallel -j 4 'rm {}' ::: a",
            "busybox rm x",
            "toybox rm x",
            "busybox sh -c 'rm x'",
            "find . -exec rm {} \\;",
            "find . -execdir rm {} +",
            "find . -ok rm {} \\;",
            "find . -name a -exec nice rm {} \\;",
            "find . -exec ls {} \\; -exec rm {} \\;",
            "fd -x rm",
            "fd a -X rm",
            "fd --exec rm",
            "fd --exec=rm",
            "fd -Hx rm",
            "fdfind a -x nice rm",
            "bash -c 'rm x'",
            "sh -ec 'ls; rm x'",
            "bash -o pipefail -c 'rm x'",
            "bash --norc -c 'rm x'",
            "bash -c -e 'rm x'",
            "zsh -fc 'rm x'",
            "/bin/dash -c 'rm x'",
            "bash -c 'bash -c \"rm x\"'",
            "eval 'rm x'",
            "eval rm x",
            "eval -- rm x",
            "trap 'rm x' EXIT",
            "trap -- 'rm x' 0",
            "alias a='rm x'",
            "alias a=rm",
            "hash -p /bin/rm a",
            "mapfile -C 'rm x' -c 1 a",
            "readarray -C rm a",
            "flock /tmp/l rm x",
            "flock /tmp/l -c 'rm x'",
            "taskset 1 rm x",
            "taskset -c 0 rm x",
            "chrt -b 0 rm x",
            "unshare -r rm x",
            "strace -f -o out rm x",
            "script -c 'rm x' out",
            "numactl --interleave all rm x",
            "srun -n 1 rm x",
            "systemd-run --user rm x",
            "conda run -n a rm x",
            "docker run --rm -v /a:/a b rm x",
            "singularity exec b rm x",
            "git submodule foreach 'rm x'",
            "git bisect run rm x",
            "nice nice nice nice nice rm x",
            "xvfb-run -a rm x",
            "chroot / rm x",
            "caffeinate -i rm x",
            "entr rm x",
            "ssh host rm x",
            "ssh -p 22 me@host 'ls; rm x'",
            "kubectl exec pod -- rm x",
            "jobs -x rm x",
            "compgen -C 'rm x'",
            "compgen -W '$(rm x)'",
            "tar xf a --to-command='rm x'",
            "tar cf a --checkpoint-action=exec='rm x' b",
            "rg --pre rm x",
            "env 'BASH_FUNC_f%%=() { rm x; }' bash -c f",
            "BASH_ENV='$(rm x)' bash -c :",
            "PS4='$(rm x)'; set -x",
            "mke2fs x",
        ];
        for text in cases {
            let found = found(text);
            assert!(found.danger.is_some(), "{text}: {found:?}");
        }
    }

    #[test]
    fn what_is_known_only_when_it_runs_is_asked_about() {
        let cases = [
            "$c x",
            "\"$c\" x",
            "$(echo rm) x",
            "/bin/r? x",
            "r* x",
            "{rm,x}",
            "r{m,} x",
            "~ x",
            "env $c x",
            "nice \"$c\"",
            "bash -c \"$c\"",
            "eval \"$c\"",
            "eval $c",
            "xargs env",
            "xargs sh -c",
            "xargs -I{} {} x",
            "xargs -I{} sh -c '{}'",
            "find . -exec {} \\;",
            "find . -exec sh -c '{}' \\;",
            "watch \"$c\"",
            "echo ${x@P}",
            "echo \"${x@P}\"",
            "trap \"$c\" EXIT",
            "bash -c '$0 x' rm",
            "timeout 5 $c",
            "command $c",
            "exec \"$c\"",
            "alias a=\"$c\"",
            "nohup `c`",
            "env -S \"$c\"",
            "@(rm) x",
            "$'\\xff' x",
        ];
        for text in cases {
            let found = found(text);
            let is_found = found.findings.iter().any(|(rule, _)| *rule == Rule::ComputedCommand);
            assert!(is_found, "{text}: {found:?}");
        }
    }

    #[test]
    fn what_is_not_dangerous_is_not_found() {
        let cases = [
            "which rm",
            "git rm --cached x",
            "npm run kill",
            "command -v rm",
            "command -V rm",
            "type rm",
            "man rm",
            "echo 'rm -rf /'",
            "curl -s https://get.nextflow.io | bash",
            "export FOO=1; make",
            "for i in 1 2 3; do echo $i; done",
            "grep -r kill .",
            "xargs grep kill",
            "find . -name rm -delete",
            "find . -name '*.tmp' -exec ls -l {} +",
            "env FOO=1 python x.py",
            "env",
            "env -u A",
            "nice -n 5 git rm x",
            "timeout 60 npm run kill",
            "bash script.sh rm",
            "bash -c 'echo rm'",
            "trap - EXIT",
            "trap '' INT",
            "trap INT",
            "docker rm x",
            "docker run --rm a ls",
            "cat <<'E'\n$(rm x)\nE",
            "cat <<E\nrm x \\$(rm x)\nE",
            "echo '$(rm x)'",
            "echo \\$\\(rm x\\)",
            "f() { ls; }; f",
            "[[ a = b ]] && ls",
            "case a in rm) ls;; esac",
            "for rm in a; do echo $rm; done",
            "rm=1",
            "xargs -n 1 echo rm",
            "systemctl status",
            "python -c 'import os'",
            "cd a && make -j4",
            "x=$((1+2)); echo ${x:-rm}",
            "printf '%s' rm",
            "ls | xargs -I{} cp {} b",
            "awk '{print $1}' f",
            "sed -i 's/a/b/' f",
            "while read -r l; do echo \"$l\"; done < f",
            "nextflow run main.nf --outdir \"$out\"",
            "echo a > \"$out\"",
            "select-thing rm",
            "samtools view -b in.bam | samtools sort -o out.bam",
            "find . -exec sh -c 'echo \"$1\"' _ {} \\;",
            "init 3",
        ];
        for text in cases {
            let found = found(text);
            assert!(found.danger.is_none() && found.findings.is_empty(), "{text}: {found:?}");
        }
    }

    #[test]
    fn depth_and_size_have_an_end() {
        let mut text = "rm x".to_owned();
        for _ in 0..9 {
            text = format!("eval '{}'", text.replace('\'', "'\\''"));
        }
        assert!(!found(&"nice ".repeat(12)).findings.is_empty());
        assert!(!found(&text).findings.is_empty());
        for text in ["(".repeat(5000), "$(".repeat(4000), "{ ".repeat(4000), "if ".repeat(4000)] {
            assert!(!inspect(&text, None).is_ok_and(|found| found.findings.is_empty()), "{}", &text[..20]);
        }
    }
}
