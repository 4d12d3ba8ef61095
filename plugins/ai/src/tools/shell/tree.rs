//! Every process that a command started, however it made itself independent.
//!
//! A command is the leader of a session of its own. While it runs, this process adopts what it leaves behind (Linux: a
//! "subreaper"), so that a grandchild that went into a session of its own is found below this process. Elsewhere such a
//! grandchild is not found; children and the command's own group are.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpgid, waitpid};

use super::guard::Guard;

/// How long processes have to end by themselves.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long ending them may take after that.
const INSISTENCE: Duration = Duration::from_millis(1000);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Adopts what is left behind, while it lives.
pub(super) struct Adoption;

impl Adoption {
    pub(super) fn begin() -> Self {
        adopt(true);
        Self
    }
}

impl Drop for Adoption {
    fn drop(&mut self) {
        adopt(false);
    }
}

#[cfg(target_os = "linux")]
fn adopt(on: bool) {
    let _an_old_kernel = rustix::process::set_child_subreaper(on.then(rustix::process::getpid));
}

#[cfg(not(target_os = "linux"))]
fn adopt(_: bool) {}

/// Groups that commands left in the background: who of them ends is a child of this process by now, and has to be taken
/// note of, or it stays in the table of processes.
#[derive(Debug, Default)]
pub(in crate::tools) struct Background {
    groups: Vec<i32>,
    /// Ends what runs when this process is killed.
    pub(super) guard: Guard,
}

impl Background {
    /// After a command, whose own end was taken note of.
    pub(super) fn add(&mut self, root: u32) {
        self.groups.extend(i32::try_from(root));
        self.reap();
    }

    /// Takes note of ends, and forgets groups that are empty.
    pub(super) fn reap(&mut self) {
        self.groups.retain(|group| {
            let Some(group) = Pid::from_raw(*group) else { return false };
            loop {
                match waitpgid(group, WaitOptions::NOHANG) {
                    Ok(Some(_)) => {}
                    Ok(None) => return true,
                    Err(_) => return false,
                }
            }
        });
    }
}

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    id: i32,
    parent: i32,
    group: i32,
    session: i32,
    /// When it began, in ticks since the system did.
    began: u64,
    has_ended: bool,
}

/// The processes of one command.
pub(super) struct Tree {
    root: i32,
    began: u64,
}

impl Tree {
    /// Of a command that has just been started as the leader of a session.
    pub(super) fn of(root: u32) -> Self {
        let root = i32::try_from(root).unwrap_or(i32::MAX);
        Self { root, began: table::one(root).map_or(0, |process| process.began) }
    }

    /// Asks all of them to end, then ends them. Answers how many are still there: those of somebody else.
    pub(super) fn end(&self) -> usize {
        let members = self.members();
        for signal in [Signal::TERM, Signal::CONT] {
            self.signal(&members, signal);
        }
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if self.members().is_empty() {
                return 0;
            }
            std::thread::sleep(PAUSE);
        }
        let insisted = Instant::now();
        loop {
            let members = self.members();
            if members.is_empty() || insisted.elapsed() > INSISTENCE {
                return members.len();
            }
            self.signal(&members, Signal::KILL);
            std::thread::sleep(PAUSE);
        }
    }

    fn signal(&self, members: &[i32], signal: Signal) {
        for id in members.iter().filter_map(|id| Pid::from_raw(*id)) {
            let _gone_or_not_ours = kill_process(id, signal);
        }
        // What it has just started is in its group.
        if members.contains(&self.root)
            && let Some(group) = Pid::from_raw(self.root)
        {
            let _gone = kill_process_group(group, signal);
        }
    }

    /// Those that have not ended. What this process adopted and has ended is taken note of.
    fn members(&self) -> Vec<i32> {
        let all = table::all();
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let session = all.iter().find(|process| process.id == own).map_or(0, |process| process.session);
        let ids = members(&all, self, own, session);
        let mut living = Vec::new();
        for process in all.iter().filter(|process| ids.contains(&process.id)) {
            if !process.has_ended {
                living.push(process.id);
            } else if process.parent == own && process.id != self.root {
                let _status = Pid::from_raw(process.id).map(|id| waitpid(Some(id), WaitOptions::NOHANG));
            }
        }
        living
    }
}

