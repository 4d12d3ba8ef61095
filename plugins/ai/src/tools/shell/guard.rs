//! Who ends a running command when this process is killed and can end nothing itself.
//!
//! A bash of its own, one for a conversation, reads what runs from a pipe whose other end only this process has. The
//! end of the input while a command runs means that this process is gone: it ends the command's group and, by a mark in
//! their environment, those that made themselves independent. What a finished command left in the background goes on.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// The variable that marks the processes of a command.
pub(super) const MARK: &str = "SEQERA_AI_COMMAND";

const SCRIPT: &str = r#"
trap '' HUP INT TERM
mark= root=
while read -r word value; do
  case $word in
    begin) mark=$value root= ;;
    root) root=$value ;;
    end) mark= root= ;;
  esac
done
[[ $mark ]] || exit 0
signal() {
  local found=1 file entry id
  [[ $root ]] && kill -"$1" -- -"$root" && found=0
  for file in /proc/[0-9]*/environ; do
    while IFS= read -r -d '' entry; do
      [[ $entry == "$name=$mark" ]] || continue
      id=${file#/proc/}
      kill -"$1" "${id%/environ}" && found=0
      break
    done <"$file"
  done
  return "$found"
} 2>/dev/null
signal TERM
sleep 0.5
for ((round = 0; round < 20; round++)); do
  signal KILL || exit 0
  sleep 0.05
done
"#;

/// The other process, once there was a command.
#[derive(Debug, Default)]
pub(super) struct Guard {
    process: Option<Child>,
    commands: u64,
}

impl Guard {
    /// Before a command starts; answers the mark that it carries.
    pub(super) fn begin(&mut self, bash: &str) -> String {
        self.commands += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let mark = format!("{}-{}-{now}", std::process::id(), self.commands);
        if self.process.is_none() {
            self.process = start(bash).inspect_err(|error| log::warn!("no guard for commands: {error}")).ok();
        }
        self.say(&format!("begin {mark}\n"));
        mark
    }

    /// The command runs, as the leader of this group.
    pub(super) fn is_running(&mut self, root: u32) {
        self.say(&format!("root {root}\n"));
    }

    /// It has ended, or was ended.
    pub(super) fn end(&mut self) {
        self.say("end\n");
    }

    fn say(&mut self, line: &str) {
        let input = self.process.as_mut().and_then(|process| process.stdin.as_mut());
        let Some(input) = input else { return };
        if input.write_all(line.as_bytes()).is_err() {
            // Somebody ended it; the next command gets another.
            self.drop_process();
        }
    }

    fn drop_process(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.stdin.take());
            let _ended = process.wait();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.drop_process();
    }
}

/// In a group of its own, so that no key of the terminal reaches it, and in our session, so that it is never taken for
/// a part of a command.
fn start(bash: &str) -> std::io::Result<Child> {
    Command::new(bash)
        .args(["--noprofile", "--norc", "-c", SCRIPT, "seqera-guard"])
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("name", MARK)])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}
