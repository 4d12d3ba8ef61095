//! Skills: `SKILL.md` files of the project and of the user (protocol section 5.3).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::directory::read;

/// Deepest directory below a skills directory that is looked into.
const DEPTH: usize = 6;
/// Directories that are looked into at all.
const DIRECTORIES: usize = 2000;
/// How much of a file may be front matter, in bytes.
const FRONT_MATTER: u64 = 16 * 1024;

/// A skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skill {
    pub(crate) name: String,
    pub(crate) description: String,
    /// `project` or `user`.
    pub(crate) source: &'static str,
    pub(crate) path: PathBuf,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) skills: Vec<Skill>,
    /// Names that are there twice: the first counts.
    pub(super) warnings: Vec<String>,
}

/// All skills, the nearest first; the first of a name counts.
pub(super) fn find(workspace: &Path, root: Option<&Path>) -> Found {
    let mut found = Found::default();
    let mut names = HashMap::new();
    for (directory, source) in directories(workspace, root) {
        let mut files = Vec::new();
        collect(&directory, DEPTH, &mut files, &mut 0);
        files.sort();
        for path in files {
            let Some((name, description)) = read(&path, FRONT_MATTER).as_deref().and_then(front_matter)
            else {
                continue;
            };
            match names.entry(name.clone()) {
                std::collections::hash_map::Entry::Occupied(first) => {
                    let first: &PathBuf = first.get();
                    if *first != path {
                        let (first, path) = (first.display(), path.display());
                        found.warnings.push(format!("the skill {name} of {path} is hidden by {first}"));
                    }
                }
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(path.clone());
                    found.skills.push(Skill { name, description, source, path });
                }
            }
        }
    }
    found
}

/// Where skills are looked for: from the workspace up to the root of its repository, then those of the user.
fn directories(workspace: &Path, root: Option<&Path>) -> Vec<(PathBuf, &'static str)> {
    let mut all = Vec::new();
    for directory in workspace.ancestors() {
        for name in [".seqera/skills", ".agents/skills"] {
            all.push((directory.join(name), "project"));
        }
        if root.is_none_or(|root| root == directory) {
            break;
        }
    }
    let user = [
        super::configuration().map(|directory| directory.join("seqera/skills")),
        super::home().map(|home| home.join(".seqera/skills")),
        super::home().map(|home| home.join(".agents/skills")),
        super::configuration().map(|directory| directory.join("agents/skills")),
    ];
    all.extend(user.into_iter().flatten().map(|directory| (directory, "user")));
    all
}

/// `SKILL.md` files at any depth. Links are not followed: one could lead around in a circle.
fn collect(directory: &Path, depth: usize, files: &mut Vec<PathBuf>, looked_into: &mut usize) {
    *looked_into += 1;
    if depth == 0 || *looked_into > DIRECTORIES {
        return;
    }
    for item in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(kind) = item.file_type() else { continue };
        if kind.is_dir() {
            collect(&item.path(), depth - 1, files, looked_into);
        } else if kind.is_file() && item.file_name() == "SKILL.md" {
            files.push(item.path());
        }
    }
}

/// Name and description of the front matter: one line each, or a folded block.
fn front_matter(text: &str) -> Option<(String, String)> {
    let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = rest.lines();
    if lines.next()?.trim_end() != "---" {
        return None;
    }
    let mut fields: HashMap<&str, String> = HashMap::new();
    let mut block: Option<&str> = None;
    for line in lines.take_while(|line| line.trim_end() != "---") {
        if line.starts_with([' ', '\t']) {
            if let Some(key) = block {
                let value = fields.entry(key).or_default();
                if !value.is_empty() {
                    value.push(' ');
                }
                value.push_str(line.trim());
            }
            continue;
        }
        block = None;
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if matches!(value, ">" | ">-" | "|" | "|-" | "") {
            block = Some(key.trim());
        } else {
            let quoted = ['"', '\''].iter().find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote));
            fields.insert(key.trim(), quoted.unwrap_or(value).to_owned());
        }
    }
    let name = fields.remove("name").filter(|name| !name.is_empty())?;
    let description = fields.remove("description").filter(|description| !description.is_empty())?;
    Some((name, description))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_is_read() {
        let read = |text: &str| front_matter(text);
        let both = |name: &str, description: &str| Some((name.to_owned(), description.to_owned()));
        assert_eq!(read("---\nname: a\ndescription: \"does: it\"\n---\nbody"), both("a", "does: it"));
        assert_eq!(
            read("---\r\nname: a\r\ndescription: >\r\n  one\r\n  two\r\n---\r\n"),
            both("a", "one two")
        );
        for text in ["name: a\ndescription: b", "---\nname: a\n---\n", "", "---\ndescription: b\n---"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_nearest_of_a_name_counts_up_to_the_root_of_the_repository() {
        let outside = tempfile::tempdir().unwrap();
        let root = outside.path().join("repository");
        let inner = root.join("inner");
        let skill = |directory: &Path, name: &str, about: &str| {
            fs::create_dir_all(directory).unwrap();
            fs::write(directory.join("SKILL.md"), format!("---\nname: {name}\ndescription: {about}\n---\n"))
                .unwrap();
        };
        skill(&inner.join(".agents/skills/deep/er"), "one", "near");
        skill(&root.join(".seqera/skills/one"), "one", "far");
        skill(&root.join(".seqera/skills/two"), "two", "far");
        skill(&outside.path().join(".seqera/skills/three"), "three", "not of the repository");
        let found = find(&inner, Some(&root));
        let project: Vec<_> = found.skills.iter().filter(|skill| skill.source == "project").collect();
        let names: Vec<_> =
            project.iter().map(|skill| (skill.name.as_str(), skill.description.as_str())).collect();
        assert_eq!(names, [("one", "near"), ("two", "far")]);
        assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
    }
}
