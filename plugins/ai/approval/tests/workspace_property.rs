//! What runs by itself in default mode changes nothing outside of the workspace: random scripts, run in a real bash over
//! workspaces full of links.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to stop")]
#![allow(clippy::print_stderr, reason = "a long run reports its numbers")]

mod ground;

use std::io;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use ground::{Ask, Ground};
use seqera_ai_approval::{Decision, Filesystem, Kind, Mode, Run, Status, SystemFiles};

/// Names that lead in and out, exist and do not, and look like options.
const NAMES: &[&str] = &[
    "a.txt",
    "b.txt",
    "new",
    "sub",
    "sub/",
    "sub/deep",
    "sub/deep/up1",
    "sub/deep/up2",
    "sub/in.txt",
    "sub/n/m",
    "out",
    "out/",
    "out/f",
    "out/new",
    "outfile",
    "dangling",
    "loop",
    "loop1",
    "up",
    "up/outside",
    "up/outside/f",
    "up/ws/a.txt",
    "self",
    "self/self/b.txt",
    "self/..",
    "chain1",
    "chain1/f",
    "hard.txt",
    "..",
    ".",
    "../outside",
    "../outside/f",
    "../outside/new",
    "../ws/new",
    "../ws",
    "../ws2",
    "sub/..",
    "sub/../../outside/f",
    "sub/deep/../../new",
    "missing/../new",
    "missing/../../outside/new",
    "src",
    "src/x",
    "dst",
    "dst/src",
    "dst/src/x",
    "tree",
    "tree/a",
    "tree/a/l",
    "tree/a/l/new",
    "c",
    "c/l/new",
    "l",
    "l/new",
    "-rf",
    "--",
    "-t",
    "-T",
    "-p",
    "-r",
    "-a",
    ".git",
    ".git/config",
    ".GIT/new",
    "sub/.git",
    ".seqera/x",
    ".agents",
    "/dev/null",
    "/dev/stdout",
    "/dev/fd/1",
    "/proc/self/cwd/new",
    "/proc/self/cwd/../outside/f",
    "fifo",
    "name with space",
    "it's",
    "a*",
    "é",
    "ABS/f",
    "ABS/new",
    "abs",
    "abs/f",
    "deeplink/f",
    "empty",
];
const OPTIONS: &[&str] = &[
    "",
    "",
    "",
    "",
    "-p",
    "-r",
    "-R",
    "-a",
    "-f",
    "-n",
    "-u",
    "-v",
    "-T",
    "-t sub",
    "-t out",
    "-t dst",
    "-t ../outside",
    "--",
    "-rf",
    "--target-directory=sub",
    "--target-directory=out",
    "-d",
    "-P",
    "-L",
    "-l",
    "-s",
    "-b",
    "-r ../outside/f",
    "-m 777",
    "-c",
    "--parents",
    "--backup",
    "-S /../../outside/x",
    "--no-dereference",
];
const JOINTS: &[&str] = &[" && ", " ; ", "\n", " | ", " || ", ";", "&&", " & "];
const REDIRECTS: &[&str] = &[">", ">>", "> ", "2>", "&>", ">|", "<", "1>", ">&", "2>&1 >", "<>", "&>>"];

fn build(ground: &Ground) {
    ground.file("a.txt", "a\n");
    ground.file("b.txt", "b\n");
    ground.file("name with space", "s\n");
    ground.file("it's", "i\n");
    ground.file("é", "e\n");
    ground.file("../outside/f", "secret\n");
    ground.file("../outside/h", "linked\n");
    ground.file("../outside/d/x", "deep\n");
    ground.file(".git/config", "[core]\n");
    ground.file("src/x", "x\n");
    ground.file("sub/in.txt", "in\n");
    ground.directory("sub/deep");
    ground.directory("empty");
    for (path, target) in [
        ("sub/deep/up1", ".."),
        ("sub/deep/up2", "../.."),
        ("out", "../outside"),
        ("outfile", "../outside/f"),
        ("dangling", "../outside/not-there"),
        ("loop", "loop"),
        ("loop1", "loop2"),
        ("loop2", "loop1"),
        ("up", ".."),
        ("self", "."),
        ("chain1", "chain2"),
        ("chain2", "chain3"),
        ("chain3", "../outside"),
        ("deeplink", "sub/deep/up2/../outside"),
        ("tree/a/l", "../.."),
        ("tree/a/m", "../../.."),
        ("dst/src/x", "../../../outside/f"),
        ("dst/a.txt", "../../outside/new-by-name"),
        ("empty/in", "../a.txt"),
    ] {
        ground.link(path, target);
    }
    let outside = ground.place().join("outside");
    ground.link("abs", outside.to_str().unwrap());
    ground.hard_link("hard.txt", "../outside/h");
}

/// Random scripts.
struct Scripts {
    random: Rng,
    outside: String,
}

