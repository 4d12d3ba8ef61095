//! The certified OpenID provider of `peers/oidc`, as a child process: what emulator and client cannot have got wrong
//! together.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::sandbox::Watchdog;

/// A running provider.
pub struct Provider {
    child: Child,
    /// Its issuer.
    pub issuer: String,
    ctl: String,
}

#[allow(clippy::expect_used, reason = "a test without its peer has to stop")]
impl Provider {
    /// Starts one with these settings (see its README).
    ///
    /// # Panics
    /// When node or its packages are missing.
    #[must_use]
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/oidc");
        let mut child = Command::new("node")
            .arg("server.mjs")
            .current_dir(here)
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node can be started");
        let watchdog = Watchdog::new(child.id(), std::time::Duration::from_secs(20));
        let mut line = String::new();
        let stdout = child.stdout.take().expect("standard output");
        BufReader::new(stdout).read_line(&mut line).expect("the provider says something");
        watchdog.stop();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!("the provider is not ready ({error}): run `npm install` in tests/peers/oidc")
        });
        let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        Self { issuer: text("issuer"), ctl: text("ctl"), child }
    }

    /// `counters` and `log` of its control plane.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn stats(&self) -> Value {
        serde_json::from_str(&self.call("GET", "stats", "")).expect("statistics")
    }

    /// How often a counter was counted.
    #[must_use]
    pub fn count(&self, counter: &str) -> u64 {
        self.stats()["counters"][counter].as_u64().unwrap_or(0)
    }

    /// Lets the next matching request go wrong.
    pub fn fault(&self, fault: &Value) {
        self.call("POST", "fault", &fault.to_string());
    }

    /// Changes what it says.
    pub fn tamper(&self, change: &Value) {
        self.call("POST", "tamper", &change.to_string());
    }

    /// Changes settings.
    pub fn configure(&self, change: &Value) {
        self.call("POST", "config", &change.to_string());
    }

    /// Somebody types a code into its device page and decides (`confirm` or `abort`); answers the status of the last page.
    ///
    /// # Panics
    /// When bash or curl cannot be started.
    pub fn decide(&self, user_code: &str, decision: &str) -> String {
        let script = ". ./lib.sh; ISSUER=$1; approve \"$2\" \"$3\"";
        let output = Command::new("bash")
            .args(["-c", script, "decide", &self.issuer, user_code, decision])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/oidc"))
            .env("NO_PROXY", "*")
            .output()
            .expect("bash");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The requests of a route, in order.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn requests(&self, route: &str) -> Vec<Value> {
        let log = self.stats()["log"].as_array().cloned().unwrap_or_default();
        log.into_iter().filter(|entry| entry["route"] == route).collect()
    }

    fn call(&self, method: &str, path: &str, body: &str) -> String {
        let mut command = Command::new("curl");
        command.args(["--silent", "--request", method, &format!("{}/{path}", self.ctl)]);
        if !body.is_empty() {
            // On standard input: an argument has a limit.
            command.args(["--header", "content-type: application/json", "--data-binary", "@-"]);
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("curl can be started");
        child.stdin.take().expect("a pipe").write_all(body.as_bytes()).expect("curl reads");
        let output = child.wait_with_output().expect("curl ends");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
