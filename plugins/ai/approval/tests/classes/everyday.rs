//! What people do every day, and full mode runs unasked.

use seqera_ai_approval::Mode;

use crate::check;

#[test]
fn text_with_brackets_and_backticks_is_no_subscript() {
    check(
        Mode::Full,
        "auto",
        &[
            "git commit -m 'Fix `args[0]` handling'",
            "git commit -m 'docs: describe a[1] and `rm` usage'",
            "n=$((n + 1)); git commit -m 'Fix `args[0]` handling'",
            "gh pr create --body 'Use `args[0]` (see #3)'",
            "Rscript -e 'res <- res[order(res$`log2(FC)`),]; print(res)'",
            "bq query 'SELECT arr[OFFSET(0)] FROM `p.d.e_*`'",
        ],
    );
}

#[test]
fn a_test_that_does_no_arithmetic_evaluates_nothing() {
    check(
        Mode::Full,
        "auto",
        &[
            "body='Run `make` first'; [ -f a ] && gh pr create --body \"$body\"",
            "body='Run `make` first'; [[ $x == y ]] && gh pr create --body \"$body\"",
            "f() { ls; }; export -f f; x='`a`'",
            "read -r line <<< 'use `x`'; [[ $line = a ]]",
            "msg='Run `make`'; [ $n -gt 3 ] && echo \"$msg\"",
            "echo \"Use \\`a[0]\\`\"; n=$((n + 1))",
        ],
    );
    check(
        Mode::Full,
        "prompt computed-command",
        &[
            "a='b[$(x)]'; [[ a -eq 1 ]]",
            "a='b[$(x)]'; [ -v \"$a\" ]",
            "a='b[$(x)]'; [[ -v $a ]]",
            "a='b[$(x)]'; declare -i c=$a",
        ],
    );
    check(Mode::Full, "prompt dangerous", &["a=$(echo 'b[$(rm x)]'); echo $((a))"]);
}

#[test]
fn only_programs_that_take_abbreviations_are_read_so() {
    check(
        Mode::Full,
        "auto",
        &[
            "npx prettier --check \"src/**/*.ts\"",
            "eslint --ext \".{js,ts}\" src",
            "git apply --index \"patches/*.patch\"",
            "docker run --env \"MSG=it's\" img",
            "salmon quant --index \"idx (v2)\" -o out",
            "docker build --tag 'x:(y)' .",
            "alembic revision --msg \"it's\"",
            "rsync -av --filter='- *.bam' a/ b/",
            "rclone copy --filter \"- *.tmp\" a r:b",
            "git clone --filter=blob:none https://github.com/a/b",
        ],
    );
    check(
        Mode::Full,
        "prompt dangerous",
        &[
            "rsync --rsync-pa 'rm x' a b:",
            "split --filter='rm x' a",
            "sort --compress-prog=rm a",
            "sbatch --wra 'rm x'",
            "git difftool --extcmd='rm x'",
            "git clone --upload-pack='rm x' a b",
            "gcloud compute ssh vm --command='rm x'",
        ],
    );
}

#[test]
fn text_for_another_language_is_not_read_as_a_shell_would() {
    check(
        Mode::Full,
        "auto",
        &[
            "conda run -n x python -c 'import sys; print(sys.version)'",
            "docker exec app python -c \"import os; print(os.getcwd())\"",
            "singularity exec img.sif python -c \"import torch; print(torch.cuda.is_available())\"",
            "docker exec db psql -c 'select * from t;'",
            "mpirun -np 2 python -c \"from mpi4py import MPI; print(MPI.COMM_WORLD.rank)\"",
            "uv run python -c 'print(1)'",
            "poetry run python -c 'print(1)'",
            "pipenv run python -c 'print(1)'",
            "npx jest -t 'adds (1+2)'",
            "npx vitest run -t \"renders <App />\"",
            "tmux send-keys -t x \"it's done\" Enter",
        ],
    );
    check(
        Mode::Full,
        "prompt",
        &[
            "docker exec app bash -c 'rm x'",
            "docker exec app $SHELL -c 'rm x'",
            "npx --call 'rm x'",
            "npm exec -c 'rm x'",
            "flock /tmp/l -c 'rm x; (('",
            "ssh h 'cat <((rm x))'",
            "ssh h 'cat <((r\"\"m x))'",
            "tmux ls \"it's\"; bash -c \"it's\"",
        ],
    );
}