impl Scripts {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.random.usize(..from.len())]
    }

    fn path(&mut self) -> String {
        let mut path = self.pick(NAMES).replace("ABS", &self.outside);
        if self.random.u8(..8) == 0 {
            path = format!("{path}/{}", self.pick(&["x", "l", "..", "f", "new", "../new", "", "up1", "src"]));
        }
        match self.random.u8(..8) {
            0 => format!("'{}'", path.replace('\'', "'\\''")),
            1 => format!("\"{path}\""),
            2 if path.is_char_boundary(1) && path.len() > 1 => format!("{}\\{}", &path[..1], &path[1..]),
            _ => path,
        }
    }

    fn command(&mut self) -> String {
        let name = self.pick(&[
            "touch",
            "mkdir",
            "cp",
            "mv",
            "cp",
            "mv",
            "echo x",
            "cat",
            "cat > new <<'E'\ntext\nE\ntouch",
            "ls",
            "head",
        ]);
        let mut words = vec![name.to_owned(), self.pick(OPTIONS).to_owned()];
        for _ in 0..self.random.usize(1..4) {
            words.push(self.path());
        }
        if self.random.u8(..4) == 0 {
            words.push(format!("{}{}", self.pick(REDIRECTS), self.path()));
        }
        words.join(" ")
    }

    fn script(&mut self) -> String {
        let mut text = self.command();
        for _ in 0..self.pick(&["", "", "+", "++"]).len() {
            text.push_str(self.pick(JOINTS));
            text.push_str(&self.command());
        }
        if self.random.u8(..10) == 0 {
            let at = self.random.usize(..=text.len());
            if text.is_char_boundary(at) {
                text.insert_str(
                    at,
                    self.pick(&[
                        "'", "\"", "\\", " ", "\n", "$", "*", "{", "~", "#", ";", "&", "|", ">", "/", "\r",
                        "!",
                    ]),
                );
            }
        }
        text
    }
}

/// What a run of the property found.
#[derive(Debug, Default)]
struct Outcome {
    scripts: usize,
    automatic: usize,
    escapes: Vec<String>,
}

/// Tries scripts; several automatic ones run one after another in the same workspace, each judged as it finds it.
fn try_scripts(count: usize, seed: u64, files: &dyn Filesystem) -> Outcome {
    let mut outcome = Outcome { scripts: count, ..Outcome::default() };
    let mut ground = Ground::new();
    build(&ground);
    let mut scripts = Scripts { random: Rng::with_seed(seed), outside: outside(&ground) };
    let mut before = ground.untouchable();
    let mut ran = Vec::new();
    for _ in 0..count {
        let text = scripts.script();
        let cwd = scripts.pick(&[".", ".", ".", "sub", "out", "self"]);
        let ask = Ask { cwd, ..Ask::shell(Mode::Default, &text) };
        let Decision::Auto { run: Run::Checked { text: checked, .. }, .. } = ground.decide(&ask, files)
        else {
            continue;
        };
        outcome.automatic += 1;
        let _ = ground.run(&checked, cwd);
        ran.push(format!("in {cwd}: {text:?}, run as {checked:?}"));
        let after = ground.untouchable();
        if after != before {
            let changed: Vec<String> = after
                .iter()
                .filter(|(path, what)| before.get(*path) != Some(*what))
                .map(|(path, what)| format!("{} {what}", path.display()))
                .chain(
                    before
                        .keys()
                        .filter(|path| !after.contains_key(*path))
                        .map(|path| format!("{} gone", path.display())),
                )
                .collect();
            outcome.escapes.push(format!("{}\nchanged {changed:#?}", ran.join("\n")));
        }
        if after != before || ran.len() == 4 || !ground.workspace.join("sub/deep").is_dir() {
            ground = Ground::new();
            build(&ground);
            scripts.outside = outside(&ground);
            before = ground.untouchable();
            ran.clear();
        }
    }
    outcome
}

fn outside(ground: &Ground) -> String {
    ground.place().join("outside").to_str().unwrap().to_owned()
}

#[test]
fn what_runs_by_itself_changes_nothing_outside() {
    let mut total = Outcome::default();
    let count = ground::scripts(1500);
    for seed in 1..=3 {
        let outcome = try_scripts(count / 3, ground::seed(seed), &SystemFiles);
        total.scripts += outcome.scripts;
        total.automatic += outcome.automatic;
        total.escapes.extend(outcome.escapes);
    }
    eprintln!("{} scripts, {} automatic, {} escapes", total.scripts, total.automatic, total.escapes.len());
    assert!(total.escapes.is_empty(), "{} escapes, the first:\n{}", total.escapes.len(), total.escapes[0]);
    assert!(
        total.automatic * 20 > total.scripts,
        "only {} of {} were automatic",
        total.automatic,
        total.scripts
    );
}

/// A look that follows links and counts no names: what an engine sees that compares the text of paths.
struct Blind;

impl Filesystem for Blind {
    fn status(&self, path: &Path) -> io::Result<Status> {
        let metadata = std::fs::metadata(path)?;
        Ok(Status { kind: if metadata.is_dir() { Kind::Directory } else { Kind::File }, links: 1 })
    }

    fn link_target(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::read_link(path)
    }
}

/// The property can fail: without the path rule the same scripts escape.
#[test]
fn without_the_path_rule_the_same_scripts_escape() {
    let outcome = try_scripts(500, 1, &Blind);
    eprintln!(
        "{} scripts, {} automatic, {} escapes",
        outcome.scripts,
        outcome.automatic,
        outcome.escapes.len()
    );
    assert!(
        outcome.escapes.len() >= 5,
        "{} of {} automatic escaped",
        outcome.escapes.len(),
        outcome.automatic
    );
}
