//! Many processes and sudden ends: nobody is signed out by us.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use seqera_tests::emulator::{Emulator, Options};
use seqera_tests::sandbox::{Sandbox, signal};
use serde_json::{Value, json};

use crate::provider::parts;
use crate::renewal::{document, documents, end, expire, start};

const RENEWED: &str = "token:refresh_token:200";
/// 128 and SIGKILL.
const KILLED: i32 = 137;

/// auth b.37: 8 processes, 20 expiries, one renewal each, 160 of 160 succeed. The provider ends a session whose refresh
/// token comes twice.
#[test]
fn twenty_expiries_of_eight_processes_cost_twenty_renewals() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let _login = sandbox.login().success();
    let before = provider.count(RENEWED);
    let mut last = String::new();
    for round in 1..=20 {
        expire(&sandbox);
        provider.fault(&json!({
            "route": "token", "grant": "refresh_token", "phase": "before", "action": "delay", "ms": 150,
        }));
        let children: Vec<Child> = (0..8).map(|_| start(sandbox.command(["auth", "token"]))).collect();
        let mut tokens: Vec<String> = children.into_iter().map(|child| end(child).success().stdout).collect();
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "round {round}");
        assert_ne!(tokens[0], last, "round {round}");
        last = tokens.remove(0);
        assert_eq!(provider.count(RENEWED), before + round, "round {round}");
    }
    assert_eq!(provider.count("token:refresh_token:400"), 0);
    assert_eq!(provider.stats()["live_families"], 1);
    let _logout = sandbox.seqera("logout").success();
    assert_eq!(provider.stats()["live_families"], 0);
}

/// Numbers that look random and are the same in every run (splitmix64).
struct Moments(u64);

impl Moments {
    /// A time up to `limit`.
    fn next(&mut self, limit: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        limit.mul_f64(f64::from(u32::try_from(mixed >> 40).unwrap()) / f64::from(1 << 24))
    }
}

/// Everything in the store can be read, by its owner alone.
fn whole(sandbox: &Sandbox, what: &str) -> Vec<Value> {
    let index = std::fs::read_to_string(sandbox.config().join("auth.json")).unwrap();
    let _whole: Value =
        serde_json::from_str(&index).unwrap_or_else(|error| panic!("{what}: {error}: {index}"));
    let read = |path: &std::path::PathBuf| {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{what}");
        let text = std::fs::read_to_string(path).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}: {text:?}"))
    };
    documents(sandbox).iter().map(read).collect()
}

/// How long something takes here and now, at the least.
fn duration(mut work: impl FnMut()) -> Duration {
    let once = |_| {
        let began = Instant::now();
        work();
        began.elapsed()
    };
    (0..3).map(once).min().unwrap()
}

/// Kills it, and answers whether it was still at work.
fn kill(mut child: Child) -> bool {
    signal(child.id(), "KILL");
    child.wait().unwrap().signal().is_some()
}

/// A kill of what has ended shows nothing.
#[track_caller]
fn enough(hits: u32, rounds: u32) {
    assert!(hits * 2 >= rounds, "only {hits} of {rounds} kills came while it was at work");
}

