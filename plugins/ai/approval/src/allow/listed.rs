//! The published list, and for each command the options that only change what is shown or how. From the manual pages of
//! GNU coreutils, procps and tree; what is not here is asked about, so that a new option is never a surprise.

/// A command of the list.
pub(super) struct Listed {
    pub(super) name: &'static str,
    /// Options of one letter without a value.
    pub(super) flags: &'static str,
    /// Options of one letter with a value, attached or in the next word.
    pub(super) values: &'static str,
    /// Options of one letter whose value, if any, is attached.
    pub(super) optional: &'static str,
    /// Long options, with a value after `=` or without.
    pub(super) long: &'static [&'static str],
    /// Long options with a value, after `=` or in the next word.
    pub(super) long_values: &'static [&'static str],
    pub(super) operands: Operands,
}

/// What the words that are no options are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operands {
    /// Anything; only read.
    Read,
    /// Every word is text, whatever it looks like.
    Text,
    /// There may be none.
    None,
    /// One that begins with `+`: any other sets the clock.
    Format,
    /// Paths to change.
    Change,
}

const NONE: Listed = Listed {
    name: "",
    flags: "",
    values: "",
    optional: "",
    long: &[],
    long_values: &[],
    operands: Operands::Read,
};

/// The command of the list that a command word names.
pub(super) fn of(written: &str) -> Option<&'static Listed> {
    let name = written.rsplit('/').next().unwrap_or(written);
    LISTED.iter().find(|listed| listed.name == name)
}

const LISTED: &[Listed] = &[
    Listed {
        name: "cat",
        flags: "AbeEnstTuv",
        long: &[
            "show-all",
            "number-nonblank",
            "show-ends",
            "number",
            "squeeze-blank",
            "show-tabs",
            "show-nonprinting",
        ],
        ..NONE
    },
    Listed {
        name: "date",
        flags: "uR",
        values: "drf",
        optional: "I",
        long: &["utc", "universal", "iso-8601", "rfc-email", "rfc-2822", "rfc-3339", "debug", "resolution"],
        long_values: &["date", "reference", "file"],
        operands: Operands::Format,
    },
    Listed { name: "echo", operands: Operands::Text, ..NONE },
    Listed { name: "env", flags: "0", long: &["null"], operands: Operands::None, ..NONE },
    Listed {
        name: "head",
        flags: "qvz",
        values: "nc",
        long: &["quiet", "silent", "verbose", "zero-terminated"],
        long_values: &["lines", "bytes"],
        ..NONE
    },
    Listed {
        name: "ls",
        flags: "aAbBcCdfFgGhHiklLmnNopqQrRsStuUvxXZ1",
        values: "ITw",
        long: &[
            "all",
            "almost-all",
            "author",
            "escape",
            "ignore-backups",
            "color",
            "directory",
            "dired",
            "classify",
            "file-type",
            "full-time",
            "group-directories-first",
            "no-group",
            "human-readable",
            "si",
            "dereference-command-line",
            "dereference-command-line-symlink-to-dir",
            "hyperlink",
            "indicator-style",
            "inode",
            "kibibytes",
            "dereference",
            "numeric-uid-gid",
            "literal",
            "hide-control-chars",
            "show-control-chars",
            "quote-name",
            "quoting-style",
            "reverse",
            "recursive",
            "size",
            "sort",
            "time",
            "time-style",
            "context",
            "zero",
        ],
        long_values: &["block-size", "format", "hide", "ignore", "tabsize", "width"],
        ..NONE
    },
    Listed { name: "printenv", flags: "0", long: &["null"], ..NONE },
    Listed { name: "pwd", flags: "LP", long: &["logical", "physical"], operands: Operands::None, ..NONE },
    Listed {
        name: "stat",
        flags: "Lft",
        values: "c",
        long: &["dereference", "file-system", "terse", "cached"],
        long_values: &["format", "printf"],
        ..NONE
    },
    Listed {
        name: "tail",
        flags: "fFqvz",
        values: "ncs",
        long: &["follow", "retry", "quiet", "silent", "verbose", "zero-terminated"],
        long_values: &["lines", "bytes", "sleep-interval", "pid", "max-unchanged-stats"],
        ..NONE
    },
    Listed {
        name: "tree",
        flags: "adflxiqNQpugshDFrtcUvnCASJX",
        values: "LPI",
        long: &[
            "ignore-case",
            "matchdirs",
            "dirsfirst",
            "filesfirst",
            "sort",
            "du",
            "si",
            "inodes",
            "device",
            "noreport",
            "prune",
            "gitignore",
            "filelimit",
            "charset",
            "metafirst",
            "nolinks",
            "timefmt",
        ],
        ..NONE
    },
    Listed { name: "uptime", flags: "ps", long: &["pretty", "since"], operands: Operands::None, ..NONE },
    Listed { name: "whoami", operands: Operands::None, ..NONE },
    Listed {
        name: "touch",
        flags: "acm",
        values: "dtr",
        long: &["no-create", "time"],
        long_values: &["date", "reference"],
        operands: Operands::Change,
        ..NONE
    },
    // -m sets permission bits, which chmod is asked about for.
    Listed { name: "mkdir", flags: "pv", long: &["parents", "verbose"], operands: Operands::Change, ..NONE },
    // Not -b and -S, which make another name; not -l and -s, which make links; not -L and -H, which follow them.
    Listed {
        name: "cp",
        flags: "rRapfnuvidPxT",
        values: "t",
        long: &[
            "recursive",
            "archive",
            "force",
            "no-clobber",
            "update",
            "verbose",
            "interactive",
            "no-dereference",
            "one-file-system",
            "no-target-directory",
        ],
        long_values: &["target-directory"],
        operands: Operands::Change,
        ..NONE
    },
    Listed {
        name: "mv",
        flags: "fnuviT",
        values: "t",
        long: &["force", "no-clobber", "update", "verbose", "interactive", "no-target-directory"],
        long_values: &["target-directory"],
        operands: Operands::Change,
        ..NONE
    },
];

impl Listed {
    /// Whether it changes files.
    pub(super) fn changes(&self) -> bool {
        self.operands == Operands::Change
    }
}
