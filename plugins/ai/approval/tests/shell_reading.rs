//! The engine reads shell text as bash does: random scripts in bash, with every program replaced by one that only records
//! its words.
//!
//! Two properties: what is written anew from the words that were checked does the same as the original; and what full
//! mode runs by itself never reaches a dangerous command.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to stop")]
#![allow(clippy::print_stderr, reason = "a long run reports its numbers")]

mod ground;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use fastrand::Rng;
use ground::{Ask, Ground};
use seqera_ai_approval::{Decision, Mode, Pattern, Rules, Run, SystemFiles};

/// Records the words of every command that is not built in, and what it reads, into a file that no redirection reaches.
const STUBS: &str = r#"
exec 9>>"$RECORD"
command_not_found_handle() {
    local text words
    IFS= read -r -d '' -n 200 text
    printf -v words '%q ' "$@"
    printf -v text '[%s] %q' "$words" "$text"
    # One write, for the parts of a pipeline run at once.
    printf '%s\n' "$text" >&9
    return 0
}
"#;

/// Runs a text in an empty directory; answers what ran, sorted (the parts of a pipeline run at once), and the files it left.
fn recorded(text: &str) -> (Vec<String>, Vec<(String, Vec<u8>)>) {
    let place = tempfile::tempdir().unwrap();
    let cwd = place.path().join("cwd");
    fs::create_dir(&cwd).unwrap();
    fs::write(cwd.join("x"), "text\n").unwrap();
    let record = place.path().join("record");
    let script = format!("{STUBS}{text}");
    let mut bash = Command::new("/usr/bin/timeout")
        .args(["-s", "KILL", "2", "/bin/bash", "--noprofile", "--norc", "-c", &script])
        .process_group(0)
        .current_dir(&cwd)
        .env("PATH", "/nonexistent")
        .env("RECORD", &record)
        .env("FUNCNEST", "10")
        .env("HOME", "/nonexistent/home")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let group = format!("-{}", bash.id());
    bash.wait().unwrap();
    // What it left behind may wait for ever.
    let _ = Command::new("/bin/kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let mut ran: Vec<String> =
        fs::read_to_string(record).unwrap_or_default().lines().map(str::to_owned).collect();
    ran.sort();
    (ran, files(&cwd))
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let items = fs::read_dir(directory).unwrap().map(|item| item.unwrap().path());
    let mut files: Vec<(String, Vec<u8>)> = items
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap_or_default())
        })
        .collect();
    files.sort();
    files
}

fn pick<'a>(random: &mut Rng, from: &[&'a str]) -> &'a str {
    from[random.usize(..from.len())]
}

/// Pieces that shells and parsers disagree about; no slash, so that nothing is written elsewhere.
const PIECES: &[&str] = &[
    "a",
    "b",
    "rm",
    "x",
    "ab",
    " ",
    " ",
    " ",
    " ",
    " ",
    "'",
    "'",
    "\"",
    "\"",
    "\\",
    "\\\\",
    "\n",
    "\t",
    ";",
    "&&",
    "||",
    "|",
    "&",
    "#",
    " #",
    "=",
    "a=",
    "~",
    ":",
    "!",
    "$",
    "{",
    "}",
    "(",
    ")",
    "*",
    "?",
    "[",
    "]",
    ">",
    "> ",
    ">>",
    "<",
    "2>&1",
    "2>",
    "1>&2",
    "&>",
    ">|",
    "<<'E'",
    "<<\"E\"",
    "<<E",
    "\nE\n",
    "E",
    "<<-'E'",
    "\tE",
    "<<<",
    "-",
    "--",
    "-c",
    "'a b'",
    "\"a b\"",
    "''",
    "\"\"",
    "a\\ b",
    "\\\n",
    "time ",
    "if ",
    "then ",
    "fi",
    "do",
    "done",
    "coproc ",
    "function ",
    "select",
    "in",
    "case ",
    "esac",
    "é",
    "\u{a0}",
    "\r",
    "\u{b}",
    "\u{c}",
    "%",
    "^",
    "0",
    "1",
    "10",
    "2",
    ",",
    ".",
    "+",
    "@",
    "`",
    "$(",
    "${a}",
    "$'\\n'",
    "$\"a\"",
    "[[",
    "]]",
    "{a,b}",
    "a~",
    "=~",
    ":~",
    "|&",
    "&>>",
    ";;",
];

fn adversarial(random: &mut Rng) -> String {
    let count = random.usize(1..14);
    (0..count).map(|_| pick(random, PIECES)).collect()
}

