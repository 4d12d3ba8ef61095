//! Command lines: what they are made of, and what decides.

use seqera_ai_approval::{Decision, Mode, Run, SessionGrant, SystemFiles};

use crate::ground::Ask;
use crate::{check, ground, tell};

#[test]
fn compound_commands_are_judged_part_by_part() {
    let parts = [
        "ls; git status",
        "ls && git status",
        "ls || git status",
        "ls | git apply",
        "ls\ngit status",
        "ls & git status",
        "ls;git status;",
    ];
    check(Mode::Default, "prompt", &parts);
    check(
        Mode::Full,
        "prompt dangerous",
        &["ls; rm x", "ls && rm x", "ls || rm x", "ls | rm x", "ls\nrm x", "ls & rm x", "ls |& rm x"],
    );
    check(
        Mode::Basic,
        "auto",
        &["ls; pwd", "ls && pwd || date", "cat a.txt | head | tail", "ls\n\npwd # and a comment\n"],
    );
}

#[test]
fn many_parts_are_no_way_around() {
    let harmless = "true; ".repeat(60);
    check(Mode::Full, "auto", &[&harmless]);
    check(
        Mode::Full,
        "prompt dangerous",
        &[&format!("{harmless}rm x"), &format!("{}rm x", "ls && ".repeat(2000))],
    );
    check(Mode::Basic, "prompt", &[&format!("{}git status", "ls; ".repeat(60))]);
    check(Mode::Full, "prompt too-long", &[&format!("echo {}", "x".repeat(17_000))]);
}

#[test]
fn decoded_words_decide_and_not_the_text() {
    check(
        Mode::Full,
        "prompt dangerous",
        &[
            "\\rm x",
            "r\\m x",
            "'r'\"m\" x",
            "$'\\162\\155' x",
            "$'\\u0072m' x",
            "r\\\nm x",
            "RM x",
            "/bin//rm x",
        ],
    );
    check(
        Mode::Full,
        "prompt computed-command",
        &["$r$m x", "r${e}m x", "${r:-rm} x", "{rm,x}", "r[m] x", "/bin/r? x", "`echo rm` x"],
    );
    check(
        Mode::Full,
        "auto",
        &["echo rm", "echo 'rm x; rm y'", "printf '%s' \"rm\"", "echo \\$\\(rm x\\)", "ls rm"],
    );
}

#[test]
fn wrappers_are_looked_into_and_listed_ones_do_not_wrap() {
    check(
        Mode::Basic,
        "prompt",
        &[
            "env ls",
            "env -i",
            "env A=b",
            "env -u A",
            "env -S ls",
            "timeout 5 ls",
            "nice ls",
            "nohup ls",
            "time ls",
            "command ls",
        ],
    );
    check(
        Mode::Full,
        "prompt dangerous",
        &[
            "env A=b rm x",
            "timeout 5 nice -n 3 rm x",
            "nohup setsid rm x",
            "xargs -0 -n1 rm",
            "time time x=1 rm",
            "time time ! rm x",
            "find . -exec rm {} +",
        ],
    );
    check(Mode::Full, "auto", &["env A=b ls", "timeout 5 make", "find . -name a -print", "xargs -n1 ls"]);
}