fn quiet(sandbox: &Sandbox, line: &str) -> Child {
    let mut command = sandbox.command(line.split(' '));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A server whose refresh tokens stay, so that no kill can lose one between its answer and our disk.
fn patient() -> (Emulator, Sandbox) {
    let emulator = Emulator::start(Options { rotate: false, ..Options::default() }).unwrap();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    (emulator, sandbox)
}

/// auth b.42
#[test]
fn a_hundred_kills_of_a_renewal_leave_the_store_whole() {
    let (_emulator, sandbox) = patient();
    let longest = duration(|| drop(sandbox.seqera("auth token --force-refresh")));
    let mut moments = Moments(1);
    let mut hits = 0;
    for round in 0..100 {
        expire(&sandbox);
        let child = quiet(&sandbox, "auth token");
        std::thread::sleep(moments.next(longest));
        hits += u32::from(kill(child));
        assert_eq!(whole(&sandbox, &format!("round {round}")).len(), 1, "round {round}: emptied");
    }
    enough(hits, 100);
    let _login_kept = sandbox.seqera("auth token --force-refresh").success();
    // What was killed before it was complete goes with the rest.
    let _logout = sandbox.seqera("logout").success();
    let left = std::fs::read_dir(sandbox.config().join("credentials")).unwrap().flatten();
    let left: Vec<_> = left.filter(|item| item.metadata().unwrap().len() > 0).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// auth b.42: with rotation a kill may lose the answer; then there is one clear word, and never a broken store.
#[test]
fn forty_kills_under_rotation_end_in_a_token_or_a_clear_word() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let _login = sandbox.login().success();
    let longest = duration(|| drop(sandbox.seqera("auth token --force-refresh")));
    let mut moments = Moments(2);
    let mut hits = 0;
    for round in 0..40 {
        expire(&sandbox);
        let child = quiet(&sandbox, "auth token");
        std::thread::sleep(moments.next(longest));
        hits += u32::from(kill(child));
        assert_eq!(whole(&sandbox, &format!("round {round}")).len(), 1, "round {round}: emptied");
        let run = sandbox.seqera("auth token");
        if run.code != 0 {
            let _lost_with_the_answer = run.fails(4, "Run `seqera login`");
            let _again = sandbox.login().success();
        }
    }
    enough(hits, 40);
    assert_eq!(provider.stats()["live_families"], 1);
}

/// auth b.42: a sign-in over a session that is there leaves the one or the other.
#[test]
fn forty_kills_of_a_sign_in_leave_the_old_session_or_the_new_one() {
    let (_emulator, sandbox) = patient();
    // It has printed its address when it is begun.
    let mut longest = Duration::MAX;
    for _ in 0..3 {
        let login = sandbox.begin_login();
        let began = Instant::now();
        let _visited = login.visit();
        let _done = login.finish().success();
        longest = longest.min(began.elapsed());
    }
    let mut moments = Moments(3);
    let mut hits = 0;
    for round in 0..40 {
        let login = sandbox.begin_login();
        let id = login.id();
        let wait = moments.next(longest);
        let killer = std::thread::spawn(move || {
            std::thread::sleep(wait);
            signal(id, "KILL");
        });
        let _reached_or_not = login.visit();
        killer.join().unwrap();
        hits += u32::from(login.finish().code == KILLED);
        assert_eq!(whole(&sandbox, &format!("round {round}")).len(), 1, "round {round}: emptied");
        let run = sandbox.seqera("auth token");
        assert_eq!(run.code, 0, "round {round}: {run}");
    }
    enough(hits, 40);
}

/// auth b.42: what a sign-out leaves is signed in or signed out, and the next one ends it.
#[test]
fn twenty_kills_of_a_sign_out_leave_a_session_or_none() {
    let (emulator, sandbox) = patient();
    let mut longest = Duration::MAX;
    for _ in 0..3 {
        let began = Instant::now();
        let _out = sandbox.seqera("logout").success();
        longest = longest.min(began.elapsed());
        let _login = sandbox.login().success();
    }
    let mut moments = Moments(4);
    let mut hits = 0;
    for round in 0..20 {
        let _login = sandbox.login().success();
        let child = quiet(&sandbox, "logout");
        std::thread::sleep(moments.next(longest));
        hits += u32::from(kill(child));
        assert!(whole(&sandbox, &format!("round {round}")).len() <= 1, "round {round}");
        let run = sandbox.seqera("auth token --force-refresh");
        assert!(run.code == 0 || run.stderr.contains("seqera login"), "round {round}: {run}");
        let _rest = sandbox.seqera("logout").success();
        let left = std::fs::read_dir(sandbox.config().join("credentials")).unwrap().flatten();
        let left: Vec<_> = left.filter(|item| item.metadata().unwrap().len() > 0).collect();
        assert!(left.is_empty(), "round {round}: {left:?}");
        assert_eq!(emulator.live_families(), 0, "round {round}");
    }
    enough(hits, 20);
}

/// Issue 4, done when: many expiries of a short-lived token under parallel use, then a sign-out.
#[test]
fn one_live_family_after_many_expiries_and_none_after_signing_out() {
    let (_backend, provider, sandbox) = parts(&[("TTL_ACCESS", "4")]);
    let emulator = Emulator::start(Options { ttl_access: 4, ..Options::default() }).unwrap();
    let other = Sandbox::on(&emulator);
    for sandbox in [&sandbox, &other] {
        let _login = sandbox.login().success();
    }
    let users = |sandbox: &Sandbox, until: Instant| {
        let mut runs = 0;
        while Instant::now() < until {
            let _token = sandbox.seqera("auth token").success();
            runs += 1;
            std::thread::sleep(Duration::from_millis(100));
        }
        runs
    };
    let until = Instant::now() + Duration::from_secs(12);
    let runs: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = [&sandbox, &sandbox, &sandbox, &other, &other, &other]
            .map(|sandbox| scope.spawn(move || users(sandbox, until)))
            .into_iter()
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(runs >= 12, "{runs} commands in 12 s");
    let renewals = provider.count(RENEWED);
    // It is renewed when a quarter of its life is left: each 3 s, whoever asks.
    assert!((2..=5).contains(&renewals), "{renewals} renewals of a token of 4 s in 12 s");
    assert_eq!(provider.count("token:refresh_token:400"), 0);
    assert_eq!((&provider.stats()["live_families"], emulator.live_families()), (&json!(1), 1));
    assert!(document(&sandbox)["generation"].as_u64().unwrap() > renewals);
    for sandbox in [&sandbox, &other] {
        let _logout = sandbox.seqera("logout").success();
        assert!(documents(sandbox).is_empty());
    }
    assert_eq!((&provider.stats()["live_families"], emulator.live_families()), (&json!(0), 0));
    assert_eq!(emulator.live_tokens(), 0);
}
