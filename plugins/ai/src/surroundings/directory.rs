//! The directory as the assistant sees it: a tree, a listing, the main script, skills, documents and memory.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use super::Reader;
use super::skills;

/// Entries of a sub-directory in the tree.
const CHILDREN: usize = 10;
/// Entries of the listing.
const LISTED: usize = 50;
/// Entries that are looked at at all: a directory may hold millions.
const LOOKED_AT: usize = 10_000;
/// Longest part of the main script: characters, lines, characters of a line.
const SCRIPT: (usize, usize, usize) = (5000, 500, 500);
/// Longest part of one document, in bytes; the exact cap is applied to the JSON.
const DOCUMENT: u64 = 64 * 1024;
/// Names with a dot that are shown.
const SHOWN_DOTS: [&str; 3] = [".git", ".github", ".nextflow"];
const SCRIPTS: [&str; 2] = ["main.nf", "workflows/main.nf"];

/// Keys of `directory_context`.
pub(super) fn describe(workspace: &Path, root: Option<&Path>, reader: &Reader) -> Vec<(&'static str, Value)> {
    let entries = entries(workspace);
    let mut keys = vec![
        ("directory_tree", tree(workspace, &entries).into()),
        ("directory_listing", listing(&entries).into()),
    ];
    for name in SCRIPTS {
        if let Some(content) = reader.of_project(workspace, name, DOCUMENT) {
            keys.push(("main_nf_path", name.into()));
            keys.push(("main_nf_content", script(&content).into()));
            break;
        }
    }
    let found = skills::find(workspace, root);
    for warning in &found.warnings {
        log::warn!("{warning}");
    }
    let rows: Vec<Value> = found
        .skills
        .iter()
        .map(|skill| {
            json!({
                "name": skill.name, "description": skill.description,
                "source": skill.source, "path": skill.path.display().to_string(),
            })
        })
        .collect();
    keys.push(("project_skills", rows.into()));
    keys.push(("pipeline_docs", documents(&workspace.join(".seqera/docs"), reader).into()));
    keys.push(("pipeline_memory", documents(&workspace.join(".seqera/memory"), reader).into()));
    keys
}

struct Entry {
    name: String,
    is_directory: bool,
    size: u64,
}

/// Directories first, then by name.
fn entries(directory: &Path) -> Vec<Entry> {
    let Ok(items) = fs::read_dir(directory) else { return Vec::new() };
    let mut entries: Vec<Entry> = items
        .take(LOOKED_AT)
        .filter_map(|item| {
            let item = item.ok()?;
            let name = item.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') && !SHOWN_DOTS.contains(&name.as_str()) {
                return None;
            }
            let kind = item.file_type().ok()?;
            let size = if kind.is_dir() { 0 } else { item.metadata().map_or(0, |metadata| metadata.len()) };
            Some(Entry { name, is_directory: kind.is_dir(), size })
        })
        .collect();
    entries.sort_by(|a, b| b.is_directory.cmp(&a.is_directory).then_with(|| a.name.cmp(&b.name)));
    entries
}

/// Two levels.
fn tree(workspace: &Path, top: &[Entry]) -> String {
    let mut lines = Vec::new();
    for entry in top.iter().take(LISTED) {
        if !entry.is_directory {
            lines.push(entry.name.clone());
            continue;
        }
        lines.push(format!("{}/", entry.name));
        if entry.name == ".git" {
            continue;
        }
        let children = entries(&workspace.join(&entry.name));
        for child in children.iter().take(CHILDREN) {
            lines.push(format!("  {}{}", child.name, if child.is_directory { "/" } else { "" }));
        }
        if children.len() > CHILDREN {
            lines.push(format!("  … {} more", children.len() - CHILDREN));
        }
    }
    if top.len() > LISTED {
        lines.push(format!("… {} more", top.len() - LISTED));
    }
    lines.join("\n")
}

fn listing(entries: &[Entry]) -> String {
    let size = |entry: &Entry| match entry.is_directory {
        true => "<DIR>".to_owned(),
        false => entry.size.to_string(),
    };
    let mut lines: Vec<String> =
        entries.iter().take(LISTED).map(|entry| format!("{:>12}  {}", size(entry), entry.name)).collect();
    if entries.len() > LISTED {
        lines.push(format!("… {} more", entries.len() - LISTED));
    }
    lines.join("\n")
}

fn script(content: &str) -> String {
    let (characters, lines, width) = SCRIPT;
    let short: Vec<String> =
        content.lines().take(lines).map(|line| line.chars().take(width).collect()).collect();
    let text: String = short.join("\n").chars().take(characters).collect();
    if text.len() < content.trim_end().len() { format!("{text}\n… (shortened)") } else { text }
}

/// The `*.md` files of a directory, by name; no symbolic links, and nothing below.
fn documents(directory: &Path, reader: &Reader) -> Vec<Value> {
    // A link here could lead to any file of the user.
    let is_real = [directory, directory.parent().unwrap_or(directory)]
        .iter()
        .all(|part| fs::symlink_metadata(part).is_ok_and(|metadata| metadata.is_dir()));
    if !is_real {
        return Vec::new();
    }
    let mut files: Vec<_> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .take(LOOKED_AT)
        .filter_map(|item| {
            let item = item.ok()?;
            let path = item.path();
            let is_wanted =
                item.file_type().ok()?.is_file() && path.extension().is_some_and(|end| end == "md");
            is_wanted.then_some(path)
        })
        .collect();
    files.sort();
    files
        .iter()
        .filter_map(|path| {
            let content = reader.of_project(directory, path, DOCUMENT)?;
            Some(json!({ "path": path.display().to_string(), "content": content }))
        })
        .collect()
}

/// The beginning of a regular file, as text.
pub(super) fn read(path: &Path, most: u64) -> Option<String> {
    // A pipe or a device would keep us waiting.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_listing_script_and_documents() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for directory in ["modules", ".git", ".hidden", ".seqera/docs", "many"] {
            fs::create_dir_all(at(directory)).unwrap();
        }
        for number in 0..12 {
            fs::write(at(&format!("many/{number:02}")), "").unwrap();
        }
        fs::write(at("main.nf"), "workflow {\n}\n").unwrap();
        fs::write(at("modules/a.nf"), "x").unwrap();
        fs::write(at(".seqera/docs/one.md"), "first").unwrap();
        fs::write(at(".seqera/docs/no.txt"), "").unwrap();
        fs::write(at("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(at("secret"), at(".seqera/docs/two.md")).unwrap();
        std::os::unix::fs::symlink(root.path(), at(".seqera/memory")).unwrap();
        let keys: std::collections::HashMap<_, _> =
            describe(root.path(), None, &Reader::of_tests()).into_iter().collect();
        let tree = keys["directory_tree"].as_str().unwrap();
        assert_eq!(
            tree,
            ".git/\nmany/\n  00\n  01\n  02\n  03\n  04\n  05\n  06\n  07\n  08\n  09\n  … 2 more\nmodules/\n  a.nf\nmain.nf\nsecret"
        );
        assert!(keys["directory_listing"].as_str().unwrap().ends_with("           6  secret"));
        assert_eq!(keys["main_nf_path"], "main.nf");
        assert_eq!(keys["main_nf_content"], "workflow {\n}");
        let docs = keys["pipeline_docs"].as_array().unwrap();
        assert_eq!((docs.len(), &docs[0]["content"]), (1, &"first".into()), "no links, no other files");
        assert_eq!(keys["pipeline_memory"], json!([]), "a link to a directory is not followed");
    }
}
