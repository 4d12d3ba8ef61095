//! Small pieces of text that several commands share.

/// `in 5 min`, `2 h ago`: no time zone to be wrong about.
pub(crate) fn relative(seconds: i64) -> String {
    let magnitude = seconds.unsigned_abs();
    let text = match magnitude {
        0..120 => format!("{magnitude} s"),
        120..7200 => format!("{} min", magnitude / 60),
        7200..172_800 => format!("{} h", magnitude / 3600),
        _ => format!("{} days", magnitude / 86_400),
    };
    if seconds >= 0 { format!("in {text}") } else { format!("{text} ago") }
}
