use super::*;

fn argv(text: &str) -> Vec<Vec<String>> {
    read(text).unwrap().commands().map(|command| command.words.clone()).collect()
}

#[test]
fn quotes_are_removed_as_bash_does() {
    assert_eq!(
        argv(
            r#"echo 'a;b' "c\"d\x" e\ f g#h '' a\
b"#
        ),
        [["echo", "a;b", "c\"d\\x", "e f", "g#h", "", "ab"]]
    );
    assert_eq!(argv("ls -la # a comment\n\n head x|tail;pwd&&\nwhoami || date\n").len(), 6);
    assert_eq!(argv("echo a~ b=c 2 x2>&1"), [["echo", "a~", "b=c", "2", "x2"]]);
}

#[test]
fn a_quoted_here_document_is_text() {
    let script = read("cat > notes.md <<'E' | head\n$(x) \\\n\tE\nE\nls").unwrap();
    let first = script.commands().next().unwrap();
    assert_eq!(first.redirects[1], Redirect::Text("$(x) \\\n\tE\n".to_owned()));
    assert_eq!(script.commands().count(), 3);
    let script = read("cat <<-\"E\"\n\t\ta\n\tE").unwrap();
    assert_eq!(script.commands().next().unwrap().redirects, [Redirect::Text("a\n".to_owned())]);
}

#[test]
fn what_is_not_plain_is_refused() {
    let refused = [
        "ls & date",
        "ls |& cat",
        "(ls)",
        "echo $x",
        "echo \"$x\"",
        "echo `x`",
        "ls *",
        "ls a?",
        "ls [a]",
        "ls {a,b}",
        "ls ~",
        "echo a=~",
        "x=1 ls",
        "! ls",
        "time ls",
        "if ls",
        "then ls",
        "coproc ls",
        "while ls",
        "function f",
        "ls |",
        "ls &&",
        "; ls",
        "ls ;; ls",
        "ls 'a",
        "ls \"a",
        "ls \\",
        "cat <<E\nx\nE",
        "cat <<'E'\nx",
        "cat <<< x",
        "ls <> f",
        "ls >&f",
        "ls 10>f",
        "ls &>>f",
        "> f",
        "ls >",
        "ls > #f",
        "ls > 2>f",
        "ls 2\\\n>f",
        "ls > 2\\\n>f",
        "ls > \\\n2>f",
        "ls >(x)",
        "ls <(x)",
        "f() { ls; }",
        "ls ; ;",
        "| ls",
        "&& ls",
        "ls || ",
        "echo $'a'",
        "echo \"a\\",
        "ls 2>&",
    ];
    for text in refused {
        assert!(read(text).is_err(), "{text}");
    }
}
