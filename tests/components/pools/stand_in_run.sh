#!/bin/bash
# A stand-in for run.sh of GitHub's runner, which it is not: it honours what is known of the real one's exit codes.
# LISTENER_CODE is the exit code of the listener (a process that ends with it, or waits for INT where there is none);
# LISTENER_NOTE is the file in which the listener writes what it was given.
listen() {
    trap 'exit 0' INT # before anybody can see that it is there
    printf '%s\n' "$@" "invariant=${DOTNET_SYSTEM_GLOBALIZATION_INVARIANT:-}" "deprecated=${ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE:-}" \
        "bundle=${SSL_CERT_FILE:-} ${NODE_EXTRA_CA_CERTS:-}" > "$LISTENER_NOTE"
    [ -n "${LISTENER_CODE:-}" ] && exit "$LISTENER_CODE"
    while :; do sleep 0.1; done
}
stop() {
    kill -INT "$!" 2> /dev/null
    wait "$!"
    exit "$1"
}
if [ -n "${RUNNER_MANUALLY_TRAP_SIG:-}" ]; then # before the listener, which tells that a signal may come
    trap 'stop 143' TERM
    trap 'stop 130' INT
fi
tries=0
while :; do
    listen "$@" &
    wait "$!"
    case $? in
    2 | 3 | 4)
        tries=$((tries + 1))
        echo "restart $tries" >&2
        [ "$tries" -lt 3 ] || LISTENER_CODE=0 # the real one goes on for ever
        ;;
    7) [ -n "${ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE:-}" ] && exit 7 || exit 0 ;;
    *) exit 0 ;;
    esac
done
