//! Programs and settings that run something else.

use seqera_ai_approval::{Mode, Pattern, Rules, SystemFiles};

use crate::ground::Ask;
use crate::{check, ground, tell};

#[test]
fn what_schedulers_and_other_runners_start_is_found() {
    check(
        Mode::Full,
        "prompt dangerous",
        &[
            "mpirun -n 1 rm x",
            "mpiexec -np 2 --host a rm x",
            "salloc -N1 rm x",
            "aprun -n 1 rm x",
            "qrsh rm x",
            "bsub -q short rm x",
            "bsub 'rm x'",
            "qsub -b y rm x",
            "sbatch <<'X'\n#!/bin/bash\nrm x\nX",
            "bsub <<'X'\nrm x\nX",
            "qsub -N a <<'X'\nrm x\nX",
            "echo 'rm x' | sbatch",
            "sbatch --wrap='rm x'",
            "sbatch --wrap 'rm x'",
            "cat > j.sh <<'X'\nrm x\nX\nsbatch j.sh",
            "grm x",
            "gchmod 777 x",
            "/opt/homebrew/bin/gdd if=a of=b",
            "coreutils rm x",
            "coreutils --coreutils-prog=rm x",
            "tini -- rm x",
            "dumb-init rm x",
            "gosu me rm x",
            "eatmydata rm x",
            "ssh-agent rm x",
            "tmux new -d 'rm x'",
            "tmux send-keys 'rm x' Enter",
            "screen -dm rm x",
            "npm exec -- rm x",
            "npx -c 'rm x'",
            "bundle exec rm x",
            "pipenv run rm x",
            "direnv exec . rm x",
            "mise exec -- rm x",
            "ksh93 -c 'rm x'",
            "lksh -c 'rm x'",
            "nu -c 'rm x'",
            "pwsh -c 'rm x'",
            "pwsh -NoProfile -Command 'rm x'",
            "umount.nfs x",
            "mount.nfs a:/ x",
        ],
    );
    check(Mode::Full, "prompt raw-device", &["echo b > /proc/sysrq-trigger", "tee /proc//sysrq-trigger"]);
    check(Mode::Full, "prompt computed-command", &["echo '* * * * * ls' | crontab -", "crontab x"]);
    check(
        Mode::Full,
        "auto",
        &[
            "mpirun -n 4 ./solver in.txt",
            "sbatch --array=1-10 -J rm job.sh",
            "sbatch --wrap 'samtools index x.bam'",
            "tmux ls",
            "npm run kill",
            "npx prettier --check .",
            "crontab -l",
            "squeue -u me",
        ],
    );
}

#[test]
fn what_options_settings_and_variables_run_is_found() {
    let ways = [
        "tar -I 'rm x' -cf a.tar b",
        "tar -cI'rm x' -f a.tar b",
        "tar cIf 'rm x' a.tar b",
        "tar -F 'rm x' -cf a.tar b",
        "tar xf a --to-com='rm x'",
        "tar xf a --use-comp 'rm x'",
        "rsync -e 'rm x' a b:",
        "rsync -avze 'rm x' a b:",
        "ssh -o ProxyCommand='rm x' h",
        "ssh -oproxycommand='rm x' h",
        "scp -o 'ProxyCommand rm x' a h:",
        "git -c core.pager='rm x' -p log",
        "git -c core.sshCommand='rm x' fetch",
        "git -c core.fsmonitor='rm x' status",
        "git -c pager.log='rm x' log",
        "git -c filter.a.clean='rm x' add .",
        "git -c alias.a='!rm x' a",
        "git config core.editor 'rm x'",
        "git config alias.a '!rm x'",
        "git rebase -x 'rm x' HEAD~1",
        "git rebase -x'rm x' HEAD~1",
        "git filter-branch --tree-filter 'rm x' HEAD",
        "GIT_SSH_COMMAND='rm x' git fetch",
        "EDITOR='rm x' git commit",
        "export MANPAGER='rm x'; man ls",
        "env PAGER='rm x' git log",
        "LESSOPEN='|rm %s' less a",
        "make SHELL='rm x'",
    ];
    check(Mode::Full, "prompt dangerous", &ways);
    let ground = ground();
    let rules = Rules { allow: vec![Pattern::allowing("git *").unwrap()], ..Rules::default() };
    let ask = Ask { rules, ..Ask::shell(Mode::Default, "git -c core.pager='rm x' -p log") };
    assert_eq!(tell(&ground.decide(&ask, &SystemFiles)), "prompt dangerous");
    check(
        Mode::Full,
        "auto",
        &[
            "tar -I zstd -cf a.tar.zst sub",
            "tar czf a.tgz sub",
            "rsync -avz --delete sub/ x/",
            "git -c user.name=rm commit -m 'rm x'",
            "git -c core.pager=cat log",
            "git config user.name 'rm x'",
            "GIT_SSH_COMMAND='ssh -i key' git fetch",
            "EDITOR=vim make",
            "ls | SHELL=/bin/bash make -j4",
            "git rm -rf --cached x",
        ],
    );
}
