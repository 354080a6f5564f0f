# The beginning of every start script, run by the user's image (needs: sh). What an image must have is said before a job
# is taken: what is missing ends the pod with exit code 78 and the cure as its last line, which Kubernetes keeps.
set -eu

breach() {
    printf '%s\n' "image contract: $1; cure: $2" >&2
    exit 78
}

require() {
    command -v "$1" > /dev/null || breach "the image has no '$1', $2" "install ${3:-$1} in the image"
}

require sleep "with which a busy runner waits for its job's end" coreutils

# Images for jobs often lack the public CAs, so they are brought; a forge's own CA is in the same file.
has_authorities() {
    [ -s "${SSL_CERT_FILE:-}" ] && return 0
    for store in ${GPU_RUNNERS_CA_STORES:-/etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem}; do
        [ -s "$store" ] && return 0
    done
    return 1
}
bundle=$RUNNER_DIRECTORY/ca-bundle.crt
if [ -s "$bundle" ] && { [ -e "$RUNNER_DIRECTORY/forge-ca.crt" ] || ! has_authorities; }; then
    # OpenSSL (.NET, Python, curl), git, Node.
    export SSL_CERT_FILE="$bundle" GIT_SSL_CAINFO="$bundle" NODE_EXTRA_CA_CERTS="$bundle"
fi
