//! The commands that are asked about in every mode.

/// The published list.
pub const DANGEROUS: [&str; 13] = [
    "chmod", "chown", "dd", "kill", "killall", "mkfs", "mount", "pkill", "reboot", "rm", "shutdown", "sudo",
    "umount",
];

/// The dangerous command that a command word names: by its last path component, whatever its case.
pub(crate) fn named(word: &str) -> Option<String> {
    let name = word.rsplit('/').next().unwrap_or(word).to_lowercase();
    let is_listed = DANGEROUS.contains(&name.as_str()) || name.starts_with("mkfs.");
    is_listed.then_some(name)
}
