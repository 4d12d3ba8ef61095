//! The options of commands that run another one, as data. From their manual pages; an option that is not here makes
//! every later word a possible command.

/// How a wrapper reads its words.
pub(super) struct Wrapper {
    pub(super) names: &'static [&'static str],
    /// Options of one letter without a value.
    pub(super) flags: &'static str,
    /// Options of one letter with a value, attached or in the next word.
    pub(super) values: &'static str,
    /// Long options without a value, or with one after `=` only.
    pub(super) long_flags: &'static [&'static str],
    /// Long options with a value, after `=` or in the next word.
    pub(super) long_values: &'static [&'static str],
    /// How many words come between the options and the command.
    pub(super) operands: usize,
}

const NONE: Wrapper =
    Wrapper { names: &[], flags: "", values: "", long_flags: &[], long_values: &[], operands: 0 };

/// Wrappers whose command is the rest of their words.
pub(super) const WRAPPERS: &[Wrapper] = &[
    ENV,
    Wrapper { names: &["command"], flags: "pvV", ..NONE },
    Wrapper { names: &["exec"], flags: "cl", values: "a", ..NONE },
    Wrapper {
        names: &["builtin", "nohup", "busybox", "toybox", "noglob", "nocorrect", "chronic", "gnohup"],
        ..NONE
    },
    Wrapper { names: &["nice", "gnice"], values: "n", long_values: &["adjustment"], ..NONE },
    Wrapper {
        names: &["ionice"],
        flags: "t",
        values: "cnpPu",
        long_flags: &["ignore"],
        long_values: &["class", "classdata", "pid", "pgid", "uid"],
        ..NONE
    },
    Wrapper {
        names: &["stdbuf", "gstdbuf"],
        values: "ioe",
        long_values: &["input", "output", "error"],
        ..NONE
    },
    Wrapper { names: &["setsid"], flags: "cfw", long_flags: &["ctty", "fork", "wait"], ..NONE },
    Wrapper {
        names: &["time", "gtime"],
        flags: "apqvlh",
        values: "fo",
        long_flags: &["append", "portability", "quiet", "verbose"],
        long_values: &["format", "output"],
        ..NONE
    },
    Wrapper {
        names: &["timeout", "gtimeout"],
        flags: "fpv",
        values: "ks",
        long_flags: &["foreground", "preserve-status", "verbose"],
        long_values: &["kill-after", "signal"],
        operands: 1,
    },
    Wrapper {
        names: &["taskset"],
        flags: "acp",
        long_flags: &["all-tasks", "cpu-list", "pid"],
        operands: 1,
        ..NONE
    },
    Wrapper {
        names: &["chroot", "gchroot"],
        long_flags: &["skip-chdir"],
        long_values: &["groups", "userspec"],
        operands: 1,
        ..NONE
    },
    Wrapper { names: &["caffeinate"], flags: "disum", values: "tw", ..NONE },
];

pub(super) const ENV: Wrapper = Wrapper {
    names: &["env", "genv"],
    flags: "i0v",
    values: "uCSa",
    long_flags: &[
        "ignore-environment",
        "null",
        "debug",
        "block-signal",
        "default-signal",
        "ignore-signal",
        "list-signal-handling",
    ],
    long_values: &["unset", "chdir", "split-string", "argv0"],
    operands: 0,
};

pub(super) const XARGS: Wrapper = Wrapper {
    names: &["xargs", "gxargs"],
    flags: "0oprtxeil",
    values: "adEILnPsRJS",
    long_flags: &[
        "null",
        "interactive",
        "no-run-if-empty",
        "verbose",
        "exit",
        "open-tty",
        "show-limits",
        "replace",
        "eof",
        "max-lines",
    ],
    long_values: &["arg-file", "delimiter", "max-args", "max-procs", "process-slot-var", "max-chars"],
    operands: 0,
};

pub(super) const WATCH: Wrapper = Wrapper {
    names: &["watch"],
    flags: "bcdegptrwxC",
    values: "nq",
    long_flags: &[
        "beep",
        "color",
        "no-color",
        "differences",
        "errexit",
        "chgexit",
        "precise",
        "no-title",
        "no-rerun",
        "no-wrap",
        "exec",
    ],
    long_values: &["interval", "equexit"],
    operands: 0,
};

pub(super) const SHELL: Wrapper = Wrapper {
    names: &[
        "sh",
        "bash",
        "dash",
        "zsh",
        "ksh",
        "mksh",
        "pdksh",
        "ash",
        "fish",
        "rbash",
        "yash",
        "csh",
        "tcsh",
        "hush",
        "posh",
        "ksh93",
        "rksh",
        "lksh",
        "oksh",
        "loksh",
        "nu",
        "pwsh",
        "powershell",
        "elvish",
        "xonsh",
    ],
    flags: "abcefhiklmnpqrstuvxBCDEHPTdVXgNyzI",
    values: "oO",
    long_flags: &[
        "debugger",
        "dump-po-strings",
        "dump-strings",
        "login",
        "noediting",
        "noprofile",
        "norc",
        "posix",
        "restricted",
        "verbose",
        "command",
        "no-rcs",
    ],
    long_values: &["rcfile", "init-file"],
    operands: 0,
};

