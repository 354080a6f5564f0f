#!/bin/bash
# Container hook of GitHub's runner (docs/adrs/1891-container-hooks.md of actions/runner), run by the user's image (needs:
# bash, env). The pod is the job's container already: a job that asks for the pool's own image gets it, without Docker, and
# one that asks for another, for services or for a Docker action is refused in one sentence with the cure.
# The runner writes {"command", "responseFile", "args", "state"} to standard input. Paths in it are those of a job's
# container (/__w, /__e, /__t, /github): the pod mounts its volumes there too.
#
# An image may export variables by the names that are used here, functions by the names of what is called here, and
# options of the shell. None of that may change what this does, and this may change none of it for a step: it starts anew
# with what it needs itself, and gets the environment as the kernel has it, as words.
if [[ ${1-} != environment ]]; then
    # From here on `unset`, `set`, `exec` and `exit` are the shell's own, whatever has their names.
    POSIXLY_CORRECT=1
    \unset -f mapfile
    \set +kuvx
    \mapfile -d "" -t environment < /proc/self/environ || \exit
    # Bytes, whatever the image's language.
    \exec env -i LC_ALL=C "PATH=$PATH" "LD_LIBRARY_PATH=$LD_LIBRARY_PATH" "GPU_RUNNERS_IMAGE=$GPU_RUNNERS_IMAGE" \
        "HOSTNAME=$HOSTNAME" "$BASH" "$0" environment "${environment[@]}"
fi
set -u +e
environment=()
for entry in "${@:2}"; do
    # What has no name is none that `env` takes.
    [[ $entry != [!=]*=* ]] || environment+=("$entry")
done

