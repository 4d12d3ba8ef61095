//! What was typed and not read yet.

use crate::driver::Stop;

/// Drops it.
#[cfg(unix)]
pub(super) fn forget() {
    // Not a terminal: nothing to drop.
    let _not_a_terminal = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
}

/// Waits for a line; `false` when somebody wants to stop instead. A read that has begun could not be ended.
#[cfg(unix)]
pub(super) fn wait(stop: &Stop) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    const STEP: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    let stdin = std::io::stdin();
    loop {
        if stop.is_wanted() {
            return false;
        }
        let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut wanted, Some(&STEP)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            // Ready, closed, or not to be waited for: reading tells.
            Ok(_) | Err(_) => return true,
        }
    }
}

#[cfg(not(unix))]
pub(super) fn forget() {}

#[cfg(not(unix))]
pub(super) fn wait(stop: &Stop) -> bool {
    !stop.is_wanted()
}
