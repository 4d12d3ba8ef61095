//! The corpus, and the same mutations of it every time.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to stop")]

use std::panic::catch_unwind;
use std::path::Path;

use fastrand::Rng;
use seqera_fuzz::{TARGETS, corpus, mutate};

#[test]
fn what_once_failed_and_what_is_good_is_read_as_promised() {
    for (name, check) in TARGETS {
        let inputs = corpus::read(name).unwrap();
        let mut taken = 0;
        for (file, input) in inputs {
            let outcome = catch_unwind(|| check(&input));
            taken += usize::from(outcome.unwrap_or_else(|_| panic!("corpus/{name}/{file}")));
        }
        assert!(taken > 0, "nothing in the corpus of {name} is good, so mutations of it reach nothing");
    }
}

#[test]
fn a_few_hundred_mutations_are_read_as_promised() {
    for (name, check) in TARGETS {
        let inputs = corpus::read(name).unwrap();
        let mut random = Rng::with_seed(20);
        for number in 0..300 {
            let input = mutate::mutate(&inputs, &mut random);
            let shown = String::from_utf8_lossy(&input).into_owned();
            assert!(catch_unwind(|| check(&input)).is_ok(), "{name}, mutation {number}: {shown:?}");
        }
    }
}

#[test]
fn every_corpus_has_a_target() {
    for item in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap() {
        let name = item.unwrap().file_name();
        assert!(TARGETS.iter().any(|(target, _)| name == *target), "corpus/{}", name.display());
    }
}
