//! A real Secret Service without a desktop (`peers/keyring`): a D-Bus session of its own with gnome-keyring in it, and
//! `secret-tool` as the witness of what is stored.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::sandbox::{Sandbox, Watchdog, signal};

/// What has to be installed, with the package it comes from.
const PROGRAMS: [(&str, &str); 4] = [
    ("gnome-keyring-daemon", "gnome-keyring"),
    ("dbus-run-session", "dbus"),
    ("dbus-send", "dbus"),
    ("secret-tool", "libsecret-tools"),
];

/// A running D-Bus session, perhaps with a Secret Service on it; both end when this is dropped.
pub struct SecretService {
    session: Child,
    address: String,
    /// The process of the service.
    service: Option<u32>,
    _home: TempDir,
}

#[allow(clippy::expect_used, reason = "a test without its peer has to stop")]
impl SecretService {
    /// One that is unlocked and empty; `None`, with a word on standard error, on a machine that has none to start. In
    /// CI that is a failure.
    ///
    /// # Panics
    /// When it does not start, or is missing in CI.
    #[must_use]
    pub fn start() -> Option<Self> {
        let mut started = Self::run("./run-ss.sh", &[])?;
        started.service = Some(started.owner_of("org.freedesktop.secrets"));
        Some(started)
    }

    /// A D-Bus session without a Secret Service.
    ///
    /// # Panics
    /// As [`SecretService::start`].
    #[must_use]
    pub fn bare_bus() -> Option<Self> {
        Self::run("dbus-run-session", &["--config-file=bare-bus.conf", "--"])
    }

    fn run(program: &str, arguments: &[&str]) -> Option<Self> {
        if !is_available() {
            return None;
        }
        let home = tempfile::tempdir().expect("a temporary directory");
        // The session lives as long as its standard input is open.
        let mut session = Command::new(program)
            .args(arguments)
            .args(["bash", "-c", "echo \"$DBUS_SESSION_BUS_ADDRESS\"; exec cat >/dev/null"])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/keyring"))
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("TMPDIR", home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a D-Bus session can be started");
        let watchdog = Watchdog::new(session.id(), Duration::from_secs(30));
        let mut address = String::new();
        let stdout = session.stdout.take().expect("standard output");
        BufReader::new(stdout).read_line(&mut address).expect("the session says its address");
        watchdog.stop();
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "no D-Bus session was started");
        Some(Self { session, address, service: None, _home: home })
    }

    /// A sandbox whose programs see this session, and may use its keychain.
    #[must_use]
    pub fn lend_to(&self, sandbox: Sandbox) -> Sandbox {
        sandbox.without("SEQERA_NO_KEYCHAIN").with("DBUS_SESSION_BUS_ADDRESS", &self.address)
    }

    /// Locks the keyring; without a display nobody can unlock it.
    ///
    /// # Panics
    /// When the service refuses.
    pub fn lock(&self) {
        let locked = self
            .in_session("dbus-send")
            .args([
                "--session",
                "--print-reply",
                "--dest=org.freedesktop.secrets",
                "/org/freedesktop/secrets",
            ])
            .arg("org.freedesktop.Secret.Service.Lock")
            .arg("array:objpath:/org/freedesktop/secrets/collection/login")
            .output()
            .expect("dbus-send");
        assert!(locked.status.success(), "{}", String::from_utf8_lossy(&locked.stderr));
    }

    /// From now on the service holds its name and never answers.
    pub fn hang(&self) {
        self.tell_service("STOP");
    }

    /// It answers again.
    pub fn go_on(&self) {
        self.tell_service("CONT");
    }

    /// What `secret-tool` finds for a user of our service.
    ///
    /// # Panics
    /// When secret-tool cannot be started.
    #[must_use]
    pub fn lookup(&self, user: &str) -> Option<String> {
        let mut lookup = self.in_session("secret-tool");
        let output =
            lookup.args(["lookup", "service", "seqera", "username", user]).output().expect("secret-tool");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// How many items of our service `secret-tool` sees.
    ///
    /// # Panics
    /// When secret-tool cannot be started.
    #[must_use]
    pub fn items(&self) -> usize {
        let mut search = self.in_session("secret-tool");
        let output = search.args(["search", "--all", "service", "seqera"]).output().expect("secret-tool");
        String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with("secret = ")).count()
    }

    /// The process behind a name, which may come up a moment after its session.
    fn owner_of(&self, name: &str) -> u32 {
        let given_up = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self
                .in_session("dbus-send")
                .args(["--session", "--print-reply=literal", "--dest=org.freedesktop.DBus"])
                .args(["/org/freedesktop/DBus", "org.freedesktop.DBus.GetConnectionUnixProcessID"])
                .arg(format!("string:{name}"))
                .output()
                .expect("dbus-send");
            let text = String::from_utf8_lossy(&answer.stdout);
            if let Some(id) = text.split_whitespace().last().and_then(|id| id.parse().ok()) {
                return id;
            }
            assert!(Instant::now() < given_up, "nobody owns {name}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn tell_service(&self, name: &str) {
        if let Some(service) = self.service {
            signal(service, name);
        }
    }

    fn in_session(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        command
    }
}

impl Drop for SecretService {
    fn drop(&mut self) {
        drop(self.session.stdin.take());
        let _status = self.session.wait();
        // It outlives its session when nobody used it.
        self.tell_service("KILL");
    }
}

fn is_available() -> bool {
    let found = |program: &str| {
        Command::new("which").arg(program).output().is_ok_and(|output| output.status.success())
    };
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !found(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return true;
    }
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!is_ci, "CI has to have {missing:?}");
    #[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
    {
        eprintln!("SKIPPED: there is no Secret Service to test against; install {}", missing.join(" "));
    }
    false
}