#[test]
fn a_job_that_is_made_from_a_template_may_run() {
    check(
        Mode::Full,
        "auto",
        &[
            "cp template.sh run.sh; cat > Dockerfile <<'E'\nRUN apt-get update && rm -rf /var/lib/apt/lists/*\nE\nbash run.sh",
            "./app > out/app; cat out/app",
            "make 2>&1 | tee log/make; ./bin/make",
            "echo 'rm x' > out/app; ./app",
            "sed \"s/S/$s/\" template.pbs | qsub",
            "envsubst < t.sh > job.sh && sbatch job.sh",
            "sed s/a/b/ t.sh | sbatch",
            "printf '#!/bin/bash\\nsamtools index %s\\n' \"$bam\" > job.sh && sbatch job.sh",
            "echo \"$header\" > job.sh; cat body.sh >> job.sh; sbatch job.sh",
            "{ cat header.sh; cat body.sh; } > all.sh; bash all.sh",
            "echo $files | xargs ls",
            "printf '%s\\n' \"$f\" | xargs -n1 gzip",
            "{ echo \"$a\"; echo b; } | xargs ls",
            "for f in a b; do echo \"$f\"; done | xargs wc -l",
            "cat <<E > r.json && python x.py r.json\n{\"a\": \"$x\"}\nE",
            "awk '{print $1}' x > s.sh && sh s.sh",
        ],
    );
    check(
        Mode::Full,
        "prompt dangerous",
        &[
            "{ echo a; echo 'rm x'; } > all.sh; bash all.sh",
            "for i in 1 2; do echo \"rm $i\"; done > all.sh; bash all.sh",
            "printf '#!/bin/bash\\nrm %s\\n' \"$bam\" > job.sh && sbatch job.sh",
            "echo \"rm $x\" >> job.sh; sbatch job.sh",
            "echo 'rm x' | sed 's/x/y/' > s.sh; bash s.sh",
            "echo 'rm x' > s.sh; sed 's/x/y/' s.sh > t.sh; bash t.sh",
            "echo 'rm x' > s.sh; cp s.sh sub; bash sub/s.sh",
            "echo 'rm x' > s.sh; cp -t sub s.sh; bash sub/s.sh",
            "echo 'rm x' > s.sh; cp s.sh a; mv a b; ln -s b c; ./c",
            "echo 'rm x' > a/s.sh; mv a b; bash b/s.sh",
            "cd sub; echo 'rm x' > s.sh; cd ..; bash sub/s.sh",
            "f=s.sh; echo 'rm x' > $f; bash s.sh",
            "echo 'rm x' > sub/../s.sh; ./s.sh",
            "echo 'rm x' > /tmp/s.sh; cd /tmp; ./s.sh",
            "echo 'rm x' > s.sh; cp s.sh \"$d\"; bash \"$d/s.sh\"",
            "echo 'rm x' > a/s.sh; cp -r a b; bash b/a/s.sh",
            "sed \"s/S/rm/\" <<< 'rm x' | qsub",
        ],
    );
}

#[test]
fn looking_at_ones_own_processes_is_no_look_into_another() {
    check(
        Mode::Full,
        "auto",
        &[
            "ps -e --forest -o pid,user,cmd",
            "ps --no-headers -o etime -p 123",
            "ps --sort -%mem -eo pid,comm",
            "strace -f -o t.txt nextflow run main.nf -profile docker",
            "strace -f ./server -p 8080",
            "gdb --args ./a.out -p 3",
        ],
    );
    check(
        Mode::Full,
        "prompt credentials",
        &[
            "ps auxe",
            "ps --forest axe",
            "ps --sort pid axe",
            "strace -p 3",
            "strace -fp 3",
            "strace -f -o t -p 3",
            "strace --attach=3",
            "gdb -p 3",
            "gdb ./a.out -p 3",
            "lldb --attach-pid 3",
        ],
    );
}
