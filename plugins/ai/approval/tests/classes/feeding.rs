//! What a shell is given to run by another way than its words, and what bash evaluates later.

use seqera_ai_approval::Mode;

use crate::check;

#[test]
fn what_reaches_a_shell_is_its_script() {
    check(
        Mode::Full,
        "prompt dangerous",
        &[
            "{ bash; } <<< 'rm x'",
            "(bash) <<'E'\nrm x\nE",
            "if true; then bash; fi <<< 'rm x'",
            "while true; do bash; break; done <<'E'\nrm x\nE",
            "echo 'rm x' | { bash; }",
            "echo 'rm x' | (cat | bash)",
            "exec <<< 'rm x'; bash",
            "{ exec <<< 'rm x'; }; bash",
            "time -- command exec <<< 'rm x'; bash",
            "command mapfile -t y <<'E'\nb[$(rm x)]\nE\n(( y ))",
            "bash <(echo rm x)",
            "source <(echo rm x)",
            ". <(cat <<< 'rm x')",
            "bash < <(echo rm x)",
            "bash /dev/stdin <<< 'rm x'",
            "bash -s a b <<< 'rm x'",
            "cat <(echo rm x) | sh",
            "env A=b nice bash <<< 'rm x'",
            "bash <<E\nr\\\\m x\nE",
            "tee s.sh <<< 'rm x' && bash s.sh",
            "echo 'rm x' > s.sh; bash -e ./s.sh",
            "cat > sub/s.sh <<'E'\nls\nrm x\nE\nsource sub/s.sh",
            "printf '%s\\n' 'rm x' | tee -a s.sh | head; nohup bash s.sh &",
            "echo 'rm x' > run; ./run",
            "command echo 'rm x' > s; . ./s",
            "time -- env A=b echo '\\rm x' > s; source s",
            "echo 'rm x' > s.sh; mv s.sh t.sh; bash t.sh",
            "echo 'rm x' > s.sh; bash < s.sh",
            "cat /dev/stdin <<< 'rm x' | bash",
            "echo 'rm x' > e; BASH_ENV=./e bash -c :",
            "echo 'rm x' > e; export BASH_ENV=e; bash x.sh",
            "echo 'rm x' > e; bash --rcfile e -i",
            "echo 'rm x' > s.sh; cat s.sh | bash",
            "printf '%sm x' r | bash",
            "source <(printf '%sm x' r)",
            "echo 'rm x' > s.sh; bash \"$s\"",
        ],
    );
}

#[test]
fn a_shell_that_is_given_what_only_the_run_knows_is_asked_about() {
    check(
        Mode::Full,
        "prompt computed-command",
        &[
            "echo 'r-m x' | sed 's/-//' | bash",
            "printf 'r\\x6d x' | bash",
            "echo -e 'r\\x6d x' | sh",
            "echo \"$x\" | bash",
            "bash <<< \"$x\"",
            "bash <(sed '' x)",
            "bash < <(tac x)",
            "{ printf r; echo 'm x'; } | bash",
            "bash <(printf r; echo 'm x')",
            "awk '{print}' x | { read y; bash; }",
            "tr a b < x | exec bash",
            "exec 3<&0; bash <&3",
            "coproc bash; echo 'rm x' >&\"${COPROC[1]}\"",
            "tee >(bash) < x",
            "f() { bash; }; f < x",
            "base64 -d x | env bash -s",
        ],
    );
    check(
        Mode::Full,
        "auto",
        &[
            "curl -s https://get.nextflow.io | bash",
            "wget -qO- https://get.nextflow.io | bash -s -- -x",
            "bash <(curl -s https://a)",
            "bash script.sh",
            "bash < script.sh",
            "cat script.sh | bash",
            "bash \"$script\" > log.txt 2>&1",
            "ls | bash count.sh",
            "yes | sh install.sh",
            "ls | while read -r f; do bash one.sh \"$f\"; done",
            "find . -name '*.sh' | xargs -n1 bash -n",
            "source venv/bin/activate && pip list | head",
            "cat > s.sh <<'E'\nset -e\nfor f in *.fq; do wc -l \"$f\"; done\nE\nbash s.sh",
            "echo 'rm x' > notes; bash s.sh",
            "ps aux | grep bash | wc -l",
            "make | tee log; ./run.sh",
            "diff <(sort a) <(sort b)",
            "ls > >(tee log)",
            "echo y | ./install.sh",
        ],
    );
}

/// Bash evaluates what a variable holds where arithmetic names the variable, and a subscript in it is expanded.
#[test]
fn what_is_evaluated_later_is_looked_into() {
    check(
        Mode::Full,
        "prompt dangerous",
        &[
            "for a in 'b[$(rm x)]'; do echo $((a)); done",
            "read a <<< 'b[$(rm x)]'; echo $((a))",
            "echo 'b[$(rm x)]' | while read a; do (( a )); done",
            "set -- 'b[$(rm x)]'; echo $(($1))",
            "f() { echo $(($1)); }; f 'b[`rm x`]'",
            "mapfile -t a <<< 'b[$(rm x)]'; echo $((a))",
            "read a <<'E'\nb[$(rm x)]\nE\necho $((a))",
            "env k='y[$(rm x)]' bash -c 'echo $((k))'",
            "bash -c 'echo $(($1))' _ 'y[$(rm x)]'",
            "for RANDOM in 'y[$(rm x)]'; do :; done",
            "a='b[$(rm x)]'; [[ a -eq 1 ]]",
        ],
    );
    check(
        Mode::Full,
        "prompt",
        &[
            "a='b['; c='$(rm x)]'; echo $((${a}$c))",
            "a=\"b[\\$(${q}m x)]\"; echo $((a))",
            "set -- '$(rm x)]'; (( y[$1 ))",
            "BASH_ALIASES[ls]='rm x'; shopt -s expand_aliases\nls",
            "declare 'BASH_ALIASES[ls]=rm x'",
            "declare BASH_AL'IA'SES[ls]='rm x'",
            "BASH_CMDS[ls]=/bin/rm; ls x",
            "history -s 'rm x'; fc -s",
            "fc -e - rm",
            "time -- ! r{m,n} x",
            "time -- ! x=1 $c",
        ],
    );
    check(
        Mode::Full,
        "prompt dangerous",
        &["time -- rm x", "time -p -- rm x", "time -- ! rm x", "script -qc 'rm x' /dev/null"],
    );
    check(
        Mode::Full,
        "auto",
        &[
            "for i in 1 2 3; do n=$((n + i)); done; echo $n",
            "x='$(date)'; echo \"$x\"",
            "awk '{a[$1]++} END {print $(NF-1)}' x; echo $((1 + 2))",
            "grep -E '[^$(]+' x",
            "sed 's/a[$]b/c/' x; (( i++ ))",
            "fc -l",
            "script -q log",
        ],
    );
}