/// Mostly readable text, so that much of it is claimed.
fn plausible(random: &mut Rng) -> String {
    let word = |random: &mut Rng| {
        pick(
            random,
            &[
                "a",
                "b",
                "'it s'",
                "\"q\\\"d\"",
                "a\\ b",
                "x#y",
                "\"a;b\"",
                "''",
                "c\\\nd",
                "'#'",
                "\"\\x\"",
                "-n",
                "a=b",
                "x~",
                "é",
                "'\n'",
            ],
        )
    };
    let mut text = String::new();
    for index in 0..random.usize(1..4) {
        if index > 0 {
            text.push_str(pick(
                random,
                &[" && ", "||", ";", "\n", " | ", " |\n", "&&\n\n", " ; # c\n", "\n# c 'x\n"],
            ));
        }
        text.push_str(pick(
            random,
            &["a", "b", "rm", "\\a", "'b'", "r\"m\"", "\"a\"", "ls", "'if'", "\\time"],
        ));
        for _ in 0..random.usize(..4) {
            text.push_str(pick(random, &[" ", "  ", "\t", " \\\n"]));
            text.push_str(word(random));
        }
        text.push_str(pick(
            random,
            &[
                "",
                "",
                "",
                " > f",
                ">g",
                " 2>&1",
                " >>f 2>&1",
                " <x",
                " 2>e",
                " &>h",
                " <<'E'\n$a `b` \\\nit's\nE\n",
                " <<-\"E\"\n\tz\n\tE\n",
            ],
        ));
    }
    if random.bool() {
        let at = random.usize(..=text.len());
        if text.is_char_boundary(at) {
            text.insert_str(at, pick(random, PIECES));
        }
    }
    text
}

#[test]
fn what_is_written_anew_does_the_same() {
    let rules = Rules {
        allow: ["a *", "b *", "r* *", "ls *", "ab *", "x *", "if *", "time *", "E *"]
            .iter()
            .filter_map(|text| Pattern::allowing(text).ok())
            .collect(),
        ..Rules::default()
    };
    let ground = Ground::new();
    ground.file("x", "text\n");
    let mut random = Rng::with_seed(ground::seed(7));
    let (mut claimed, mut wrong) = (0, Vec::new());
    let count = ground::scripts(6000);
    for index in 0..count {
        let text = if index % 8 == 0 { plausible(&mut random) } else { adversarial(&mut random) };
        let ask = Ask { rules: rules.clone(), ..Ask::shell(Mode::Default, &text) };
        let Decision::Auto { run: Run::Checked { text: checked, .. }, .. } =
            ground.decide(&ask, &SystemFiles)
        else {
            continue;
        };
        claimed += 1;
        let (original, anew) = (recorded(&text), recorded(&checked));
        if original != anew {
            wrong.push(format!("{text:?} as {checked:?}\n{original:?}\n{anew:?}"));
        }
    }
    eprintln!("{count} scripts, {claimed} claimed, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{} wrong, the first:\n{}", wrong.len(), wrong[0]);
    assert!(claimed * 30 > count, "only {claimed} of {count} were claimed");
}

