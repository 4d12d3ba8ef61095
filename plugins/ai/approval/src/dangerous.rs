//! The commands that are asked about in every mode.

/// The published list.
pub const DANGEROUS: [&str; 13] = [
    "chmod", "chown", "dd", "kill", "killall", "mkfs", "mount", "pkill", "reboot", "rm", "shutdown", "sudo",
    "umount",
];

/// Commands that write what an operand names.
pub(crate) const WRITES_OPERANDS: &[&str] = &[
    "tee",
    "cp",
    "mv",
    "shred",
    "wipefs",
    "install",
    "truncate",
    "mke2fs",
    "mkswap",
    "blkdiscard",
    "badblocks",
    "ddrescue",
    "dcfldd",
    "parted",
    "fdisk",
    "sfdisk",
    "sgdisk",
    "mkntfs",
    "mkdosfs",
    "rsync",
    "diskutil",
    "sponge",
];

/// The dangerous command that a command word names: by its last path component, whatever its case.
pub(crate) fn named(word: &str) -> Option<String> {
    let name = crate::paths::folded(word.rsplit('/').next().unwrap_or(word));
    // GNU's are called grm, gchmod and so on where the system has its own.
    let is_gnu = name.strip_prefix('g').is_some_and(|name| DANGEROUS.contains(&name));
    let helpers = ["mkfs.", "mount.", "umount.", "mount_", "umount_"];
    let is_listed =
        is_gnu || DANGEROUS.contains(&name.as_str()) || helpers.iter().any(|helper| name.starts_with(helper));
    is_listed.then_some(name)
}

/// Whether one of the commands is a word of a text, whatever the quotes.
pub(crate) fn is_written_in(text: &str) -> bool {
    let plain = text.replace(['\'', '"', '\\'], "");
    let ends_word = |letter: char| !(letter.is_alphanumeric() || "-_.".contains(letter));
    plain.split(ends_word).any(|word| named(word).is_some())
}

/// Whether a path names a disk or the memory, whether or not this machine has it.
pub(crate) fn is_raw_device(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    // What is written there restarts the machine.
    if path.starts_with('/') && parts.clone().eq(["proc", "sysrq-trigger"]) {
        return true;
    }
    if !path.starts_with('/') || parts.next() != Some("dev") {
        return false;
    }
    let Some(name) = parts.next() else { return false };
    let directories = ["mapper", "disk", "block", "vg"];
    let numbered = [
        "sd", "hd", "vd", "xvd", "nvme", "mmcblk", "dm-", "md", "loop", "sr", "disk", "rdisk", "nbd", "zd",
        "ram", "mtd",
    ];
    directories.contains(&name) && parts.next().is_some()
        || matches!(name, "mem" | "kmem" | "port")
        || numbered.iter().any(|start| {
            name.strip_prefix(start)
                .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_directory() {
        for word in [
            "rm",
            "/bin/rm",
            "RM",
            "./Sudo",
            "\u{17f}udo",
            "/bin/\u{212a}ill",
            "mkfs.ext4",
            "/sbin/mkfs.xfs",
            "grm",
            "umount.nfs",
            "mount_nfs",
        ] {
            assert!(named(word).is_some(), "{word}");
        }
        for word in ["rmdir", "arm", "rm.txt", "dd-rescue", "grmx", "mounts", ""] {
            assert!(named(word).is_none(), "{word}");
        }
    }

    #[test]
    fn raw_devices_are_known_by_name() {
        for path in ["/dev/sda", "//dev/./sdb1", "/dev/nvme0n1", "/dev/mapper/root", "/dev/mem", "/dev/disk0"]
        {
            assert!(is_raw_device(path), "{path}");
        }
        for path in
            ["/dev/null", "/dev/stdout", "/dev/tty", "dev/sda", "/dev/mapper", "/dev/shm/sda", "/dev/random"]
        {
            assert!(!is_raw_device(path), "{path}");
        }
    }
}
