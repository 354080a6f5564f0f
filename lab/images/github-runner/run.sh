#!/bin/bash
# run.sh of the stand-in for GitHub's runner image: `run.sh --jitconfig CONFIGURATION` runs one job, then ends.
# As with the official one: exit code 0 whatever became of the job, 143 or 130 after TERM or INT, which cancel a running job;
# a process named Runner.Worker lives exactly as long as a job runs. Needs bash and sleep and nothing else of the image.
set -u
directory=${0%/*}
ended=0
worker=

stop() {
    ended=$1
    kill -TERM "$runner" 2> /dev/null
}

finish() {
    [ -z "$worker" ] && return
    kill "$worker" 2> /dev/null
    wait "$worker"
    worker=
}

exec 3< <(exec "$directory/github-act-runner" run --terminal=false "$@" 2>&1)
runner=$!
trap 'stop 143' TERM
trap 'stop 130' INT

while IFS= read -r line <&3; do
    printf '%s\n' "$line"
    case $line in
    *": Running Job '"*)
        "$directory/bin/Runner.Worker" &
        worker=$!
        ;;
    *": Finished Job '"*)
        finish
        ;;
    esac
done
finish
exit "$ended"
