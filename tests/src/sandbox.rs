//! A place of its own for each test: a private HOME, an environment of nothing but what the test says, and the real
//! program.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::admin::{self, Etc};
use crate::browser;
use crate::emulator::Emulator;
use crate::stage;

/// What a command did.
#[derive(Debug, Clone)]
#[must_use = "look at the exit code, or at what was printed"]
pub struct Run {
    /// Its exit code; 128 plus the number when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit: {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

impl Run {
    /// Checks that it succeeded.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn success(self) -> Self {
        assert_eq!(self.code, 0, "{self}");
        self
    }

    /// Checks how it failed: the code, and something that standard error has to say.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn fails(self, code: i32, says: &str) -> Self {
        assert_eq!(self.code, code, "{self}");
        assert!(self.stderr.contains(says), "standard error does not say {says:?}:\n{self}");
        self
    }
}

/// A HOME and an environment.
pub struct Sandbox {
    root: TempDir,
    program: PathBuf,
    environment: BTreeMap<String, String>,
    etc: Option<Etc>,
}

#[allow(clippy::expect_used, reason = "a test without its surroundings has to stop")]
impl Sandbox {
    /// With the staged program and an empty HOME.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(root.path().join("home")).expect("a HOME");
        let mut environment = BTreeMap::new();
        environment.insert("HOME".to_owned(), root.path().join("home").display().to_string());
        environment.insert("PATH".to_owned(), std::env::var("PATH").unwrap_or_default());
        // The keychain of whoever runs the tests is not ours.
        environment.insert("SEQERA_NO_KEYCHAIN".to_owned(), "true".to_owned());
        Self { program: stage::installation().join("bin/seqera"), root, environment, etc: None }
    }

    /// As a user of this emulator.
    #[must_use]
    pub fn on(emulator: &Emulator) -> Self {
        Self::new()
            .with("SEQERA_AI_BACKEND_URL", &emulator.backend)
            .with("SEQERA_AUTH_DOMAIN", &emulator.auth_domain)
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.insert(name.to_owned(), value.to_string());
        self
    }

    /// Takes a variable out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// With an installation of its own that the test may spoil.
    ///
    /// # Panics
    /// When it cannot be copied.
    #[must_use]
    pub fn with_own_installation(mut self) -> Self {
        let own = self.root.path().join("installation");
        copy_tree(stage::installation(), &own);
        self.program = own.join("bin/seqera");
        self
    }

    /// With another program, e.g. one of another age.
    #[must_use]
    pub fn with_program(mut self, program: &Path) -> Self {
        program.clone_into(&mut self.program);
        self
    }

    /// With an `/etc` of its own, where the test is the admin; `None`, with a word on standard error, on a machine that
    /// does not let it.
    #[must_use]
    pub fn with_admin(mut self) -> Option<Self> {
        self.etc = admin::is_possible().then(|| Etc::new(&self.root.path().join("etc")));
        self.etc.as_ref()?.set_home(&self.home());
        Some(self)
    }

    /// The `/etc` of [`Sandbox::with_admin`].
    ///
    /// # Panics
    /// Without it.
    #[must_use]
    pub fn etc(&self) -> &Etc {
        self.etc.as_ref().expect("a sandbox with an admin")
    }

    /// The bundled plugins of the installation in use.
    ///
    /// # Panics
    /// Never, for a staged program.
    #[must_use]
    pub fn bundled(&self) -> PathBuf {
        self.program.parent().and_then(Path::parent).expect("bin/seqera").join("lib/seqera/plugins")
    }

    /// The temporary directory of this test.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// HOME.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The directory of settings and credentials.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.home().join(".config/seqera")
    }

    /// The user's plugins directory.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.home().join(".local/share/seqera/plugins")
    }

    /// Writes `config.toml`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn configure(&self, text: &str) {
        fs::create_dir_all(self.config()).expect("a configuration directory");
        fs::write(self.config().join("config.toml"), text).expect("config.toml");
    }

    /// Copies a fixture plugin into the user's directory and answers where it lies.
    ///
    /// # Panics
    /// When there is no such fixture.
    pub fn install(&self, fixture: &str) -> PathBuf {
        copy_tree(&stage::fixtures().join(fixture), &self.plugins());
        let name = only_entry(&stage::fixtures().join(fixture));
        let version = only_entry(&name);
        let dir = self
            .plugins()
            .join(name.file_name().expect("a name"))
            .join(version.file_name().expect("a version"));
        self.grant(&dir);
        dir
    }

    /// Grants the plugin in a directory what it asks for, as installing it does.
    ///
    /// # Panics
    /// When that is no plugin.
    pub fn grant(&self, dir: &Path) {
        let manifest = fs::read_to_string(dir.join("plugin.toml")).expect("plugin.toml");
        let manifest: toml::Table = toml::from_str(&manifest).expect("a manifest");
        let names = |key: &str| -> Vec<String> {
            let list = manifest.get("capabilities").and_then(|asked| asked.get(key)?.as_array());
            list.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
        };
        let path = self.config().join("grants.toml");
        let before = fs::read_to_string(&path).ok();
        let mut text = before.clone().unwrap_or_else(|| "grants = 1\n".to_owned());
        for (kind, names) in [("audience", names("audiences")), ("host", names("hosts"))] {
            for name in names {
                for artifact in manifest["artifact"].as_table().expect("artifacts").values() {
                    let (plugin, digest) = (&manifest["plugin"]["name"], &artifact["sha256"]);
                    text +=
                        &format!("[[grant]]\nplugin = {plugin}\ndigest = {digest}\n{kind} = \"{name}\"\n");
                }
            }
        }
        if text.contains("[[grant]]") && before.as_ref() != Some(&text) {
            fs::create_dir_all(self.config()).expect("a configuration directory");
            fs::write(path, text).expect("grants.toml");
        }
    }

    /// The program under test.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A program that sees what the one under test sees: the same HOME and environment, the same `/etc`.
    #[must_use]
    pub fn beside(&self, program: &Path) -> Command {
        let mut command = match &self.etc {
            Some(etc) => etc.around(program),
            None => Command::new(program),
        };
        command.env_clear().envs(&self.environment).current_dir(self.home()).stdin(Stdio::null());
        command
    }

    /// A command line, ready to be started.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.beside(&self.program);
        command.args(arguments);
        command
    }

    /// Runs a command line, `line` split at spaces.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn seqera(&self, line: &str) -> Run {
        self.run(self.command(line.split(' ').filter(|word| !word.is_empty())))
    }

    /// Runs a command.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, mut command: Command) -> Run {
        let output = command.output().expect("the program can be started");
        finished(output.status, &output.stdout, &output.stderr)
    }

    /// Runs a command line with something on standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn seqera_with_input(&self, line: &str, input: &str) -> Run {
        let mut command = self.command(line.split(' '));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let mut stdin = child.stdin.take().expect("standard input");
        let _reads_no_more = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("the program ends");
        finished(output.status, &output.stdout, &output.stderr)
    }

    /// Begins a sign-in and answers it when it has printed its address.
    ///
    /// # Panics
    /// When it prints none.
    #[must_use]
    pub fn begin_login(&self) -> Login {
        self.begin("login --no-browser")
    }

    /// Begins a sign-in of another kind, `line` split at spaces, and answers it when it has printed its address.
    ///
    /// # Panics
    /// When it prints none.
    #[must_use]
    pub fn begin(&self, line: &str) -> Login {
        self.begin_command(self.command(line.split(' ')))
    }

    /// Begins a sign-in with a command of its own making.
    ///
    /// # Panics
    /// When it prints no address.
    #[must_use]
    pub fn begin_command(&self, command: Command) -> Login {
        Login::begin(command, self.root.path().join("cookies"))
    }

    /// Signs in as somebody who follows the address.
    ///
    /// # Panics
    /// When it prints no address.
    pub fn login(&self) -> Run {
        let login = self.begin_login();
        let _status = login.visit();
        login.finish()
    }

    /// Text without what differs from run to run.
    #[must_use]
    pub fn stable(&self, text: &str) -> String {
        let mut text = text.replace(&self.root.path().display().to_string(), "[ROOT]");
        text = text.replace(&stage::installation().display().to_string(), "[INSTALLATION]");
        for name in ["SEQERA_AI_BACKEND_URL", "SEQERA_AUTH_DOMAIN"] {
            if let Some(port) = self.environment.get(name).and_then(|url| url.split(':').nth(2)) {
                let port: String = port.chars().take_while(char::is_ascii_digit).collect();
                if !port.is_empty() {
                    text = text.replace(&format!(":{port}"), ":[PORT]");
                }
            }
        }
        text
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

/// A sign-in that waits for its browser.
pub struct Login {
    child: Child,
    /// The address that was printed.
    pub url: String,
    said: String,
    stderr: BufReader<std::process::ChildStderr>,
    jar: PathBuf,
}

#[allow(clippy::expect_used, reason = "a test without its surroundings has to stop")]
impl Login {
    fn begin(mut command: Command, jar: PathBuf) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let mut stderr = BufReader::new(child.stderr.take().expect("standard error"));
        let mut said = String::new();
        let url = loop {
            let mut line = String::new();
            let count = stderr.read_line(&mut line).expect("standard error can be read");
            assert!(count > 0, "login ended before it printed an address:\n{said}");
            said.push_str(&line);
            if line.starts_with("http") {
                break line.trim().to_owned();
            }
        };
        Self { child, url, said, stderr, jar }
    }

    /// Reads on to the line that holds `text`.
    ///
    /// # Panics
    /// When it ends without one.
    pub fn line_with(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let count = self.stderr.read_line(&mut line).expect("standard error can be read");
            assert!(count > 0, "login ended before it said {text:?}:\n{}", self.said);
            self.said.push_str(&line);
            if line.contains(text) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// What it said up to now, as far as it was read.
    #[must_use]
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Follows the address; answers the status of the page at the end.
    ///
    /// # Panics
    /// When curl cannot be started.
    pub fn visit(&self) -> String {
        browser::visit(&self.url, &self.jar).expect("curl")
    }

    /// Follows the address as somebody else, or to another end (`deny`).
    ///
    /// # Panics
    /// When curl cannot be started.
    pub fn visit_as(&self, login_hint: &str) -> String {
        browser::visit(&format!("{}&login_hint={login_hint}", self.url), &self.jar).expect("curl")
    }

    /// A parameter of the address.
    #[must_use]
    pub fn parameter(&self, name: &str) -> String {
        let url = url::Url::parse(&self.url).expect("an address");
        let found = url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        found.unwrap_or_default()
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within 30 s.
    pub fn finish(mut self) -> Run {
        let watchdog = Watchdog::new(self.child.id(), Duration::from_secs(30));
        self.stderr.read_to_string(&mut self.said).expect("standard error can be read");
        let output = self.child.wait_with_output().expect("it ends");
        watchdog.stop();
        finished(output.status, &output.stdout, self.said.as_bytes())
    }
}

/// Ends a process that hangs, so that a test fails instead of hanging with it.
pub struct Watchdog(std::sync::mpsc::Sender<()>);

impl Watchdog {
    /// Watches a process.
    #[must_use]
    pub fn new(process: u32, limit: Duration) -> Self {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            if receiver
                .recv_timeout(limit)
                .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                signal(process, "KILL");
            }
        });
        Self(sender)
    }

    /// It ended in time.
    pub fn stop(self) {
        drop(self.0);
    }
}

/// Sends a signal to a process.
pub fn signal(process: u32, name: &str) {
    let _gone = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status();
}

/// What a finished process did.
pub fn finished(status: ExitStatus, stdout: &[u8], stderr: &[u8]) -> Run {
    Run {
        code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
        stdout: String::from_utf8_lossy(stdout).into_owned(),
        stderr: String::from_utf8_lossy(stderr).into_owned(),
    }
}

/// Copies a directory with everything in it.
///
/// # Panics
/// When it cannot.
#[allow(clippy::expect_used, reason = "a test without its surroundings has to stop")]
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for item in fs::read_dir(from).expect("a directory to copy") {
        let item = item.expect("an entry");
        let target = to.join(item.file_name());
        if item.path().is_dir() {
            copy_tree(&item.path(), &target);
        } else {
            fs::copy(item.path(), &target).expect("a file can be copied");
        }
    }
}

#[allow(clippy::expect_used, reason = "a test without its surroundings has to stop")]
fn only_entry(dir: &Path) -> PathBuf {
    fs::read_dir(dir).expect("a fixture").next().expect("an entry").expect("an entry").path()
}
