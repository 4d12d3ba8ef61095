//! Instructions that people wrote for assistants: `AGENTS.md` and its relatives (protocol section 5.3).

use std::path::{Path, PathBuf};

use super::Reader;

/// Longest text, in UTF-16 units of its JSON.
const CAP: usize = 8000;
/// How much of one file is read, in bytes.
const FILE: u64 = 64 * 1024;

/// The instructions for a directory: of every directory from the top to it, the nearest last. When they are too long,
/// the nearest are kept.
fn read_for(workspace: &Path, fallbacks: &[PathBuf], reader: &Reader) -> Option<String> {
    let directories: Vec<&Path> = workspace.ancestors().collect();
    let of_name = |name: &str| -> Vec<(PathBuf, String)> {
        directories
            .iter()
            .rev()
            .filter_map(|directory| {
                let text = reader.of_project(directory, name, FILE).filter(|text| !text.trim().is_empty())?;
                Some((directory.join(name), text))
            })
            .collect()
    };
    let mut files = ["AGENTS.md", "CLAUDE.md", "CONTEXT.md"]
        .iter()
        .map(|name| of_name(name))
        .find(|files| !files.is_empty())
        .unwrap_or_default();
    if files.is_empty() {
        files.extend(fallbacks.iter().find_map(|path| {
            let text = reader.of_user(path, FILE).filter(|text| !text.trim().is_empty())?;
            Some((path.clone(), text))
        }));
    }
    let mut text = String::new();
    for (path, content) in files.iter().rev() {
        let part = format!("{}\n{}", path.display(), content.trim_end());
        let joined = if text.is_empty() { part } else { format!("{part}\n\n{text}") };
        if super::budget::units(&joined) > CAP {
            if text.is_empty() {
                text = super::budget::shortened(&joined, CAP);
            }
            break;
        }
        text = joined;
    }
    (!text.is_empty()).then_some(text)
}

/// The instructions for a directory, or those of the user.
pub(super) fn read(workspace: &Path, reader: &Reader) -> Option<String> {
    let fallbacks: Vec<PathBuf> = [
        super::configuration().map(|directory| directory.join("opencode/AGENTS.md")),
        super::home().map(|home| home.join(".claude/CLAUDE.md")),
    ]
    .into_iter()
    .flatten()
    .collect();
    read_for(workspace, &fallbacks, reader)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(workspace: &Path, fallbacks: &[PathBuf]) -> Option<String> {
        read_for(workspace, fallbacks, &Reader::of_tests())
    }

    #[test]
    fn all_of_a_name_the_nearest_last_and_kept() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(root.path().join("CLAUDE.md"), "other").unwrap();
        assert!(read(&inner, &[]).unwrap().ends_with("CLAUDE.md\nother"));
        fs::write(root.path().join("AGENTS.md"), "far\n").unwrap();
        fs::write(inner.join("AGENTS.md"), "near\n").unwrap();
        let text = read(&inner, &[]).unwrap();
        assert!(text.contains("far\n\n") && text.ends_with("near") && !text.contains("other"), "{text}");
        fs::write(root.path().join("AGENTS.md"), "x".repeat(9000)).unwrap();
        let text = read(&inner, &[]).unwrap();
        assert!(!text.contains("xxx") && text.ends_with("near"), "{text}");
        fs::write(inner.join("AGENTS.md"), "\"".repeat(9000)).unwrap();
        let text = read(&inner, &[]).unwrap();
        assert!(super::super::budget::units(&text) <= CAP && text.ends_with("(shortened)"));
        let none = tempfile::tempdir().unwrap();
        fs::write(none.path().join("user"), "mine").unwrap();
        assert!(read(none.path(), &[none.path().join("user")]).unwrap().ends_with("mine"));
        assert_eq!(read(none.path(), &[]), None);
    }
}
