# The beginning of every start script, run by the user's image (needs: sh). What an image must have is said before a job
# is taken: what is missing ends the pod with exit code 78 and the cure as its last line, which Kubernetes keeps.
set -eu

# An image's PATH may hold its own folders alone: the system's are looked into last.
for folder in ${GPU_RUNNERS_PROGRAMS:-/usr/local/bin /usr/bin /bin /usr/sbin /sbin}; do
    case :${PATH:-}: in
    *:"$folder":*) ;;
    *) export PATH="${PATH:+$PATH:}$folder" ;;
    esac
done

breach() {
    printf '%s\n' "image contract: $1; cure: $2" >&2
    exit 78
}

require() {
    command -v "$1" > /dev/null || breach "the image has no '$1', $2" "install ${3:-$1} in the image"
}

require sleep "with which a busy runner waits for its job's end" coreutils

is_store() { # of CAs, that this user can read
    [ -f "$1" ] && [ -r "$1" ] && [ -s "$1" ]
}
# Images for jobs often lack the public CAs, or name a file that is not there: they are brought. A forge's own CA is in
# the same file, and beside them the image has its say: what it trusted before it trusts still.
bundle=$RUNNER_DIRECTORY/ca-bundle.crt own=
for store in "${SSL_CERT_FILE:-}" ${GPU_RUNNERS_CA_STORES:-/etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem}; do
    if [ -z "$own" ] && is_store "$store"; then own=$store; fi
done
if [ -s "$bundle" ] && { [ -e "$RUNNER_DIRECTORY/forge-ca.crt" ] || [ -z "$own" ] || [ "${SSL_CERT_FILE-$own}" != "$own" ]; }; then
    for store in "$own" "${NODE_EXTRA_CA_CERTS:-}" "${GIT_SSL_CAINFO:-}"; do
        is_store "$store" || continue
        printf '\n'
        while IFS= read -r line || [ -n "$line" ]; do printf '%s\n' "$line"; done < "$store"
    done >> "$bundle"
    # OpenSSL (.NET, Python, curl), git, Node.
    export SSL_CERT_FILE="$bundle" GIT_SSL_CAINFO="$bundle" NODE_EXTRA_CA_CERTS="$bundle"
fi
