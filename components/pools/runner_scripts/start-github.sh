# Main container of a runner pod whose forge is GitHub, run by the user's image (needs: sh, bash, sleep, glibc).
# Becomes the runner with a just-in-time configuration, which holds what config.sh would be told (one job, no update of
# itself): then exit. Its exit code says little (0 for a lost registration too): the registrar asks GitHub for the job.
set -eu

breach() {
    printf '%s\n' "image contract: $1" >&2
    printf '%s' "image contract: $1" > "$TERMINATION_LOG"
    exit 78
}

has_icu() {
    for library in ${LIBRARIES:-/usr/lib /usr/lib64 /lib /lib64 /usr/local/lib /usr/lib/*-linux-gnu}; do
        for file in "$library"/libicuuc.so*; do
            [ -e "$file" ] && return 0
        done
    done
    return 1
}

command -v sleep > /dev/null || breach "the image has no 'sleep', with which a busy runner waits for its job's end"
command -v bash > /dev/null || breach "the image has no 'bash', in which GitHub's runner is started"

# Without libicu .NET does not start, unless it is told to do without languages. Few images for jobs have it.
has_icu || export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
# A version that GitHub no longer serves ends with 7; without this it ends with 0, as a job that is done.
export ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1
# As in the official image: run.sh, which is the first process here, passes signals on and waits.
export RUNNER_MANUALLY_TRAP_SIG=1 ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT=1
if [ -e "$RUNNER_DIRECTORY/ca-bundle.crt" ]; then
    # A GitHub Enterprise Server with a CA of its own: .NET and git, Node.
    export SSL_CERT_FILE="$RUNNER_DIRECTORY/ca-bundle.crt" GIT_SSL_CAINFO="$RUNNER_DIRECTORY/ca-bundle.crt"
    export NODE_EXTRA_CA_CERTS="$RUNNER_DIRECTORY/ca-bundle.crt"
fi
listener=$RUNNER_DIRECTORY/bin/Runner.Listener
if [ -e "$listener" ]; then
    "$listener" --version > /dev/null 2>&1 ||
        breach "GitHub's runner does not start in this image; it needs glibc, libstdc++, libssl and zlib"
fi

read -r configuration < "$REGISTRATION_DIRECTORY/registration" || [ -n "$configuration" ]
exec "$RUNNER_DIRECTORY/run.sh" --jitconfig "$configuration"
