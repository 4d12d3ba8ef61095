//! `list_directory_local`: a tree, level by level as far as it goes.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use super::Tools;
use super::call::ListDirectory;
use crate::agent::ToolResult;
use crate::driver::Stop;

/// Directories that say nothing about a project and hold most of its files.
const SKIPPED: [&str; 25] = [
    ".git",
    "node_modules",
    "__pycache__",
    "dist",
    "build",
    "target",
    "vendor",
    "bin",
    "obj",
    ".idea",
    ".vscode",
    ".zig-cache",
    "zig-out",
    ".coverage",
    "coverage",
    "tmp",
    "temp",
    ".cache",
    "cache",
    "logs",
    ".venv",
    "venv",
    "env",
    // Of Nextflow.
    "work",
    ".nextflow",
];
/// Entries of one directory that are looked at.
const LARGEST: usize = 100_000;

impl Tools {
    pub(super) fn list_directory(&self, asked: &ListDirectory, path: &Path, stop: &Stop) -> ToolResult {
        match tree(path, asked.show_hidden, self.limits.list_entries, stop) {
            Ok(stdout) => ToolResult { stdout, ..ToolResult::default() },
            Err(error) => ToolResult::refused(format!("{} cannot be listed: {error}", path.display())),
        }
    }
}

/// An entry that was listed.
struct Entry {
    name: String,
    is_directory: bool,
    /// Of a directory that was looked into.
    inside: Inside,
}

#[derive(Default)]
struct Inside {
    entries: Vec<usize>,
    /// Entries that are not listed, and whether there may be more.
    left_out: usize,
    note: Option<String>,
}

fn tree(root: &Path, show_hidden: bool, most: usize, stop: &Stop) -> std::io::Result<String> {
    let mut all = vec![Entry { name: String::new(), is_directory: true, inside: Inside::default() }];
    let mut ahead: VecDeque<(usize, PathBuf)> = VecDeque::from([(0, root.to_owned())]);
    while let Some((parent, path)) = ahead.pop_front() {
        if stop.is_wanted() {
            break;
        }
        if all.len() > most {
            all[parent].inside.note = Some("not listed".to_owned());
            continue;
        }
        let items = match read(&path, show_hidden) {
            Ok(items) => items,
            Err(error) if parent == 0 => return Err(error),
            Err(error) => {
                all[parent].inside.note = Some(error.to_string());
                continue;
            }
        };
        for (name, is_directory) in items {
            if all.len() > most {
                all[parent].inside.left_out += 1;
                continue;
            }
            let is_skipped = is_directory && SKIPPED.contains(&name.as_str());
            let note = is_skipped.then(|| "not listed".to_owned());
            if is_directory && !is_skipped {
                ahead.push_back((all.len(), path.join(&name)));
            }
            let (entries, left_out) = (Vec::new(), 0);
            let child = all.len();
            all[parent].inside.entries.push(child);
            all.push(Entry { name, is_directory, inside: Inside { entries, left_out, note } });
        }
    }
    let mut text = format!("{}/\n", root.display().to_string().trim_end_matches('/'));
    render(&all, 0, 1, &mut text);
    Ok(text)
}

/// Entries of a directory, directories first. A symbolic link is shown with where it leads, and not followed.
fn read(path: &Path, show_hidden: bool) -> std::io::Result<Vec<(String, bool)>> {
    let mut items: Vec<(String, bool)> = fs::read_dir(path)?
        .take(LARGEST)
        .flatten()
        .filter_map(|item| {
            let name = item.file_name().to_string_lossy().into_owned();
            if !show_hidden && name.starts_with('.') {
                return None;
            }
            let kind = item.file_type().ok()?;
            if kind.is_symlink() {
                let target = fs::read_link(item.path()).ok()?;
                return Some((format!("{name} -> {}", target.display()), false));
            }
            Some((name, kind.is_dir()))
        })
        .collect();
    items.sort_by(|(a, a_is_directory), (b, b_is_directory)| {
        b_is_directory.cmp(a_is_directory).then_with(|| a.cmp(b))
    });
    Ok(items)
}

fn render(all: &[Entry], of: usize, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for index in &all[of].inside.entries {
        let entry = &all[*index];
        let slash = if entry.is_directory { "/" } else { "" };
        let note = entry.inside.note.as_ref().map(|note| format!("  [{note}]")).unwrap_or_default();
        text.push_str(&format!("{indent}{}{slash}{note}\n", entry.name));
        render(all, *index, depth + 1, text);
    }
    if all[of].inside.left_out > 0 {
        text.push_str(&format!("{indent}[… {} more]\n", all[of].inside.left_out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_directories_first_and_says_what_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        for directory in ["a/deep/deeper", "target/x", ".hidden"] {
            fs::create_dir_all(path.join(directory)).unwrap();
        }
        for file in ["b.nf", "a/1", "a/2", "a/deep/deeper/end"] {
            fs::write(path.join(file), "").unwrap();
        }
        std::os::unix::fs::symlink("/etc", path.join("link")).unwrap();
        let list = |hidden, most| {
            let text = tree(path, hidden, most, &Stop::default()).unwrap();
            text.replace(&path.display().to_string(), "ROOT")
        };
        assert_eq!(
            list(false, 100),
            "ROOT/\n  a/\n    deep/\n      deeper/\n        end\n    1\n    2\n  target/  [not listed]\n  b.nf\n  link -> /etc\n"
        );
        assert!(list(true, 100).contains("  .hidden/\n"));
        // The first level comes before what is below it.
        assert_eq!(
            list(false, 5),
            "ROOT/\n  a/\n    deep/  [not listed]\n    [… 2 more]\n  target/  [not listed]\n  b.nf\n  link -> /etc\n"
        );
        assert!(tree(&path.join("b.nf"), false, 5, &Stop::default()).is_err());
    }
}
