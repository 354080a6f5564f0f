# The beginning of every start script, run by the user's image (needs: sh). What an image must have is said before a job
# is taken: what is missing ends the pod with exit code 78 and the cure as its last line, which Kubernetes keeps.
set -eu

# An image's PATH may hold its own folders alone: the system's are looked into last.
for _folder in ${GPU_RUNNERS_PROGRAMS:-/usr/local/bin /usr/bin /bin /usr/sbin /sbin}; do
    case :${PATH:-}: in
    *:"$_folder":*) ;;
    *) export PATH="${PATH:+$PATH:}$_folder" ;;
    esac
done

_breach() {
    printf '%s\n' "image contract: $1; cure: $2" >&2
    exit 78
}

_require() {
    command -v "$1" > /dev/null || _breach "the image has no '$1', $2" "install ${3:-$1} in the image"
}

_require sleep "with which a busy runner waits for its job's end" coreutils

# Of CAs, that this user can read.
_is_store() {
    [ -f "$1" ] && [ -r "$1" ] && [ -s "$1" ]
}
# Images for jobs often lack the public CAs, or name a file that is not there: they are brought. A forge's own CA is in
# the same file, and beside them the image has its say: what it trusted before it trusts still.
_bundle=$RUNNER_DIRECTORY/ca-bundle.crt _own=
for _store in "${SSL_CERT_FILE:-}" ${GPU_RUNNERS_CA_STORES:-/etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem}; do
    if [ -z "$_own" ] && _is_store "$_store"; then _own=$_store; fi
done
if [ -s "$_bundle" ] && { [ -e "$RUNNER_DIRECTORY/forge-ca.crt" ] || [ -z "$_own" ] || [ "${SSL_CERT_FILE-$_own}" != "$_own" ]; }; then
    for _store in "$_own" "${NODE_EXTRA_CA_CERTS:-}" "${GIT_SSL_CAINFO:-}"; do
        _is_store "$_store" || continue
        printf '\n'
        while IFS= read -r _line || [ -n "$_line" ]; do printf '%s\n' "$_line"; done < "$_store"
    done >> "$_bundle"
    # OpenSSL (.NET, Python, curl), git, Node.
    export SSL_CERT_FILE="$_bundle" GIT_SSL_CAINFO="$_bundle" NODE_EXTRA_CA_CERTS="$_bundle"
fi
