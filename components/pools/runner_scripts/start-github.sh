# Main container of a runner pod whose forge is GitHub, run by the user's image (needs: sh, bash, sleep, tar, gzip, glibc,
# libssl). Becomes the runner with a just-in-time configuration, which holds what config.sh would be told (one job, no
# update of itself): then exit. Its exit code says little (0 for a lost registration too): the registrar asks GitHub for
# the job.

# Whether the image has a library, by the beginning of its name.
_has_library() {
    for _folder in ${GPU_RUNNERS_LIBRARIES:-/usr/lib /usr/lib64 /lib /lib64 /usr/local/lib /usr/local/lib64 /usr/lib/*-linux-gnu /lib/*-linux-gnu}; do
        for _file in "$_folder/$1"*; do
            [ -e "$_file" ] && return 0
        done
    done
    case $({ ldconfig -p || /sbin/ldconfig -p; } 2> /dev/null) in
    *"$1"*) return 0 ;;
    esac
    _rest=${LD_LIBRARY_PATH:-}:
    while [ -n "$_rest" ]; do
        _folder=${_rest%%:*} _rest=${_rest#*:}
        for _file in "$_folder/$1"*; do
            [ -n "$_folder" ] && [ -e "$_file" ] && return 0
        done
    done
    return 1
}

_newline='
'
# The next line of $_rest.
_next() {
    _line=${_rest%%"$_newline"*}
    _rest=${_rest#"$_line"} _rest=${_rest#"$_newline"}
    [ -n "$_line$_rest" ]
}
# E.g. 2.35; nothing where nobody tells. Its own program says it, after whatever the image makes every program complain of;
# else old versions have it in a file's name.
_glibc() {
    _rest=$(ldd --version 2>&1) || :
    while _next; do
        case $_line in
        'musl libc'*) printf musl && return ;;
        'ldd ('*' '2.*) printf %s "${_line##* }" && return ;;
        esac
    done
    for _folder in ${GPU_RUNNERS_LIBRARIES:-/lib /lib64 /usr/lib64 /lib/*-linux-gnu /usr/lib/*-linux-gnu}; do
        for _file in "$_folder"/libc-2.*.so; do
            [ -e "$_file" ] || continue
            _file=${_file##*/libc-}
            printf %s "${_file%.so}" && return
        done
    done
    return 0
}

_require bash "in which GitHub's runner is started"
[ -x "${GPU_RUNNERS_BASH:-/bin/bash}" ] ||
    _breach "the image's bash is $(command -v bash), and GitHub's runner starts /bin/bash" "link it there in the image"
_require tar "with which GitHub's runner unpacks actions"
_require gzip "with which tar unpacks actions"
# Without libicu .NET does not start, unless it is told to do without languages. Few images for jobs have it, and some have
# one that .NET does not take.
_has_library libicuuc.so || export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
_listener=$RUNNER_DIRECTORY/bin/Runner.Listener
_words= _code=0
_starts() {
    _words=$("$_listener" --version 2>&1) && _code=0 || _code=$?
    [ "$_code" = 0 ]
}
_version=$(_glibc)
_newer="build it on one with glibc, e.g. Debian 10, Ubuntu 20.04, RHEL 8 or newer"
if [ -e "$_listener" ] && ! _starts; then
    export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
    _starts || :
fi
case $_version in
# Some images have glibc beside it.
musl)
    [ -e "$_listener" ] && [ "$_code" = 0 ] || _breach "the image's C library is musl, and GitHub's runner needs glibc" "$_newer"
    ;;
2.[0-9] | 2.1[0-9] | 2.2[0-7] | 2.[0-9].* | 2.1[0-9].* | 2.2[0-7].*)
    _breach "the image has glibc $_version, and GitHub's runner needs 2.28 or newer" "$_newer"
    ;;
esac
_has_library libssl.so ||
    _breach "the image has no libssl, without which GitHub's runner aborts at its first connection" \
        "install libssl3 (Debian, Ubuntu) or openssl-libs (RHEL, Fedora) in the image"
if [ "$_code" != 0 ]; then
    _cure="install what it names; it needs glibc, libstdc++, libgcc, libssl and zlib"
    _rest=$_words
    while _next; do
        case $_line in
        "" | "ERROR: ld.so: object "* | *"warning: setlocale"*) ;;
        *) break ;;
        esac
    done
    case $_code:$_line in
    137:*) _cure="raise the pool's memory" ;;
    *:) _cure="start it there by hand" ;;
    126:* | *"$_listener: not found"* | *"$_listener: No such"* | *"$_listener: cannot execute"*)
        _cure="$_newer, for the architecture of the pool's nodes"
        ;;
    esac
    _breach "GitHub's runner does not start in this image (exit code $_code): $_line" "$_cure"
fi
# Only a note: jobs that check nothing out need none, and actions/checkout gets an archive without history then.
command -v git > /dev/null ||
    printf '%s\n' "image contract: the image has no 'git', without which a checkout has no history and DVC finds no" \
        "repository; cure: install git in the image" >&2
# A version that GitHub no longer serves ends with 7; without this it ends with 0, as a job that is done.
export ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=1
# As in the official image: run.sh, which is the first process here, passes signals on and waits.
export RUNNER_MANUALLY_TRAP_SIG=1 ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT=1

# A job with `container:` is run in this very container, if that is the image which it asks for.
printf %s @CONTAINER_HOOK@ > "$RUNNER_DIRECTORY/container-hook.sh"
export ACTIONS_RUNNER_CONTAINER_HOOKS="$RUNNER_DIRECTORY/container-hook.sh"
# At a job's end, unless the image or the pool has a hook of its own there (or "", for none).
if [ -z "${ACTIONS_RUNNER_HOOK_JOB_COMPLETED+set}" ]; then
    printf %s @JOB_SUMMARY@ > "$RUNNER_DIRECTORY/job-summary.sh"
    export ACTIONS_RUNNER_HOOK_JOB_COMPLETED="$RUNNER_DIRECTORY/job-summary.sh"
fi

# Its own wrapper calls every end that it does not know, a crash too, 0: as if nothing had happened. Only that is changed.
_helper=$RUNNER_DIRECTORY/run-helper.sh.template
if [ -e "$_helper" ]; then
    _changed= _unknown=
    while IFS= read -r _line || [ -n "$_line" ]; do
        case $_line in
        *"unknown error code"*) _unknown=1 ;;
        *"exit 0"*)
            [ -z "$_unknown" ] || _line="    exit \"\$returnCode\""
            _unknown=
            ;;
        esac
        _changed="$_changed$_line
"
    done < "$_helper"
    printf %s "$_changed" > "$_helper"
fi

read -r _configuration < "$REGISTRATION_DIRECTORY/registration" || [ -n "$_configuration" ]
exec "$RUNNER_DIRECTORY/run.sh" --jitconfig "$_configuration"