#[test]
fn options_that_write_or_run_are_not_on_the_lists() {
    let options = [
        "tree -o x",
        "tree -L 2 -o x",
        "tree -ao x",
        "tree --output x",
        "tree -R",
        "tree -L2 -- -o ../outside/x",
        "tree -- -o x",
        "date -s 12:00",
        "date --set=12:00",
        "date --se=1",
        "date 0101",
        "date -u 010100002020",
        "env -0 ls",
        "pwd x",
        "whoami x",
        "ls --colo=auto",
        "stat --form=%n a.txt",
        "head --lin=1 a.txt",
        "tail --unknown a.txt",
        "cat -Z a.txt",
        "uptime x",
        "cp --backup a.txt b",
        "cp -b a.txt b",
        "cp -S /../x -f a.txt b",
        "cp -l a.txt b",
        "cp -s a.txt b",
        "cp --parents sub/x b",
        "cp --attributes-only a.txt b",
        "mv -b a.txt b",
        "mv --suffix=x a.txt b",
        "touch -h link",
        "mkdir -m 777 d",
        "mkdir --mode=777 d",
        "mkdir -Z d",
        "cp -L a.txt b",
        "cp -rH a.txt b",
    ];
    check(Mode::Default, "prompt", &options);
    let fine = [
        "ls -la --color=auto --sort=size",
        "ls -w 80 -I '*.o'",
        "head -n5 a.txt",
        "head -5 a.txt",
        "tail -n +2 a.txt",
        "tail -20f a.txt",
        "date -u +%s",
        "date -d yesterday",
        "date -Iseconds",
        "stat -c %s a.txt",
        "stat --format=%n a.txt",
        "tree -aL 2 sub",
        "cat -n a.txt",
        "echo -e 'x\\n' --anything -Z",
        "printenv HOME PATH",
        "uptime -p",
        "cat --help",
        "env -0",
        "ls -- -l",
    ];
    let expected: Vec<&str> = fine.iter().copied().filter(|text| *text != "tail -20f a.txt").collect();
    check(Mode::Basic, "auto", &expected);
    check(Mode::Basic, "prompt option", &["tail -20f a.txt"]);
}

