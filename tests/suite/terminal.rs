//! The program on a terminal of its own.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use seqera_tests::sandbox::Sandbox;

/// A program on a terminal of its own.
pub(crate) struct Terminal {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    pub(crate) keys: Box<dyn Write + Send>,
    seen: Arc<Mutex<String>>,
}

impl Terminal {
    /// Starts it.
    pub(crate) fn run(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let inner = sandbox.command(arguments);
        let mut command = CommandBuilder::new(inner.get_program());
        command.args(inner.get_args());
        command.env_clear();
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap());
        }
        command.cwd(inner.get_current_dir().unwrap());
        let pty = native_pty_system().openpty(PtySize { rows: 30, cols: 160, ..PtySize::default() }).unwrap();
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let seen = Arc::new(Mutex::new(String::new()));
        let mut reader = pty.master.try_clone_reader().unwrap();
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut part) {
                shared.lock().unwrap().push_str(&String::from_utf8_lossy(&part[..count]));
            }
        });
        let keys = pty.master.take_writer().unwrap();
        std::mem::forget(pty.master);
        Self { child, keys, seen }
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        self.keys.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits until something is on the screen, and takes it and what came before it off.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str) {
        let started = Instant::now();
        loop {
            let mut seen = self.seen.lock().unwrap();
            if let Some(at) = seen.find(what) {
                seen.drain(..at + what.len());
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "{what:?} did not come; there is:\n{seen}");
            drop(seen);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its exit code, when it has ended.
    pub(crate) fn end(mut self) -> u32 {
        self.child.wait().unwrap().exit_code()
    }
}
