//! Lines that a person types while something else is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Reads standard input while it lives, and leaves everything that is typed later to whoever asks next.
pub(super) struct Keyboard {
    is_over: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Keyboard {
    /// Begins to read; each line goes to `on_line`.
    pub(super) fn listen(on_line: impl FnMut(&str) + Send + 'static) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        Self { reader: Some(std::thread::spawn(move || read(&flag, on_line))), is_over }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Elsewhere a read cannot be taken back; the thread ends with the process.
        if let Some(reader) = self.reader.take().filter(|_| cfg!(unix)) {
            let _panicked = reader.join();
        }
    }
}

#[cfg(unix)]
fn read(is_over: &AtomicBool, mut on_line: impl FnMut(&str)) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;
    /// How long it takes to notice that it is over.
    const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    /// Longest line, in bytes; terminals give less.
    const LIMIT: usize = 64 * 1024;
    let stdin = std::io::stdin();
    let mut pending: Vec<u8> = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&TICK)) {
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(_) => return,
        }
        if !is_in_front() {
            // What is typed is for the shell; to read it would stop us.
            std::thread::sleep(std::time::Duration::from_millis(200));
            continue;
        }
        let mut part = [0; 4096];
        match rustix::io::read(&stdin, &mut part) {
            Err(Errno::INTR) => continue,
            Ok(0) | Err(_) => return,
            Ok(count) => pending.extend_from_slice(&part[..count]),
        }
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            on_line(String::from_utf8_lossy(&line).trim());
        }
        if pending.len() > LIMIT {
            pending.clear();
        }
    }
}

/// Whether the terminal is ours to read, and we do not run in the background.
#[cfg(unix)]
fn is_in_front() -> bool {
    let in_front = rustix::termios::tcgetpgrp(std::io::stdin());
    in_front.is_ok_and(|group| group == rustix::process::getpgrp())
}

#[cfg(not(unix))]
fn read(is_over: &AtomicBool, mut on_line: impl FnMut(&str)) {
    for line in std::io::stdin().lines().map_while(Result::ok) {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        on_line(line.trim());
    }
}
