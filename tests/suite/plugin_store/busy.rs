//! While another process changes something, one waits for it, and says so.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use seqera_tests::sandbox::Watchdog;

use super::publisher::World;

#[test]
fn whoever_waits_says_so_and_goes_on() {
    let world = World::new();
    let (archive, library, key) = (world.archive("0.3.0"), world.library("0.4.0"), world.key());
    let linked = world.user.plugins().with_file_name("linked");
    for (directory, file, line) in [
        (world.user.plugins(), ".lock", vec!["plugin", "install", archive.as_str(), "--yes"]),
        (linked, ".lock", vec!["plugin", "link", &library]),
        (world.user.config(), ".trusted_keys.lock", vec!["plugin", "trust", "add", &key]),
    ] {
        fs::create_dir_all(&directory).unwrap();
        let lock = File::create(directory.join(file)).unwrap();
        lock.lock().unwrap();
        let started = Instant::now();
        let mut child =
            world.user.command(&line).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let watchdog = Watchdog::new(child.id(), Duration::from_secs(30));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = lines.next().expect("it says something while it waits").unwrap();
        assert_eq!(said, format!("waiting for another seqera, which changes {} …", directory.display()));
        assert!(started.elapsed() >= Duration::from_secs(1), "not for a moment");
        assert_eq!(child.try_wait().unwrap(), None, "it waits");
        drop(lock);
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        assert!(child.wait().unwrap().success(), "{rest:?}");
        assert!(!rest.iter().any(|line| line.contains("waiting")), "once: {rest:?}");
        watchdog.stop();
    }
}