/// Commands that run another one behind options of which there are many: any of their words may be it.
pub(super) const ANY_WORD: &[&str] = &[
    "flock",
    "numactl",
    "chrt",
    "unshare",
    "nsenter",
    "strace",
    "ltrace",
    "unbuffer",
    "fakeroot",
    "fakechroot",
    "xvfb-run",
    "dbus-run-session",
    "srun",
    "systemd-run",
    "systemd-inhibit",
    "setpriv",
    "prlimit",
    "script",
    "entr",
    "valgrind",
    "perf",
    "setarch",
    "linux32",
    "linux64",
    "firejail",
    "bwrap",
    "proot",
    "torsocks",
    "proxychains",
    "expect_unbuffer",
    "rlwrap",
    "cpulimit",
    "choom",
    "daemonize",
    "start-stop-daemon",
    "at",
    "batch",
    "sem",
    "gdb",
    "hyperfine",
    "ssh",
    "mpirun",
    "mpiexec",
    "mpiexec.hydra",
    "orterun",
    "prterun",
    "prun",
    "salloc",
    "aprun",
    "jsrun",
    "qrsh",
    "qsub",
    "bsub",
    "tini",
    "dumb-init",
    "gosu",
    "su-exec",
    "eatmydata",
    "ssh-agent",
    "tmux",
    "screen",
    "coreutils",
    "npx",
    "bunx",
];

/// Commands of these that give a word to a shell, when there is more than a name in it.
pub(super) const RUNS_TEXT: &[&str] = &["ssh", "tmux", "screen", "bsub", "qsub", "qrsh"];

/// Commands that give what is behind their own -c to a shell.
pub(super) const TAKES_TEXT: &[&str] = &["flock", "script", "npx", "npm", "pnpm", "yarn"];

/// Commands that run another one after one of these words.
pub(super) const AFTER_WORD: &[(&[&str], &[&str])] = &[
    (&["docker", "podman", "nerdctl"], &["run", "exec"]),
    (&["singularity", "apptainer"], &["run", "exec"]),
    (&["kubectl", "oc"], &["exec", "run", "debug"]),
    (&["conda", "mamba", "micromamba", "uv", "poetry", "pixi", "pipenv", "pdm"], &["run"]),
    (&["npm", "pnpm", "yarn", "bundle", "direnv", "mise"], &["exec", "x", "dlx"]),
];

/// Commands with the effect of one of the 13.
pub(super) const SAME_EFFECT: &[(&str, &str)] = &[
    ("poweroff", "shutdown"),
    ("halt", "shutdown"),
    ("doas", "sudo"),
    ("su", "sudo"),
    ("pkexec", "sudo"),
    ("runuser", "sudo"),
    ("run0", "sudo"),
    ("mke2fs", "mkfs"),
    ("mkdosfs", "mkfs"),
    ("mkntfs", "mkfs"),
    ("newfs", "mkfs"),
];

/// What `systemctl` does to the machine.
pub(super) const POWER: &[&str] = &[
    "reboot",
    "poweroff",
    "halt",
    "kexec",
    "soft-reboot",
    "suspend",
    "hibernate",
    "hybrid-sleep",
    "rescue",
    "emergency",
];

/// Built-ins that take a name with a subscript, which bash evaluates.
pub(super) const SUBSCRIPTS: &[&str] = &[
    "let",
    "declare",
    "typeset",
    "local",
    "readonly",
    "export",
    "test",
    "[",
    "unset",
    "printf",
    "read",
    "mapfile",
    "readarray",
    "wait",
    "compgen",
];

/// Long options whose value is a command to any program that has them.
pub(super) const RUNS_VALUE: &[&str] = &[
    "to-command",
    "checkpoint-action",
    "use-compress-program",
    "info-script",
    "new-volume-script",
    "rsh",
    "rsync-path",
    "pre",
    "exec",
    "exec-batch",
    "command",
    "compress-program",
    "shell-command",
    "wrap",
    "coreutils-prog",
];

/// The same of some programs, which take the beginning of the name for it.
pub(super) const RUNS_OWN_VALUE: &[(&[&str], &[&str])] = &[
    (
        &["tar", "gtar", "bsdtar"],
        &[
            "to-command",
            "checkpoint-action",
            "use-compress-program",
            "info-script",
            "new-volume-script",
            "rsh-command",
        ],
    ),
    (&["rsync"], &["rsh", "rsync-path"]),
    (&["split", "gsplit"], &["filter"]),
    (&["sort", "gsort"], &["compress-program"]),
    (&["sbatch"], &["wrap"]),
    (&["flock", "script"], &["command"]),
    (&["git"], &["exec", "extcmd", "upload-pack", "receive-pack"]),
    (&["npx", "npm"], &["call"]),
];

/// Options of `git filter-branch`.
pub(super) const GIT_FILTERS: &[&str] = &[
    "tree-filter",
    "index-filter",
    "msg-filter",
    "env-filter",
    "parent-filter",
    "commit-filter",
    "tag-name-filter",
];

/// How the names of variables end that programs take for a command.
pub(super) const RUNS_VARIABLE: &[&str] = &[
    "COMMAND", "EDITOR", "VISUAL", "PAGER", "OPEN", "CLOSE", "SHELL", "BROWSER", "ASKPASS", "_RSH", "GIT_SSH",
];

/// Parts of the names of git's settings that it runs.
pub(super) const RUNS_SETTING: &[&str] = &[
    "pager",
    "sshcommand",
    "fsmonitor",
    "editor",
    "cmd",
    "clean",
    "smudge",
    "process",
    "program",
    "helper",
    "textconv",
    "command",
    "askpass",
    "external",
    "driver",
    "gitproxy",
];
