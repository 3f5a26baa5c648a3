#!/usr/bin/env bash
# What runs on each node of a job, in its container where it has one. Given by the batch shell:
#   TSDG_RUN     the run directory          TSDG_STAGE   the stage to do, or to take part in
#   TSDG_LAUNCH  the folder of this file    TSDG_PYTHON  a Python with tsdg's dependencies
#   TSDG_BEGAN   the file that says that a process was started
set -u

[ -z "${TSDG_BEGAN:-}" ] || : >"$TSDG_BEGAN"

. "$TSDG_LAUNCH/read_env.sh"
tsdg_read_env "$TSDG_LAUNCH/env" exact || exit 3
[ -z "${TSDG_SECRETS:-}" ] || tsdg_read_env "$TSDG_SECRETS" exact || exit 3
[ -z "${TSDG_ENV_FILE:-}" ] || tsdg_read_env "$TSDG_ENV_FILE" || exit 3

# Packages of the home folder are another Python's, or another user's setup.
export PYTHONNOUSERSITE="${PYTHONNOUSERSITE-1}"

# A proxy is for the world outside: servers of this node are asked directly.
if [ -n "${http_proxy:-}${https_proxy:-}${all_proxy:-}${HTTP_PROXY:-}${HTTPS_PROXY:-}${ALL_PROXY:-}" ]; then
    no_proxy="${no_proxy:-${NO_PROXY:-}}"
    export no_proxy="${no_proxy:+$no_proxy,}localhost,127.0.0.1,::1"
    export NO_PROXY="$no_proxy"
fi

. "$TSDG_LAUNCH/caches.sh"

# The code of the snapshot, unpacked once per node: hundreds of nodes importing from a parallel file system hurt it.
code=$(mktemp -d "${TMPDIR:-/tmp}/tsdg-code-XXXXXX") || exit 3
trap 'rm -rf "$code"' EXIT
# A job that is killed leaves it. What has such a name and is locked by no process any more is removed by the next tsdg
# that needs a folder on this node.
if { exec 9<"$code" && flock -n 9; } 2>/dev/null; then mv "$code" "$code.tmp" && code=$code.tmp; fi
tar -xzf "$TSDG_LAUNCH/../snapshot/code.tar.gz" -C "$code" || exit 3
export PYTHONPATH="$code${PYTHONPATH:+:$PYTHONPATH}"

cd "$TSDG_DIRECTORY" || exit 3
. "$TSDG_LAUNCH/setup.sh"

# Slurm signals every process of the step, so Python hears it too: this shell has only to outlive it.
trap : USR1 TERM INT
"$TSDG_PYTHON" -P -m tsdg work "$TSDG_RUN" "$TSDG_STAGE" --launched
