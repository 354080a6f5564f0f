#!/bin/bash
# Job hook of GitHub's runner (docs/adrs/1751-runner-job-hooks.md of actions/runner), run at a job's end by the user's image
# (needs: bash, env): a table in the summary of the run. A hook that fails would fail the job, and nothing ends one that hangs:
# this one always ends with 0, after 20 s at the latest. What others wrote is only ever a text, of few letters and short.
# It starts anew with what it needs, as the container hook does: an image may export functions and options of the shell.
if [[ ${1-} != anew ]]; then
    POSIXLY_CORRECT=1
    \unset -f env
    \set +kuvx
    \env -i LC_ALL=C "PATH=$PATH" "LD_LIBRARY_PATH=$LD_LIBRARY_PATH" "GITHUB_STEP_SUMMARY=$GITHUB_STEP_SUMMARY" \
        "GPU_RUNNERS_POOL=$GPU_RUNNERS_POOL" "GPU_RUNNERS_GPUS=$GPU_RUNNERS_GPUS" \
        "GPU_RUNNERS_QUEUE_TIME=$GPU_RUNNERS_QUEUE_TIME" "PROCESSES_DIRECTORY=$PROCESSES_DIRECTORY" \
        "$BASH" "$0" anew "$PPID" < /dev/null 2> /dev/null || \:
    \exit 0
fi

worker=$2
plain() {
    local text=${1//[!A-Za-z0-9 ._+\/-]/}
    cell=${text:0:80}
}
# Seconds, for people.
span() {
    cell=
    (($1 < 3600)) || cell="$(($1 / 3600)) h "
    (($1 < 60)) || cell+="$(($1 / 60 % 60)) min "
    cell+="$(($1 % 60)) s"
}
# The names of the GPUs as NVIDIA's own program lists them. Of one that is cut, its parts alone.
names() {
    local -A seen=()
    local list= line model= number kind
    read -r -d "" -t 10 -n 4096 list < <(nvidia-smi -L)
    kill -9 $!
    while read -r line; do
        case $line in
        "GPU "*": "*)
            plain "${line#*: }"
            model=${cell%% UUID*} kind=$model
            ;;
        "MIG "*)
            plain "$line"
            kind="${cell%%  *} of $model"
            unset "seen[$model]"
            ;;
        *) continue ;;
        esac
        number=${seen[$kind]:-0}
        seen[$kind]=$((number + 1))
    done <<< "$list"
    gpus=
    for kind in "${!seen[@]}"; do
        gpus+="${gpus:+, }${seen[$kind]} x $kind"
    done
}
row() { printf "| %s | %s |\n" "$1" "$2"; }
table() {
    local gpus= line up rest fields waited=
    row "GPU runner" "" && row --- ---
    plain "$GPU_RUNNERS_POOL" && row Pool "$cell"
    [ -z "$GPU_RUNNERS_GPUS" ] || names
    plain "${GPU_RUNNERS_GPUS:-none}" && row GPU "${gpus:-$cell}"
    # Its process began with the job, and no job can change when.
    read -r line < "$PROCESSES_DIRECTORY/$worker/stat" && read -r up rest < "$PROCESSES_DIRECTORY/uptime"
    if [[ $line == *" (Runner.Worker) "* ]]; then
        read -r -a fields <<< "${line##*) }"
        up=$((${up%.*} - fields[19] / 100))
        ((up < 0)) || { span "$up" && row "For" "$cell"; }
    fi
    read -r -n 10 waited < "$GPU_RUNNERS_QUEUE_TIME"
    [[ ! $waited =~ ^[0-9]{1,8}$ ]] || { span "$((10#$waited))" && row "Waited" "$cell"; }
}
if [ -f "$GITHUB_STEP_SUMMARY" ] && [ ! -h "$GITHUB_STEP_SUMMARY" ]; then
    read -r -t 20 _ < <(table >> "$GITHUB_STEP_SUMMARY")
    kill -9 $!
fi
exit 0
