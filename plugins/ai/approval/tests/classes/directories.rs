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
        "cd results && for f in *.txt; do gzip \"$f\"; done; cd ..",
        "mkdir -p build && cd build && cmake .. && make -j$(nproc)",
        "cd results && cp *.html ..",
        "(cd sub && make) ; git add . && tar czf a.tgz .",
        "x=$(cd ..; pwd); git add .",
        "if cd sub; then make; cd ..; fi; cp a.txt sub/",
        "cd \"$d\" && make && cd .. && git add .",
        "for d in *; do (cd \"$d\" && cp x.txt ..); done; grep -r x .",
        "cd sub || exit 1; make; cd ..; git add .",
        "set -e; cd sub; make; cd ..; tar czf x.tgz sub",
        "for s in a b; do mkdir -p out/$s && cd out/$s && cp ../../x.txt . && cd ../..; done",
        "for d in */; do cd \"$d\" && make && cd ..; done; git status",
        "cd .. & tar c .",
        "ls ~ > list.txt; wc -l list.txt",
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
            "trap 'tar c .' EXIT; cd ..",
            "echo 'cd ..' > s; . ./s; tar c .",
            "source <(echo cd ..); tar c .",
            "d=$(cd ..; pwd); tar c $d",
            "cd sub/../..; tar c .",
            "pushd sub; pushd ..; pushd ..; tar c .",
            "git -C sub -C ../.. add .",
            "cd a; cd b; cd c; cd d; cd e; cd f; cd ..; cd ..; cd ..; cd ..; cd ..; cd ..; cd ..; tar c .",
        ],
    );
}

/// A directory around credentials, and a word that only the run knows: they have to do with each other, or not.
#[test]
fn what_is_shown_of_the_home_directory_is_not_what_another_command_reads() {
    runs_by_itself(&[
        "ls -la ~ && wc -l *.csv",
        "ls -la ~ && cat \"$x\"",
        "du -sh $HOME; tail -n 5 *.log",
        "find / -name 'libz.so*' 2>/dev/null | head; samtools index *.bam",
        "find / -name samtools 2>/dev/null | head; samtools index \"$bam\"",
        "find / -name samtools 2>/dev/null | xargs ls",
        "ls ~ | xargs -n1 echo",
        "ls ~ | xargs -n1 dirname",
        "find ~ -name '*.sif' | xargs du -sh",
        "export NXF_HOME=$HOME; nextflow run main.nf --in \"$x\"",
        "BASE=$HOME; ls $BASE/data; cat \"$BASE/data/a.txt\"",
        "docker run -v $HOME:$HOME -w $PWD img samtools view $BAM",
        "docker run -v $HOME:$HOME -w $PWD img samtools view $BAM | head > x.sam",
        "singularity exec -B $HOME img.sif samtools view \"$BAM\"",
        "python x.py --prefix / \"$f\"",
        "cd ~ && ls; cat a/*.csv",
    ]);
}

#[test]
fn what_is_found_near_credentials_is_read_by_no_other_command() {
    below_home(
        "prompt credentials",
        &[
            "find ~/.config -type f > l; xargs cat < l",
            "find ~/.config -type f | tee l; xargs cat < l",
            "x=$(find ~/.config -type f); cat $x",
            "mapfile -t a < <(find ~/.config -type f); cat \"${a[@]}\"",
            "find ~/.config -type f | grep json | while read -r f; do cat \"$f\"; done",
            "(cd ~/.config; find -type f -print0) | (cd ~/.config; xargs -0 cat)",
            "cd ~/.config; cat */*/*",
            "cd ~/.config; for f in */*/*; do cat \"$f\"; done",
            "cd ~/.config && for d in $(ls); do cat $d/*/*; done",
            "cd ~/.config; for d in s*; do cat $d/*/*; done",
            "set -- ~/.config; cat $1/*/*/*",
            "set -- ~/.config/*; cat $1/*/*",
            "f() { cat $1/*/*/*; }; f ~/.config",
            "bash -c 'cat $0/*/*/*' ~/.config",
            "a=(~/.config/*); cat ${a[0]}/*/*",
            "a=~; b=$a/.config; cat $b/*/*/*",
            "d=~; tar c $d",
            "d=~; grep -r x \"$d\"",
            "read d <<< ~/.config; cat < $d/$x/$y/$z",
            "cd ~; tar c \"$PWD\"",
            "d=~/.local/share/seqera; mkdir -p $d/plugins/x",
            "parallel cat {}/*/*/* ::: ~/.config",
            "find ~/.config | xargs -n1 env cat",
            "f() { find ~/.config; }; f | xargs cat",
            "exec > l; find ~/.config; exec < l; read f; cat $f",
            "d=$(echo ~/.config); cat $d/*/*/*",
        ],
    );
}

/// Where the workspace is the home directory, and where git only shows what it keeps.
#[test]
fn only_what_takes_the_directory_along_counts() {
    let ground = Ground::new().at_home();
    ground.file(".config/seqera/credentials/default.json", "{}");
    let ask = |text: &str| tell(&ground.decide(&Ask::shell(Mode::Full, text), &SystemFiles));
    for text in ["ps aux | rg nextflow", "ps aux | grep -v x | rg nextflow | ag x", "cat a.txt | ack x"] {
        assert_eq!(ask(text), "auto full-mode", "{text}");
    }
    for text in [
        "rg token",
        "ls; rg token",
        "ps aux | rg token .",
        "ps aux | rg token < /dev/null",
        "ps aux | grep -r token",
        "ps aux | (rg token < /dev/null)",
    ] {
        assert_eq!(ask(text), "prompt credentials", "{text}");
    }
    runs_by_itself(&["git -C .. log", "git -C ~ status", "git -C .. diff a b"]);
    below_home(
        "prompt credentials",
        &["git -C .. add -A", "git -C ~ archive HEAD", "git -C ~ grep --no-index x", "git -C .. stash -u"],
    );
}

/// Loops in loops and many variables take no longer to be judged than a person would wait, and lead nowhere unseen.
#[test]
fn a_long_way_is_judged_in_time() {
    let ground = Ground::new().below_home();
    ground.file("../.config/seqera/credentials/default.json", "{}");
    ground.directory("sub");
    let many: String = (0..30).map(|index| format!("v{index}=~/{}; ", "./".repeat(index))).collect();
    let loops = |depth: usize| "while cd a; do ".repeat(depth) + "tar c .; " + &"done; ".repeat(depth);
    for (text, expected) in [
        (loops(2) + "ls", "auto full-mode"),
        (loops(30) + "cd ..; tar c .", "prompt credentials"),
        (many.clone() + "d=~/.config; cat $d/*/*/*", "prompt credentials"),
        ("cat \"$x\"; d=~; ".repeat(300) + "ls", "auto full-mode"),
        ("(cd sub; make); cd sub; make; cd ..; ".repeat(40) + "git add .", "auto full-mode"),
    ] {
        let started = std::time::Instant::now();
        let answer = tell(&ground.decide(&Ask::shell(Mode::Full, &text), &SystemFiles));
        let took = started.elapsed();
        assert_eq!(answer, expected, "{}", &text[..text.len().min(40)]);
        assert!(took.as_secs() < 5, "{took:?} for {}", &text[..text.len().min(40)]);
    }
}
