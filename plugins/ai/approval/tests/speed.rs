//! How long a decision takes. The budget for an ordinary command is 1 ms; this test is built without optimization and on
//! machines that do other things, so it fails only when something is wrong by a factor.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to stop")]
#![allow(clippy::print_stderr, reason = "it reports its numbers")]

mod ground;

use std::time::{Duration, Instant};

use ground::{Ask, Ground};
use seqera_ai_approval::{Mode, SystemFiles};

#[test]
fn an_ordinary_command_is_decided_within_a_millisecond() {
    let ground = Ground::new();
    ground.file("a.txt", "a\n");
    let commands = [
        "ls -la",
        "cat a.txt | head -n 5",
        "mkdir -p results/qc && cp a.txt results/qc/b.txt",
        "git status",
        "nextflow run main.nf -profile test --outdir \"$OUT\" > log.txt 2>&1",
        "for f in *.fastq; do fastqc \"$f\" || echo \"$f\" >> failed.txt; done",
        "find . -name '*.nf' -exec grep -l process {} +",
        "bash -c 'set -e; make -j4 && ./run.sh'",
    ];
    for text in commands {
        for mode in [Mode::Default, Mode::Full] {
            let mut times: Vec<Duration> = (0..51)
                .map(|_| {
                    let started = Instant::now();
                    let _ = ground.decide(&Ask::shell(mode, text), &SystemFiles);
                    started.elapsed()
                })
                .collect();
            times.sort();
            let median = times[times.len() / 2];
            eprintln!("{:>7} us, {} mode: {text}", median.as_micros(), mode.name());
            assert!(median < Duration::from_millis(20), "{median:?} for {text}");
        }
    }
}
