# preStop of a runner's main container, run by the user's image (needs: sh, sleep). Asks no network: with the registrar
# away, this local look alone decides. Returns at once or so when idle, else when the job has ended; the pod's grace
# period ends the wait from outside.
#
# A job runs when the runner's work area holds a job's directory, or when a process of a job exists: a child of Gitea's
# runner (it runs steps as its children), or GitHub's Runner.Worker. Between two steps Gitea's runner has no child, but
# the directory; a job that removes its own directory still has its process.
set -u
# An image's PATH may hold its own folders alone.
PATH=${PATH:+$PATH:}${GPU_RUNNERS_PROGRAMS:-/usr/bin:/bin}

job_runs() {
    for directory in "$JOBS_DIRECTORY"/*/hostexecutor; do
        [ -d "$directory" ] && return 0
    done
    for status in "$PROCESSES_DIRECTORY"/[0-9]*/stat; do
        line=
        { read -r line < "$status"; } 2> /dev/null || [ -n "$line" ] || continue
        # pid (name) state parent ...: the name may hold spaces and brackets, so it is cut at its outer ones.
        name=${line#*(}
        name=${name%)*}
        [ "$name" = Runner.Worker ] && return 0
        rest=${line##*) }
        state=${rest%% *}
        rest=${rest#* }
        [ "${rest%% *}" = "$RUNNER_PROCESS" ] && [ "$state" != Z ] && return 0
    done
    return 1
}

# The registrar cordons the runner as soon as it sees the deletion: until then a job may still arrive.
sleep "$CORDON_SECONDS"
while job_runs; do
    sleep 1
done
