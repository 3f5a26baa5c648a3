#!/usr/bin/env bash
# What runs on each node of a job, in its container where it has one. Given by the batch shell:
#   TSDG_RUN     the run directory          TSDG_STAGE   the stage to do, or to take part in
#   TSDG_LAUNCH  the folder of this file    TSDG_PYTHON  a Python with tsdg's dependencies
set -u

# NAME=VALUE lines are data: nothing in a value is expanded or run.
read_env() {
    local line
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in [A-Za-z_]*=*) export "$line" ;; esac
    done <"$1"
}

read_env "$TSDG_LAUNCH/env"
for file in "${TSDG_SECRETS:-}" "${TSDG_ENV_FILE:-}"; do
    [ -z "$file" ] || read_env "$file" || exit 3
done

# The code of the snapshot, unpacked once per node: hundreds of nodes importing from a parallel file system hurt it.
code=$(mktemp -d "${TMPDIR:-/tmp}/tsdg-code-XXXXXX") || exit 3
trap 'rm -rf "$code"' EXIT
tar -xzf "$TSDG_LAUNCH/../snapshot/code.tar.gz" -C "$code" || exit 3
export PYTHONPATH="$code${PYTHONPATH:+:$PYTHONPATH}"

cd "$TSDG_DIRECTORY" || exit 3
. "$TSDG_LAUNCH/setup.sh"

# Slurm signals every process of the step, so Python hears it too: this shell has only to outlive it.
trap : USR1 TERM INT
"$TSDG_PYTHON" -P -m tsdg work "$TSDG_RUN" "$TSDG_STAGE" --launched
