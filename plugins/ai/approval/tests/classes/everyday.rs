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
