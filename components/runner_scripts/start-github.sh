# Main container of a runner pod whose forge is GitHub, run by the user's image (needs: sh, bash, sleep, glibc, libicu).
# Becomes the runner with a just-in-time configuration: one job, then exit.
set -eu

breach() {
    printf '%s\n' "image contract: $1" >&2
    printf '%s' "image contract: $1" > "$TERMINATION_LOG"
    exit 78
}

command -v sleep > /dev/null || breach "the image has no 'sleep', with which a busy runner waits for its job's end"
command -v bash > /dev/null || breach "the image has no 'bash', in which GitHub's runner is started"

read -r configuration < "$REGISTRATION_DIRECTORY/registration" || [ -n "$configuration" ]
exec "$RUNNER_DIRECTORY/run.sh" --jitconfig "$configuration"
