//! The wall clock, in the unit that files and tokens use, and how far it is from a server's.

use std::time::{SystemTime, UNIX_EPOCH};

/// How far clocks may be apart, in seconds: what an ID token is forgiven, and from where on a person is told.
pub(crate) const LEEWAY: i64 = 120;

/// Seconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    seconds(SystemTime::now())
}

/// A time in seconds since the Unix epoch.
pub(crate) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
}

/// What is wrong with our clock, when a server's is further ahead (or behind) than can be overlooked.
pub(crate) fn complaint(offset: Option<i64>, server: &str) -> Option<String> {
    let offset = offset.filter(|offset| offset.abs() > LEEWAY)?;
    let (minutes, direction) = (offset.abs() / 60, if offset > 0 { "behind" } else { "ahead of" });
    Some(format!("the clock of this computer is {minutes} min {direction} that of {server}"))
}

#[cfg(test)]
mod tests {
    use super::complaint;

    #[test]
    fn a_clock_is_named_when_it_is_far_off() {
        assert_eq!(complaint(Some(100), "h"), None);
        assert_eq!(complaint(None, "h"), None);
        assert_eq!(
            complaint(Some(430), "h").unwrap(),
            "the clock of this computer is 7 min behind that of h"
        );
        assert!(complaint(Some(-430), "h").unwrap().contains("7 min ahead of"));
    }
}