/// getopt of GNU goes on behind an operand, that of POSIX stops there and takes every word for a file.
#[test]
fn an_option_behind_an_operand_of_a_command_that_changes_files_comes_first() {
    let ground = ground();
    let ordered = [
        ("mkdir d -p", "'mkdir' '-p' '--' 'd'"),
        ("cp a.txt b.txt -v", "'cp' '-v' '--' 'a.txt' 'b.txt'"),
        ("cp -r sub x --no-clobber", "'cp' '-r' '--no-clobber' '--' 'sub' 'x'"),
        ("touch x -d link/y", "'touch' '-d' 'link/y' '--' 'x'"),
        ("touch x -r a.txt -c", "'touch' '-r' 'a.txt' '-c' '--' 'x'"),
        ("mv a.txt -- b.txt", "'mv' '--' 'a.txt' 'b.txt'"),
        ("mkdir x -- -y", "'mkdir' '--' 'x' '-y'"),
        ("mkdir -p x", "'mkdir' '-p' 'x'"),
    ];
    for (text, expected) in ordered {
        match ground.decide(&Ask::shell(Mode::Default, text), &SystemFiles) {
            Decision::Auto { run: Run::Checked { text: checked, .. }, .. } => {
                assert_eq!(checked, expected, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    check(
        Mode::Default,
        "prompt",
        &[
            "touch x -- link/y",
            "touch x -r ../outside/secret",
            "cp a.txt -t ../outside",
            "cp a.txt b.txt --no-such",
            "mkdir d -m",
            "mv a.txt -- ../outside/x",
        ],
    );
    check(Mode::Default, "auto", &["touch -d yesterday x", "touch -- -x x", "cp -v -- a.txt b.txt"]);
    check(Mode::Basic, "auto", &["cat a.txt -n", "ls sub -la"]);
}

#[test]
fn git_runs_what_its_configuration_says_so_it_is_never_listed() {
    check(
        Mode::Default,
        "prompt not-listed",
        &["git status", "git diff", "git log", "git -c core.pager=x log", "/usr/bin/git status"],
    );
}

#[test]
fn assignments_change_what_runs() {
    check(
        Mode::Default,
        "prompt",
        &[
            "LD_PRELOAD=./x ls",
            "PATH=. ls",
            "A=b",
            "A+=b ls",
            "A[0]=b ls",
            "IFS=x ls",
            "export A=b",
            "BASH_ENV=x ls",
        ],
    );
}

#[test]
fn what_parsers_disagree_about_is_refused_before_any() {
    check(
        Mode::Full,
        "prompt hidden-characters",
        &[
            "ls\rrm x",
            "ls\u{b}x",
            "ls\u{c}x",
            "a<<\r x",
            "a<<\u{c} x",
            "ls \0x",
            "ls \u{85}x",
            "ls \u{1b}[8mrm",
        ],
    );
    check(
        Mode::Full,
        "prompt unreadable",
        &["echo 'x", "echo \"x", "if ls", "ls )", "case a in", "f() {", "${", "cat <<E"],
    );
    // Here-documents in a group that begins a process substitution are lost to the parser, and so is a process
    // substitution in `${…}`; bash runs what is in those.
    check(
        Mode::Full,
        "prompt unreadable",
        &[
            "cat <((cat <<E\n$(rm x)\nE\n))",
            "cat >((cat <<E\n'$(${z:-rm} x)'\nE\n))",
            "cat <((ls);cat <<E\n$(rm x)\nE\n)",
            "cat <\\\n((cat <<E\n$(rm x)\nE\n))",
            "cat <(\\\n(cat <<E\n$(rm x)\nE\n))",
            "cat ${q:-<(rm x)}",
            "cat <<E\n'$\\\n(rm x)'\nE",
            "echo $\\\n(rm x)",
            "((source /dev/stdin) <<'E'\nrm x\nE\n)",
            "ls; ((bash) <<'E'\nrm x\nE\n)",
            "echo $(( b[$((ls); rm x)] ))",
            "echo $(( b[$((ls \"rm x\"); while rm; do break; done)] ))",
            "echo $(( $((ls); rm x) ))",
            "cat ${q:-$(ls)>>(rm x)}",
            "cat ${q:-${r:-<(rm x)}}",
            "cat ${q:-<\\\n(rm x)}",
            "echo y${q:=<(rm x)}",
            "eval 'cat <((cat <<E\n$(rm x)\nE\n))'",
            "echo \"$(cat <((cat <<E\n$(rm x)\nE\n)))\"",
        ],
    );
    let plain = [
        "diff <(sort a) <(sort b)",
        "cat <( (ls) )",
        "(( n++ )); cat <<E\n$n\nE",
        "python3 - <<'E'\nprint(max((x for x in y), default=(1)))\nE",
        "echo \"${a[$((i + (1 * 2)))]}\"",
        "cat <<E\n$((1 + 1)) it's\nE",
    ];
    check(Mode::Full, "auto", &plain);
    check(Mode::Full, "prompt", &["[[ -n $(rm x) ]]", "[[ $(rm x) ]]", "ls --\\help\\\n; rm x"]);
}

/// What begins like arithmetic and is none runs: bash takes `$((` for `$( (` when nothing closes it as arithmetic.
#[test]
fn commands_that_look_like_arithmetic_are_not_taken_for_it() {
    check(
        Mode::Full,
        "prompt",
        &[
            "a $((rm x) )",
            "a $(( b[$((rm x) )] ))",
            "a \"$(( b[$((rm x) )] ))\"",
            "a <<E\n$(( b[$((rm x) )] ))\nE\n",
            "a $(( b[$((a#; rm y) | r\"\"m & a \"rm x\")a] ))",
            "a ${q:$(( b[$((rm x) )] ))}",
        ],
    );
    check(Mode::Full, "auto", &["echo $(( (1 + 2) * (3 - x) ))", "echo $((a[$(ls)] + 1)) $'\\x24'\\("]);
}

/// Bash expands the name of the file behind `>&` once more, quotes or not.
#[test]
fn what_is_quoted_behind_an_ampersand_runs_all_the_same() {
    check(
        Mode::Full,
        "prompt dangerous",
        &["ls >&'x$(rm y)'", "ls >&$'x\\x24(rm y)'", "ls >&x'`rm y`'", "y1>&2='b[$(>f rm x)]'; (( y ))"],
    );
    check(Mode::Full, "auto", &["ls >'x$(rm y)'", "ls >& out 2>&1", "ls >&2"]);
}

#[test]
fn here_documents_that_expand_run_what_is_in_them() {
    check(
        Mode::Full,
        "prompt dangerous",
        &[
            "cat <<E\n$(rm x)\nE",
            "cat <<E\n`rm x`\nE",
            "cat <<-E\n\t$(rm x)\n\tE",
            "cat <<E\n${a:-$(rm x)}\nE",
            "cat <<\\E2 <<E\n$(rm x)\nE2\n$(rm x)\nE",
        ],
    );
    check(Mode::Full, "auto", &["cat <<'E'\n$(rm x)\nE", "cat <<\\E\n$(rm x)\nE", "cat <<E\n\\$(rm x)\nE"]);
    check(
        Mode::Default,
        "auto",
        &["cat <<'E'\n$(rm x)\nE", "cat > n <<\"E\"\nx\nE", "cat <<'E' | head > n\nx\nE"],
    );
    check(Mode::Default, "prompt", &["cat <<E\nx\nE", "cat <<<x", "cat > ../outside/n <<'E'\nx\nE"]);
    check(Mode::Basic, "prompt redirection", &["cat <<'E'\nx\nE"]);
}

#[test]
fn a_changed_directory_is_not_followed() {
    check(
        Mode::Default,
        "prompt not-listed",
        &["cd sub && touch x", "cd .. ; ls", "pushd sub", "cd", "popd; touch x"],
    );
    check(Mode::Default, "prompt syntax", &["(cd sub && touch x)"]);
}

#[test]
fn moving_or_copying_a_tree_is_all_a_script_may_do() {
    let ground = ground();
    ground.link("deep/l", "..");
    ground.link("tree/a/l", "../..");
    let decide = |text: &str| tell(&ground.decide(&Ask::shell(Mode::Default, text), &SystemFiles));
    for text in [
        "mv deep/l l && touch l/x",
        "mv tree/a c && touch c/l/x",
        "cp -r tree/a c; touch c/l/x",
        "cp -a tree c | ls",
        "mv tree sub a.txt",
        "cp -r tree sub",
        "cp deep/l x",
        "cp -r tree/. sub",
        "cp -r tree/a/.. x",
    ] {
        let answer = decide(text);
        let is_plain = text == "cp -r tree sub";
        assert_eq!(answer.starts_with("prompt"), !is_plain, "{text}: {answer}");
    }
    ground.directory("sub/tree");
    assert_eq!(decide("cp -r tree sub"), "prompt moves-directory", "what is there would be merged with");
    assert_eq!(decide("mv tree/a c"), "auto inside-workspace");
}

#[test]
fn text_that_hides_what_it_does_is_shown_with_its_escapes() {
    let ground = ground();
    for text in [
        "ls \u{1b}[2K",
        "ls \u{202e}x",
        "ls \u{200b}",
        "ls\u{a0}-la",
        "ls \u{e0041}",
        "ls \u{2066}",
        "ls \u{feff}",
        "ls \u{7f}",
    ] {
        match ground.decide(&Ask::shell(Mode::Full, text), &SystemFiles) {
            Decision::Prompt { rule, facts, .. } => {
                assert_eq!(rule.name(), "hidden-characters");
                assert!(
                    facts.shown.contains("<U+") && facts.shown.chars().all(|c| !c.is_control()),
                    "{}",
                    facts.shown
                );
                assert_eq!(facts.session_grant, SessionGrant::NotOffered);
            }
            other => panic!("{text:?} {other:?}"),
        }
    }
}

#[test]
fn programs_of_the_workspace_are_not_the_systems() {
    let ground = ground();
    ground.executable("ls", "#!/bin/sh\n");
    for (text, expected) in [
        ("./ls", "prompt untrusted-program"),
        ("sub/ls", "prompt untrusted-program"),
        ("/tmp/ls", "prompt untrusted-program"),
        ("ls", "auto listed"),
        ("/bin/ls", "auto listed"),
        ("/bin/../bin/ls", "prompt untrusted-program"),
    ] {
        assert_eq!(tell(&ground.decide(&Ask::shell(Mode::Basic, text), &SystemFiles)), expected, "{text}");
    }
}