/// Scripts with a dangerous command somewhere in them, perhaps as text only.
fn nested(random: &mut Rng, depth: usize) -> String {
    const DANGER: &[&str] = &[
        "rm x",
        "\\rm x",
        "'rm' x",
        "r\"\"m",
        "$'\\x72m' x",
        "rm",
        "RM x",
        "a rm",
        "a 'rm x'",
        "a \"rm x\"",
        "b",
        "$z",
        "a $z",
        "x=1 rm",
        ">f rm x",
        "r\\\nm x",
        "a\nrm x",
        "${z:-rm} x",
        "$(a)rm x",
        "r{m,n} x",
        "r? x",
        "\"$(a rm)\"",
        "a #rm\nrm y",
        "a#; rm y",
        "a '#'; rm",
        "a \\#; rm y",
    ];
    if depth == 0 {
        return pick(random, DANGER).to_owned();
    }
    let inner = nested(random, depth - 1);
    let other = nested(random, random_depth(depth));
    let quoted = format!("'{}'", inner.replace('\'', "'\\''"));
    match random.u8(..62) {
        0 => format!("{inner}; {other}"),
        1 => format!("{other} && {inner}"),
        2 => format!("{other} | {inner}"),
        3 => format!("{other} & {inner}"),
        4 => format!("({inner})"),
        5 => format!("{{ {inner}; }}"),
        6 => format!("if {inner}; then {other}; fi"),
        7 => format!("if a; then {other}; else {inner}; fi"),
        8 => format!("for i in 1 \"$({inner})\"; do {other}; done"),
        9 => format!("while {inner}; do break; done"),
        10 => format!("case a in a) {inner};; esac"),
        11 => format!("case \"$({inner})\" in *) {other};; esac"),
        12 => format!("f() {{ {inner}; }}; f"),
        13 => format!("a \"$({inner})\""),
        14 => format!("a `{}`", inner.replace('\\', "\\\\").replace('`', "\\`")),
        15 => format!("a <({inner})"),
        16 => format!("a $(( b[$({inner})] ))"),
        17 => format!("a ${{q:-$({inner})}}"),
        18 => format!("a \"${{q:-'$({inner})'}}\""),
        19 => format!("a <<E\n$({inner})\nE\n"),
        20 => format!("a <<'E'\n$({inner})\nE\n"),
        21 => format!("a <<E\n'$({inner})'\nE\n"),
        22 => format!("eval {quoted}"),
        23 => format!("a {quoted}"),
        24 => format!("! {inner}"),
        25 => format!("time {inner}"),
        26 => format!("command {inner}"),
        27 => format!("y=$({inner}) a"),
        28 => format!("y=({other} $({inner}))"),
        29 => format!("[[ a == $({inner}) ]]"),
        30 => format!("trap {quoted} EXIT"),
        31 => format!("coproc {inner}"),
        32 => format!("(( q[$({inner})] ))"),
        33 => format!("a <(({inner}); {other})"),
        34 => format!("a >( ({inner}) )"),
        35 => format!("a ${{q:-<({inner})}}"),
        36 => format!("a ${{q:-b >({inner})}}"),
        37 => format!("a $(( b[$(({inner}) )] ))"),
        38 => format!("time -- {inner}"),
        39 => format!("for y in 'b[$({inner})]'; do a $((y)); done"),
        40 => format!("read y <<< 'b[$({inner})]'; (( y ))"),
        41 => format!("set -- 'b[$({inner})]'; a $(($1))"),
        42 => format!("g() {{ a $(($1)); }}; g 'b[$({inner})]'"),
        43 => format!("mapfile -t y <<'E'\nb[$({inner})]\nE\n(( y ))"),
        44 => format!("for RANDOM in 'b[$({inner})]'; do {other}; done"),
        45 => format!("y='b['; q='$({inner})]'; a $(($y$q))"),
        46 => format!("{{ source /dev/stdin; }} <<< {quoted}"),
        47 => format!("(source /dev/stdin) <<'E'\n{inner}\nE\n"),
        48 => format!("echo {quoted} | {{ source /dev/stdin; }}"),
        49 => format!("exec <<< {quoted}; source /dev/stdin"),
        50 => format!("source <(echo {quoted})"),
        51 => format!("source /dev/stdin < <(echo {quoted})"),
        52 => format!("printf %sm r > s; source ./s; {other}"),
        53 => format!("echo {quoted} > s; . ./s"),
        54 => format!("echo {quoted} > s; {other}; source ./s"),
        55 => format!("printf '%s\\n' {quoted} | source /dev/stdin"),
        56 => format!("echo {quoted} | while read y; do eval \"$y\"; done"),
        57 => format!("if {other}; then source /dev/stdin; fi <<< {quoted}"),
        58 => format!("f() {{ source /dev/stdin; }}; f <<< {quoted}"),
        59 => format!("source /dev/fd/3 3<<< {quoted}"),
        60 => format!("source /dev/stdin <<E\n{inner}\nE\n"),
        _ => format!("y='b[$({inner})]'; (( y ))"),
    }
}

const fn random_depth(depth: usize) -> usize {
    if depth > 1 { 1 } else { 0 }
}

#[test]
fn full_mode_never_reaches_a_dangerous_command_by_itself() {
    let ground = Ground::new();
    let mut random = Rng::with_seed(ground::seed(11));
    let (mut automatic, mut prompted, mut reached, mut wrong) = (0, 0, 0, Vec::new());
    let count = ground::scripts(4000);
    for index in 0..count {
        let mut text = if index % 3 == 0 { adversarial(&mut random) } else { nested(&mut random, index % 4) };
        if random.u8(..4) == 0 {
            let at = random.usize(..=text.len());
            if text.is_char_boundary(at) {
                text.insert_str(at, pick(&mut random, PIECES));
            }
        }
        let Decision::Auto { .. } = ground.decide(&Ask::shell(Mode::Full, &text), &SystemFiles) else {
            prompted += 1;
            if prompted % 10 == 0 && reaches_rm(&text) {
                reached += 1;
            }
            continue;
        };
        automatic += 1;
        if !text.contains('m') && !text.contains('M') {
            continue;
        }
        if reaches_rm(&text) {
            wrong.push(format!("{text:?} ran {:?}", recorded(&text).0));
        }
    }
    eprintln!("{count} scripts, {automatic} automatic, {prompted} asked about, {} wrong", wrong.len());
    eprintln!("of one in ten that were asked about, {reached} run rm");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
    assert!(automatic * 20 > count && prompted * 20 > count, "{automatic} automatic, {prompted} asked about");
    // It has teeth only if much of what is asked about would have been dangerous.
    assert!(reached * 40 > prompted, "{reached} of {} ran rm", prompted / 10);
}

fn reaches_rm(text: &str) -> bool {
    recorded(text).0.iter().any(|line| line.to_lowercase().starts_with("[rm "))
}
