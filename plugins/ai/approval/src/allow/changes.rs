//! Where a command that changes files would write.

use super::options::Given;
use crate::decision::{Facts, Rule};
use crate::files::{Kind, Status};
use crate::paths::{Ground, Resolved};
use crate::shell::strict::Refusal;

/// Every path of the command has to stay inside; `is_alone` when the script does nothing else.
pub(super) fn check(
    ground: &Ground<'_>,
    name: &str,
    given: &Given<'_>,
    is_alone: bool,
    facts: &mut Facts,
) -> Result<(), Refusal> {
    let mut change = Change { ground, facts };
    match name {
        "touch" => {
            for path in given.values(&["r", "reference"]) {
                let resolved = change.resolve(path)?;
                ground.check_inside(path, &resolved)?;
            }
            change.all(&given.operands)
        }
        "mkdir" => change.all(&given.operands),
        _ => change.transfer(name, given, is_alone),
    }
}

struct Change<'a> {
    ground: &'a Ground<'a>,
    facts: &'a mut Facts,
}

impl Change<'_> {
    fn resolve(&mut self, written: &str) -> Result<Resolved, Refusal> {
        let resolved = self.ground.resolve(written)?;
        self.facts.paths.push(self.ground.fact(written, &resolved));
        Ok(resolved)
    }

    fn all(&mut self, paths: &[&str]) -> Result<(), Refusal> {
        for path in paths {
            let resolved = self.resolve(path)?;
            self.ground.check_change(path, &resolved)?;
        }
        Ok(())
    }

    /// `cp` and `mv`: every source, and the name that each would get.
    fn transfer(&mut self, name: &str, given: &Given<'_>, is_alone: bool) -> Result<(), Refusal> {
        let target_directory = given.values(&["t", "target-directory"]).last();
        let (destination, sources) = match (target_directory, given.operands.split_last()) {
            // Elsewhere it is no option, and its value would be an operand.
            (Some(_), _) if !cfg!(target_os = "linux") => return Err(unclear(name)),
            (Some(directory), _) => (directory, given.operands.as_slice()),
            (None, Some((last, sources))) if !sources.is_empty() => (*last, sources),
            _ => return Err(unclear(name)),
        };
        let into = self.resolve(destination)?;
        self.ground.check_change(destination, &into)?;
        let is_directory = into.status.is_some_and(|status| status.kind == Kind::Directory);
        let takes_name = !given.has(&["T", "no-target-directory"]);
        for source in sources {
            let resolved = self.source(name, source)?;
            let mut target = into.clone();
            if takes_name
                && (is_directory
                    || target_directory.is_some()
                    || sources.len() > 1
                    || destination.ends_with('/'))
            {
                let written = format!("{}/{}", destination.trim_end_matches('/'), base_name(source)?);
                let written = if destination.starts_with('/') && !written.starts_with('/') {
                    format!("/{written}")
                } else {
                    written
                };
                target = self.resolve(&written)?;
                self.ground.check_change(&written, &target)?;
            }
            if resolved.status.is_some_and(|status| status.kind == Kind::Directory) {
                self.directory(source, &target, is_alone && sources.len() == 1)?;
            }
        }
        Ok(())
    }

    fn source(&mut self, name: &str, source: &str) -> Result<Resolved, Refusal> {
        let resolved = self.resolve(source)?;
        if name == "mv" {
            self.ground.check_change(source, &resolved)?;
            if resolved.path == self.ground.workspace() {
                return Err((Rule::OutsideWorkspace, format!("`{source}` is the workspace itself")));
            }
        } else {
            self.ground.check_inside(source, &resolved)?;
        }
        base_name(source)?;
        if resolved.is_link {
            return Err((
                Rule::SymbolicLink,
                format!("`{source}` is a symbolic link, which would lead elsewhere from another place"),
            ));
        }
        match resolved.status {
            Some(Status { kind: Kind::Special | Kind::BlockDevice, .. }) => {
                Err((Rule::SpecialFile, format!("`{source}` is not an ordinary file")))
            }
            _ => Ok(resolved),
        }
    }

    /// A directory takes its links along: nothing else may rely on what was checked, and nothing may be there to merge with.
    fn directory(&self, source: &str, target: &Resolved, is_alone: bool) -> Result<(), Refusal> {
        if !is_alone {
            let why = format!(
                "`{source}` is a directory; what was checked for the rest may no longer hold once it is elsewhere"
            );
            return Err((Rule::MovesDirectory, why));
        }
        if target.status.is_some() {
            let why = format!("`{source}` is a directory, and {} is there already", target.path.display());
            return Err((Rule::MovesDirectory, why));
        }
        Ok(())
    }
}

fn unclear(name: &str) -> Refusal {
    (Rule::Option, format!("it is not clear where `{name}` would write"))
}

/// The last name of a source, which it keeps in a directory.
fn base_name(source: &str) -> Result<&str, Refusal> {
    let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if matches!(name, "" | "." | "..") {
        return Err((Rule::MovesDirectory, format!("`{source}` has no name of its own")));
    }
    Ok(name)
}
