//! `search_files_local` and `search_content_local`: a pattern in the content of files, as ripgrep finds it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::sinks::Lossy;
use grep_searcher::{BinaryDetection, MmapChoice, Searcher, SearcherBuilder};
use ignore::overrides::OverrideBuilder;
use ignore::{WalkBuilder, WalkState};

use super::call::SearchFiles;
use super::{Limits, Tools};
use crate::agent::ToolResult;
use crate::driver::Stop;
use crate::secrets::Secrets;

/// The most matches anybody may ask for.
const MOST: usize = 200;
/// Matches that are kept until the newest files are known.
const KEPT: usize = 20_000;
/// Characters of a line that are shown.
const LINE: usize = 500;
/// A line that is longer than this is not searched, in bytes.
const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// What is no content of files: devices, and other processes with their secrets.
const OF_THE_KERNEL: [&str; 3] = ["/dev", "/proc", "/sys"];
/// How long a search may take.
const PATIENCE: Duration = Duration::from_secs(30);

impl Tools {
    pub(super) fn search_files(&self, asked: &SearchFiles, path: &Path, stop: &Stop) -> ToolResult {
        match search(asked, path, &self.limits, &self.secrets, stop) {
            Ok(stdout) => ToolResult { stdout, ..ToolResult::default() },
            Err(reason) => ToolResult::refused(reason),
        }
    }
}

/// What one file holds.
struct Found {
    path: PathBuf,
    modified: SystemTime,
    /// Lines by their number; not more than may be shown.
    lines: Vec<(u64, String)>,
    count: usize,
}

fn search(
    asked: &SearchFiles,
    root: &Path,
    limits: &Limits,
    secrets: &Secrets,
    stop: &Stop,
) -> Result<String, String> {
    let most = asked.max_results.unwrap_or(limits.search_results).clamp(1, MOST.max(limits.search_results));
    let matcher = RegexMatcherBuilder::new()
        .line_terminator(Some(b'\n'))
        .build(&asked.pattern)
        .map_err(|error| format!("the pattern cannot be used: {error}"))?;
    let mut walk = WalkBuilder::new(root);
    walk.hidden(false)
        .follow_links(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git");
    if !asked.recursive {
        walk.max_depth(Some(1));
    }
    if let Some(glob) = asked.include_glob.as_deref().filter(|glob| !glob.is_empty()) {
        let overrides = OverrideBuilder::new(root).add(glob).and_then(|builder| builder.build());
        walk.overrides(overrides.map_err(|error| format!("include_glob cannot be used: {error}"))?);
    }
    if OF_THE_KERNEL.iter().any(|place| root.starts_with(place)) {
        return Err(format!("{} is not searched: there are no files in it", root.display()));
    }
    if !root.exists() {
        return Err(format!("there is no file or directory {}", root.display()));
    }
    let all = walk_all(&walk, &matcher, most, secrets, stop);
    Ok(all.text(root, most))
}

/// What a walk has found.
struct Walked {
    found: Vec<Found>,
    unread: usize,
    ended_early: bool,
}

fn walk_all(
    walk: &WalkBuilder,
    matcher: &RegexMatcher,
    most: usize,
    secrets: &Secrets,
    stop: &Stop,
) -> Walked {
    let found: Mutex<Vec<Found>> = Mutex::default();
    let (kept, unread) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let started = Instant::now();
    let cut = |line: &str| cut(line, secrets);
    let is_over = || stop.is_wanted() || started.elapsed() > PATIENCE;
    walk.build_parallel().run(|| {
        let mut searcher = searcher();
        let (found, kept, unread, is_over, cut) = (&found, &kept, &unread, &is_over, &cut);
        Box::new(move |entry| {
            if is_over() {
                return WalkState::Quit;
            }
            let Ok(entry) = entry else {
                unread.fetch_add(1, Ordering::Relaxed);
                return WalkState::Continue;
            };
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                return WalkState::Continue;
            }
            match search_file(&mut searcher, matcher, entry.path(), most, kept, is_over, cut) {
                Ok(Some(file)) => {
                    found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(file);
                }
                Ok(None) => {}
                Err(_) => {
                    unread.fetch_add(1, Ordering::Relaxed);
                }
            }
            WalkState::Continue
        })
    });
    let ended_early = is_over();
    let found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Walked { found, unread: unread.into_inner(), ended_early }
}

fn searcher() -> Searcher {
    SearcherBuilder::new()
        .binary_detection(BinaryDetection::quit(0))
        .line_number(true)
        .memory_map(MmapChoice::never())
        .heap_limit(Some(LONGEST_LINE))
        .build()
}

fn search_file(
    searcher: &mut Searcher,
    matcher: &RegexMatcher,
    path: &Path,
    most: usize,
    kept: &AtomicUsize,
    is_over: &dyn Fn() -> bool,
    cut: &dyn Fn(&str) -> String,
) -> std::io::Result<Option<Found>> {
    let mut lines = Vec::new();
    let mut count = 0;
    searcher.search_path(
        matcher,
        path,
        Lossy(|number, line| {
            count += 1;
            if lines.len() < most && kept.fetch_add(1, Ordering::Relaxed) < KEPT {
                lines.push((number, cut(line)));
            }
            Ok(!is_over())
        }),
    )?;
    if count == 0 {
        return Ok(None);
    }
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    let modified = modified.unwrap_or(SystemTime::UNIX_EPOCH);
    Ok(Some(Found { path: path.to_owned(), modified, lines, count }))
}

