# Init container of a runner pod, run by the forge's runner image (needs: sh, curl, coreutils, and the runner's files).
# Copies the runner's files and makes the directories of the job, while it trades the pod's token for one single-use
# registration.
# Exit 0: the registration is in place. Exit 1: refused; the reason is in the termination log and in the log.
# It gives up only on a refusal: the registrar may be away, the forge may be away, a brake may hold the pool back. That
# the token is not accepted (401) is final only after a while: clocks differ, and signing keys are rotated.
set -eu

# As process 1 a shell ignores SIGTERM unless it says otherwise: a deleted pod that waits here would stay for its whole
# grace period, which is made for jobs and lasts hours.
trap 'exit 143' TERM

refuse() {
    printf '%s\n' "$1" >&2
    printf '%s' "$1" > "$TERMINATION_LOG"
    exit 1
}

# All but what no job of ours uses: Node for Alpine (the images have glibc) and hooks for clusters are half of the files.
copy() {
    for entry in "$1"/* "$1"/.[!.]*; do
        case ${entry##*/} in
        k8s | k8s-novolume | _work | externals | *_alpine) ;;
        *) if [ -e "$entry" ] || [ -h "$entry" ]; then cp -R "$entry" "$2/"; fi ;;
        esac
    done
}
prepare() {
    copy "$RUNNER_SOURCE" "$RUNNER_DIRECTORY"
    if [ -e "$RUNNER_SOURCE/externals" ]; then
        mkdir -p "$RUNNER_DIRECTORY/externals"
        copy "$RUNNER_SOURCE/externals" "$RUNNER_DIRECTORY/externals"
    fi
    # Here and not in the main container: the user's image need not have mkdir. In _work GitHub's runner works: the volume
    # of the jobs is mounted there.
    work=${JOBS_DIRECTORY%/*}
    mkdir -p "$HOME" "$JOBS_DIRECTORY" "$work/tools" "$work/github" "$RUNNER_DIRECTORY/_work" "$RUNNER_DIRECTORY/externals"
    # Where a job that asks for a container finds its home and its event: the runner makes both anew for each job.
    ln -sfn /__w/_temp/_github_home "$work/github/home"
    ln -sfn /__w/_temp/_github_workflow "$work/github/workflow"
    # The public CAs, which the user's image may lack, and the forge's own.
    for store in ${GPU_RUNNERS_CA_STORES:-/etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem}; do
        [ -s "$store" ] && cat "$store" > "$RUNNER_DIRECTORY/ca-bundle.crt" && break
    done
    if [ -e "$TRUST_DIRECTORY/forge-ca.crt" ]; then
        cp "$TRUST_DIRECTORY/forge-ca.crt" "$RUNNER_DIRECTORY/forge-ca.crt"
        { echo && cat "$TRUST_DIRECTORY/forge-ca.crt"; } >> "$RUNNER_DIRECTORY/ca-bundle.crt" # neither's last line may end
    fi
}
# Beside the registration: the kubelet looks for the end of this container once a second, and each tenth counts.
prepare &
preparing=$!

url=$(cat "$TRUST_DIRECTORY/url")
answer=$REGISTRATION_DIRECTORY/.answer
headers=$REGISTRATION_DIRECTORY/.headers
delay=1
attempt=0
unproven=0
longest=120 # no answer makes this pod sleep longer
# Where network policies are enforced, a new pod is let out some tenths of a second after its start, and turned away
# until then: so many times it asks again soon, before it waits for whole seconds.
soon=20
jitter=

while :; do
    attempt=$((attempt + 1))
    # The kubelet renews the token in place, so the file is read at every try. The header travels through a pipe:
    # an argument would be readable in the process list. No proxy of the pod or of its image is for the registrar, and no
    # .curlrc of the home that jobs have as well: where a node starts the pod once more, one may lie there.
    failure=0
    status=$(printf 'header = "Authorization: Bearer %s"\n' "$(cat "$TOKEN_FILE")" |
        curl --disable --silent --show-error --noproxy '*' --config - --request POST --data '' --cacert "$TRUST_DIRECTORY/ca.crt" \
            --max-time 30 --connect-timeout 5 --dump-header "$headers" --output "$answer" \
            --write-out '%{http_code}' "$url/registrations") || { failure=$? && status=000; }
    case $failure in
    6 | 7) # curl: no address, no connection
        if [ "$soon" -gt 0 ]; then
            soon=$((soon - 1))
            sleep 0.05 &
            wait $! || soon=0 # a sleep that knows no parts of a second
            continue
        fi
        ;;
    esac
    wait=
    case $status in
    200)
        wait "$preparing" # with its exit code, where that is not 0
        mv "$answer" "$REGISTRATION_DIRECTORY/registration"
        rm -f "$headers"
        exit 0
        ;;
    403 | 409) refuse "registration refused ($status): $(cat "$answer")" ;;
    401)
        unproven=$((unproven + 1))
        [ "$unproven" -lt "${TOKEN_TRIES:-12}" ] || refuse "registration refused ($status): $(cat "$answer")"
        ;;
    429 | 503)
        while IFS=': ' read -r field value; do
            case $field in
            [Rr]etry-[Aa]fter) wait=${value%%[!0-9]*} ;;
            esac
        done < "$headers"
        ;;
    esac
    if [ -n "$wait" ]; then
        [ "${#wait}" -le 6 ] && [ "$wait" -le "$longest" ] || wait=$longest
        delay=1
    else
        # One seed per pod: many pods that start together must not ask together again.
        [ -n "$jitter" ] || { jitter=$(cksum < "$TOKEN_FILE") && jitter=${jitter%% *}; }
        # Full seconds only, as every sleep understands them: half the delay for certain, half by chance.
        jitter=$(((jitter * 1103 + 12345) % 65536))
        wait=$((delay / 2 + jitter % (delay / 2 + 1)))
        [ "$wait" -gt 0 ] || wait=1
        delay=$((delay * 2))
        [ "$delay" -le 30 ] || delay=30
    fi
    reason=
    [ "$status" = 000 ] || reason=$(cat "$answer" 2> /dev/null || :)
    printf 'try %s: registrar answered %s %s; next try in %s s\n' "$attempt" "$status" "$reason" "$wait" >&2
    # In the background, because a shell runs its trap only when the command before it has ended.
    sleep "$wait" &
    wait $!
done
