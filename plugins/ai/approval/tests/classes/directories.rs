//! The way of a text through directories: what is only near credentials is judged from where each command runs.

use seqera_ai_approval::{Mode, SystemFiles};

use crate::ground::{Ask, Ground};
use crate::{check, tell};

/// With a workspace in a project directory, and in one below the home directory.
fn runs_by_itself(commands: &[&str]) {
    check(Mode::Full, "auto", commands);
    runs_below_home(commands);
}

fn runs_below_home(commands: &[&str]) {
    below_home("auto", commands);
}

fn below_home(expected: &str, commands: &[&str]) {
    let ground = Ground::new().below_home();
    ground.file("../.config/seqera/credentials/default.json", "{}");
    for directory in ["frontend", "results", "build", "sub"] {
        ground.directory(directory);
    }
    let wrong: Vec<String> = commands
        .iter()
        .map(|text| (text, tell(&ground.decide(&Ask::shell(Mode::Full, text), &SystemFiles))))
        .filter(|(_, answer)| !answer.starts_with(expected))
        .map(|(text, answer)| format!("{text:?}: {answer}, not {expected}"))
        .collect();
    assert!(wrong.is_empty(), "below home:\n{}", wrong.join("\n"));
}

#[test]
fn several_directories_in_one_command_are_followed() {
    runs_by_itself(&[
        "cd a; cd b",
        "cd a && ls && cd b && ls",
        "make -C src && make -C test",
        "git -C a pull; git -C b pull",
        "git -C a pull; git -C b pull; git -C c pull; git -C d pull; git -C e pull; git -C f pull",
        "(cd a && make) && (cd b && make)",
        "pushd a; make; popd; pushd b; make; popd",
        "git clone https://a/x y && cd y && mkdir build && cd build && cmake .. && make",
        "bwa mem -C ref.fa r1.fq | samtools view -C -T ref.fa -o a.cram",
        "cd a; cd b; cd c; cd d; cd e; cd f; grep -r x .",
    ]);
}

#[test]
fn the_way_back_leads_to_where_it_began() {
    runs_by_itself(&[
        "cd frontend && npm ci && cd .. && git add . && git commit -m x",
        "cd results && tar czf all.tgz . && cd ..",
        "cd build && cp ../a.txt . && cd ..",
        "(cd sub && make) ; git add . && tar czf a.tgz .",
        "x=$(cd ..; pwd); git add .",
        "if cd sub; then make; cd ..; fi; cp a.txt sub/",
        "cd \"$d\" && make && cd .. && git add .",
        "for d in *; do (cd \"$d\" && cp x.txt ..); done; grep -r x .",
        "cd sub || exit 1; make; cd ..; git add .",
    ]);
    runs_below_home(&["cd results; tar czf all.tgz .; cd ..; git add .", "cd frontend; cd -; git add ."]);
}

#[test]
fn no_way_leads_around_the_home_directory_unseen() {
    below_home(
        "prompt credentials",
        &[
            "cd .. && git add .",
            "cd ..; tar c .",
            "cd sub && cd ../.. && grep -r x .",
            "cd missing; cd ..; tar c .",
            "rmdir sub; cd sub; cd ..; tar c .",
            "cd sub x; cd ..; tar c .",
            "while cd ..; do tar c .; done",
            "for i in 1 2; do cd ..; done; tar c .",
            "f() { cd ..; }; f; tar c .",
            "f() { tar c .; }; cd ..; f",
            "eval 'cd ..'; tar c .",
            "(cd ..; tar c .)",
            "cd .. | tar c .. | cat",
            "cd missing || cd ..; tar c .",
            "! cd ..; tar c .",
            "if cd ..; then tar c .; fi",
            "case $x in a) cd ..;; esac; tar c .",
            "{ cd ..; tar c .; } > x",
            "command cd ..; tar c .",
            "cd ..; cd -; cd -; tar c .",
            "bash -c 'tar c .'; cd ..; bash -c 'tar c .'",
            "cd sub; cd ..; cd ..; tar c .",
            "make -C .. x; git -C .. add .",
            "env -C .. tar c .",
            "env -C .. bash -c 'cd analysis; cd ..; tar c .'",
            "x=$(cd ..; tar c .)",
            "cd a; cd b; cd c; cd d; cd e; cd f; cd ..; cd ..; cd ..; cd ..; cd ..; cd ..; cd ..; tar c .",
        ],
    );
}