fn cut(line: &str, secrets: &Secrets) -> String {
    let line = line.trim_end_matches(['\n', '\r']);
    if line.len() <= LINE {
        return line.to_owned();
    }
    let line = secrets.hidden(line);
    match line.char_indices().nth(LINE) {
        Some((at, _)) => format!("{} [… {} bytes of this line left out …]", &line[..at], line.len() - at),
        None => line,
    }
}

impl Walked {
    /// The newest files first.
    fn text(mut self, root: &Path, most: usize) -> String {
        self.found.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.path.cmp(&b.path)));
        let total: usize = self.found.iter().map(|file| file.count).sum();
        let matches = if total == 1 { "match" } else { "matches" };
        let mut text = format!("Found {total} {matches}");
        if total > most {
            text.push_str(&format!(", the first {most} of the newest files are shown"));
        }
        text.push('\n');
        let mut left = most;
        for file in self.found.iter().filter(|file| !file.lines.is_empty()) {
            if left == 0 {
                break;
            }
            let name = file.path.strip_prefix(root).ok().filter(|name| !name.as_os_str().is_empty());
            text.push_str(&format!("\n{}:\n", name.unwrap_or(&file.path).display()));
            for (number, line) in file.lines.iter().take(left) {
                text.push_str(&format!("  Line {number}: {line}\n"));
            }
            left = left.saturating_sub(file.lines.len());
        }
        if self.unread > 0 {
            text.push_str(&format!("\n[{} files or directories could not be searched]\n", self.unread));
        }
        if self.ended_early {
            text.push_str(&format!("\n[the search was ended after {} s]\n", PATIENCE.as_secs()));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    fn asked(pattern: &str) -> SearchFiles {
        SearchFiles {
            pattern: pattern.to_owned(),
            path: ".".to_owned(),
            recursive: true,
            include_glob: None,
            max_results: None,
        }
    }

    fn project() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        for directory in ["sub", ".git", "ignored"] {
            fs::create_dir(path.join(directory)).unwrap();
        }
        for (file, content, age) in [
            ("old.nf", "one FOO\ntwo\nthree FOO\n", 300),
            ("sub/new.txt", "FOO\r\n", 100),
            (".hidden", "FOO\n", 200),
            (".git/config", "FOO\n", 0),
            ("ignored/x", "FOO\n", 0),
            (".gitignore", "ignored/\n", 400),
            ("binary", "FOO\0\n", 0),
        ] {
            fs::write(path.join(file), content).unwrap();
            let time = SystemTime::now() - Duration::from_secs(age);
            File::options().write(true).open(path.join(file)).unwrap().set_modified(time).unwrap();
        }
        root
    }

    fn found(asked: &SearchFiles, root: &Path) -> String {
        search(asked, root, &Limits::default(), &Secrets::named([]), &Stop::default()).unwrap()
    }

    #[test]
    fn matches_come_by_file_the_newest_first() {
        let root = project();
        assert_eq!(
            found(&asked("FO+"), root.path()),
            "Found 4 matches\n\nsub/new.txt:\n  Line 1: FOO\n\n.hidden:\n  Line 1: FOO\n\n\
             old.nf:\n  Line 1: one FOO\n  Line 3: three FOO\n"
        );
        let few = SearchFiles { max_results: Some(1), ..asked("FOO") };
        assert_eq!(
            found(&few, root.path()),
            "Found 4 matches, the first 1 of the newest files are shown\n\nsub/new.txt:\n  Line 1: FOO\n"
        );
        let nf = SearchFiles { include_glob: Some("*.nf".to_owned()), ..asked("^two$") };
        assert_eq!(found(&nf, root.path()), "Found 1 match\n\nold.nf:\n  Line 2: two\n");
        let flat = SearchFiles { recursive: false, ..asked("FOO") };
        assert!(!found(&flat, root.path()).contains("new.txt"));
        assert_eq!(found(&asked("nothing"), root.path()), "Found 0 matches\n");
        let file = root.path().join("old.nf");
        assert!(found(&asked("two"), &file).contains("old.nf:\n  Line 2: two\n"));
    }

    #[test]
    fn what_cannot_be_searched_is_told() {
        let root = project();
        let fails = |asked: &SearchFiles, path: &Path| {
            search(asked, path, &Limits::default(), &Secrets::named([]), &Stop::default()).unwrap_err()
        };
        assert!(fails(&asked("("), root.path()).contains("the pattern cannot be used"));
        let glob = SearchFiles { include_glob: Some("{a".to_owned()), ..asked("x") };
        assert!(fails(&glob, root.path()).contains("include_glob cannot be used"));
        assert!(fails(&asked("x"), Path::new("/proc/self")).contains("is not searched"));
        assert!(fails(&asked("x"), &root.path().join("none")).contains("there is no file or directory"));
    }

    #[test]
    fn a_line_without_end_is_neither_shown_whole_nor_held_in_memory() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("long"), "x".repeat(100_000) + "FOO\n").unwrap();
        let text = found(&asked("FOO"), root.path());
        assert!(text.len() < 700 && text.contains("bytes of this line left out"), "{text}");
        fs::write(root.path().join("longer"), "x".repeat(LONGEST_LINE + 1)).unwrap();
        let text = found(&asked("FOO"), root.path());
        assert!(text.contains("[1 files or directories could not be searched]"), "{text}");
    }
}