/// Which of all processes a command started.
fn members(all: &[Process], tree: &Tree, own: i32, own_session: i32) -> HashSet<i32> {
    let is_first = |process: &&Process| {
        let is_own = process.session == tree.root || process.group == tree.root;
        // Nothing of a session of its own comes back into ours: what we started ourselves is not adopted.
        let is_adopted = process.parent == own && process.session != own_session && process.session != 0;
        process.id != own && process.began >= tree.began && (is_own || is_adopted)
    };
    let mut found: HashSet<i32> = all.iter().filter(is_first).map(|process| process.id).collect();
    loop {
        let before = found.len();
        let children = all.iter().filter(|process| found.contains(&process.parent) && process.id != own);
        let children: Vec<i32> = children.map(|process| process.id).collect();
        found.extend(children);
        if found.len() == before {
            return found;
        }
    }
}

/// The processes of this machine, as far as they can be seen.
#[cfg(target_os = "linux")]
mod table {
    use super::Process;

    pub(super) fn all() -> Vec<Process> {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| one(entry.file_name().to_str()?.parse().ok()?)).collect()
    }

    pub(super) fn one(id: i32) -> Option<Process> {
        // The name may hold anything, brackets too; what follows the last one is numbers (proc_pid_stat(5)).
        let bytes = std::fs::read(format!("/proc/{id}/stat")).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let state = fields.next()?;
        let numbers: Vec<u64> = fields.map(|field| field.parse().unwrap_or(0)).collect();
        let id_at = |at: usize| numbers.get(at).and_then(|number| i32::try_from(*number).ok()).unwrap_or(0);
        Some(Process {
            id,
            parent: id_at(0),
            group: id_at(1),
            session: id_at(2),
            began: *numbers.get(18)?,
            has_ended: matches!(state, "Z" | "X"),
        })
    }
}

/// The processes of this machine, as `ps` of POSIX tells them: without sessions.
#[cfg(not(target_os = "linux"))]
mod table {
    use std::process::{Command, Stdio};

    use super::Process;

    pub(super) fn all() -> Vec<Process> {
        let arguments = ["-A", "-o", "pid=", "-o", "ppid=", "-o", "pgid=", "-o", "state="];
        let output = Command::new("/bin/ps").args(arguments).stdin(Stdio::null()).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        text.unwrap_or_default().lines().filter_map(read).collect()
    }

    pub(super) fn one(_: i32) -> Option<Process> {
        None
    }

    fn read(line: &str) -> Option<Process> {
        let mut fields = line.split_whitespace();
        let mut number = || fields.next()?.parse().ok();
        let (id, parent, group) = (number()?, number()?, number()?);
        let has_ended = fields.next().is_some_and(|state| state.starts_with('Z'));
        Some(Process { id, parent, group, session: 0, began: 0, has_ended })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(id: i32, parent: i32, session: i32, began: u64) -> Process {
        Process { id, parent, group: session, session, began, has_ended: false }
    }

    #[test]
    fn a_tree_is_what_was_started_and_nothing_else() {
        let all = [
            process(10, 1, 10, 5),
            // The program itself, a call of git of its own, and what an earlier command left.
            process(20, 10, 10, 50),
            process(21, 20, 10, 110),
            process(22, 20, 22, 90),
            // The command, a child of it, one in a session of its own, its child, an orphan of it.
            process(30, 20, 30, 100),
            process(31, 30, 30, 101),
            process(32, 30, 32, 102),
            process(33, 32, 32, 103),
            process(34, 20, 34, 104),
            process(35, 34, 34, 105),
            // Somebody else's.
            process(40, 1, 40, 106),
        ];
        let tree = Tree { root: 30, began: 100 };
        let mut found: Vec<i32> = members(&all, &tree, 20, 10).into_iter().collect();
        found.sort_unstable();
        assert_eq!(found, [30, 31, 32, 33, 34, 35]);
    }
}