# A command of workflows, e.g. error: in the job's log and on the run's page.
say() {
    local words=${2//%/%25}
    words=${words//$'\r'/%0D}
    printf "::%s::%s\n" "$1" "${words//$'\n'/%0A}"
}
refuse() {
    say error "$1"
    exit 1
}
malformed() { refuse "the runner's request to its container hook cannot be read; cure: report it with the runner's version"; }

# JSON as two lists: paths, whose parts each begin with a separator that no name has, and their values as texts.
separator=$'\x1f'
paths=()
values=()
utf8() {
    local code=$1 bytes
    if ((code < 0x80)); then
        printf -v bytes "\\\x%02x" "$code"
    elif ((code < 0x800)); then
        printf -v bytes "\\\x%02x\\\x%02x" $((0xc0 | code >> 6)) $((0x80 | code & 0x3f))
    elif ((code < 0x10000)); then
        printf -v bytes "\\\x%02x\\\x%02x\\\x%02x" $((0xe0 | code >> 12)) $((0x80 | code >> 6 & 0x3f)) $((0x80 | code & 0x3f))
    else
        printf -v bytes "\\\x%02x\\\x%02x\\\x%02x\\\x%02x" $((0xf0 | code >> 18)) $((0x80 | code >> 12 & 0x3f)) \
            $((0x80 | code >> 6 & 0x3f)) $((0x80 | code & 0x3f))
    fi
    printf -v letter %b "$bytes"
}
# A shell copies the whole text at each step through it: it gets the request in pieces, `rest` is what it has of it.
more() {
    local piece=
    IFS= read -r -N 4096 piece || [ -n "$piece" ] || return 1
    rest+=$piece
}
space() {
    while :; do
        rest=${rest#"${rest%%[!$' \t\r\n']*}"}
        [ -z "$rest" ] && more || return 0
    done
}
# \uXXXX: of two halves where it takes two; half of a letter is none.
unicode() {
    local code low
    [[ $rest == \\u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]* ]] || malformed
    code=$((16#${rest:2:4})) rest=${rest:6}
    if ((code >= 0xd800 && code < 0xdc00)) && [[ $rest == \\u[dD][c-fC-F][0-9a-fA-F][0-9a-fA-F]* ]]; then
        low=$((16#${rest:2:4})) rest=${rest:6}
        code=$((0x10000 + (code - 0xd800 << 10) + low - 0xdc00))
    fi
    ((code >= 0xd800 && code < 0xe000)) && code=0xfffd
    letter=
    ((code == 0)) || utf8 "$code"
    string+=$letter
}
read_string() {
    local part
    string= rest=${rest:1}
    while :; do
        part=${rest%%[\"\\]*}
        string+=$part rest=${rest:${#part}}
        [ -n "$rest" ] || { more && continue; } || malformed
        # An escape is that long at most.
        [[ $rest != \\* ]] || [ "${#rest}" -ge 12 ] || more
        case $rest in
        \"*) rest=${rest:1} && return ;;
        \\u*) unicode && continue ;;
        \\[\"\\/]*) string+=${rest:1:1} ;;
        \\b*) string+=$'\b' ;;
        \\f*) string+=$'\f' ;;
        \\n*) string+=$'\n' ;;
        \\r*) string+=$'\r' ;;
        \\t*) string+=$'\t' ;;
        *) malformed ;;
        esac
        rest=${rest:2}
    done
}
read_value() {
    local path=$1 depth=$2 number=0 token
    ((depth < 50)) || malformed
    space
    case $rest in
    \"*)
        read_string
        paths+=("$path") values+=("$string")
        ;;
    [{[]*)
        local open=${rest:0:1} close=] key
        [ "$open" = "{" ] && close='}'
        rest=${rest:1}
        space
        [[ $rest == "$close"* ]] && rest=${rest:1} && return
        while :; do
            key=$number
            if [ "$open" = "{" ]; then
                space
                [[ $rest == \"* ]] || malformed
                read_string
                key=$string
                [[ $key != *"$separator"* ]] || malformed
                space
                [[ $rest == :* ]] || malformed
                rest=${rest:1}
            fi
            read_value "$path$separator$key" "$((depth + 1))"
            number=$((number + 1))
            space
            case $rest in
            ,*) rest=${rest:1} ;;
            "$close"*) rest=${rest:1} && return ;;
            *) malformed ;;
            esac
        done
        ;;
    *)
        # A word or a number is shorter.
        [ "${#rest}" -ge 40 ] || more
        token=${rest%%[],\}$' \t\r\n']*}
        [[ $token =~ ^(true|false|null|-?[0-9][0-9.eE+-]*)$ ]] || malformed
        rest=${rest:${#token}}
        [ "$token" = null ] || { paths+=("$path") && values+=("$token"); }
        ;;
    esac
}
# The value at a path of names, "" where there is none; and the values of a list, in order.
get() {
    local wanted= index
    printf -v wanted "$separator%s" "$@"
    found=
    for index in "${!paths[@]}"; do
        [ "${paths[index]}" = "$wanted" ] && found=${values[index]} && return
    done
}
get_list() {
    local wanted= index
    printf -v wanted "$separator%s" "$@"
    list=()
    for index in "${!paths[@]}"; do
        [ "${paths[index]%"$separator"*}" = "$wanted" ] && list+=("${values[index]}")
    done
}
# The variables at a path, each as NAME=VALUE.
get_variables() {
    local wanted= index name
    printf -v wanted "$separator%s" "$@"
    for index in "${!paths[@]}"; do
        name=${paths[index]#"$wanted$separator"}
        [ "$name" = "${paths[index]}" ] || [ -z "$name" ] || [[ $name == *=* ]] || variables+=("$name=${values[index]}")
    done
}

# Registry and name of an image, its tag and its digest.
take_apart() {
    local image=${1#docker://} last
    digest= tag= name=${image%%@*}
    [[ $image == *@* ]] && digest=${image#*@}
    last=${name##*/}
    [[ $last == *:* ]] && tag=${last##*:} && name=${name%:*}
    name=${name#index.docker.io/}
    name=${name#docker.io/}
    name=${name#library/}
    [ -n "$tag$digest" ] || tag=latest
}
is_own() {
    local own_name own_tag own_digest
    take_apart "$GPU_RUNNERS_IMAGE"
    own_name=$name own_tag=$tag own_digest=$digest
    take_apart "$1"
    [ "$name" = "$own_name" ] || return 1
    [ -z "$digest" ] || [ "$digest" = "$own_digest" ] || return 1
    [ -z "$tag" ] || [ "$tag" = "$own_tag" ] || [ -n "$digest" ]
}

# A text as JSON.
quoted() {
    local text=${1//\\/\\\\} code letter escape
    text=${text//\"/\\\"}
    if [[ $text == *[$'\x01'-$'\x1f']* ]]; then
        for ((code = 1; code < 32; code++)); do
            utf8 "$code"
            printf -v escape "\\\u%04x" "$code"
            text=${text//"$letter"/"$escape"}
        done
    fi
    printf '"%s"' "$text"
}

prepare_job() {
    local image names= index number comma= variables=() variable
    get args container image
    image=$found
    for index in "${!paths[@]}"; do
        number=${paths[index]#"${separator}args${separator}services$separator"}
        [ "$number" != "${paths[index]}" ] && [[ $number == [0-9]*"${separator}image" ]] || continue
        [[ ${number%"${separator}image"} == *[!0-9]* ]] || [ -z "${values[index]}" ] || names+="${names:+, }${values[index]}"
    done
    [ -z "$names" ] || refuse "the job's services ask for containers of $names, and this pool runs jobs in its own image \
$GPU_RUNNERS_IMAGE alone, without Docker; cure: take \`services:\` out of the job, and start what it needs in a step or elsewhere"
    if [ -z "$image" ]; then
        printf "{}" > "$response"
        return
    fi
    is_own "$image" || refuse "the job's container asks for the image $image, and this pool runs jobs in its own image \
$GPU_RUNNERS_IMAGE, without Docker; cure: write \`image: $GPU_RUNNERS_IMAGE\`, or take \`container:\` out of the job, or make $image the pool's image"
    get_list args container userMountVolumes 0
    [ "${#list[@]}" = 0 ] || refuse "the job's container asks for volumes, and a pod of this pool has no others than its \
own; cure: take \`volumes:\` out of the job"
    get args container createOptions
    [ -z "$found" ] || say notice "\`options: $found\` of the job's container changes nothing: the pool says what its pods get"
    {
        printf '{"isAlpine":false,"context":{"container":{"id":%s}},"state":{"environmentVariables":{' "$(quoted "${HOSTNAME:-pod}")"
        get_variables args container environmentVariables
        for variable in "${variables[@]}"; do
            printf "%s%s:%s" "$comma" "$(quoted "${variable%%=*}")" "$(quoted "${variable#*=}")"
            comma=,
        done
        printf "}}}"
    } > "$response"
}

# A command line in words, as .NET takes one apart: only double quotes hold blanks together, a backslash escapes them.
split() {
    local line=$1 word letter started inside
    words=()
    while :; do
        line=${line#"${line%%[!$' \t']*}"}
        [ -n "$line" ] || return
        word= inside=
        while [ -n "$line" ]; do
            letter=${line:0:1}
            if [ "$letter" = \\ ]; then
                started=${line%%[!\\]*}
                line=${line:${#started}}
                if [[ $line == \"* ]]; then
                    word+=${started:0:${#started}/2}
                    ((${#started} % 2)) && word+=\" && line=${line:1}
                else
                    word+=$started
                fi
                continue
            elif [ "$letter" = \" ]; then
                if [ -n "$inside" ] && [ "${line:1:1}" = \" ]; then
                    word+=\" line=${line:1}
                elif [ -n "$inside" ]; then
                    inside=
                else
                    inside=1
                fi
            elif [ -z "$inside" ] && [[ $letter == [$' \t'] ]]; then
                break
            else
                word+=$letter
            fi
            line=${line:1}
        done
        words+=("$word")
    done
}

run_script_step() {
    local variables=() prepended program directory line path=$PATH variable
    get_variables state environmentVariables
    get_variables args environmentVariables
    for variable in "${variables[@]}"; do
        [[ $variable == PATH=* ]] && path=${variable#PATH=}
    done
    get_list args prependPath
    for ((index = ${#list[@]} - 1; index >= 0; index--)); do
        [[ ":$path:" == ":${list[index]}:"* ]] || path=${list[index]}:$path
    done
    variables+=("PATH=$path")
    get_list args entryPointArgs
    line="${list[*]}"
    split "$line"
    get args entryPoint
    program=$found
    get args workingDirectory
    directory=$found
    [[ $program != *=* ]] || refuse "the step's program $program has a = in its path; cure: another path"
    cd -- "${directory:-/}" || refuse "the step's working directory $directory is not there; cure: make it in an earlier step"
    exec env -i -- "${environment[@]}" "PWD=$PWD" "${variables[@]}" "$program" "${words[@]}"
}

run_container_step() {
    local what
    get args image
    what="image $found"
    get args dockerfile
    [ -z "$found" ] || what="Dockerfile $found"
    refuse "the step is a Docker action (its $what), and this pool runs jobs in its own image $GPU_RUNNERS_IMAGE, without Docker; \
cure: use an action that is no Docker action, or run what it does in a step of the job"
}

rest=
read_value "" 0
space
[ -z "$rest" ] || malformed
get responseFile
response=${found:-/dev/null}
get command
case $found in
prepare_job | run_script_step | run_container_step) "$found" ;;
cleanup_job) ;;
*) refuse "the runner asks its container hook for $found, which it does not know; cure: another version of the runner" ;;
esac
