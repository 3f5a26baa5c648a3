#!/usr/bin/env bash
# All tests, in two steps at once (tests/conftest.py says which test is of which step):
#   parallel: tests that may run beside any other, each where a process is free;
#   serial: Slurm, chaos and real servers. Within a file they run one by one, files beside one another.
# The serial step mostly waits, and some of its tests watch the clock: it has precedence.
# Arguments go to pytest in both steps.
# TEST_PROCESSES: processes of each step; two a core by default.
# Ends with pytest's own last lines of each step, and with the exit code of a step that failed.
set -uo pipefail
cd "$(dirname "$0")/.."

python=.venv/bin/python
processes=${TEST_PROCESSES:-$((2 * $(nproc)))}
nothing_collected=5
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# What bash starts in the background ignores Ctrl-C, and so would all that the tests start.
env --default-signal=INT $python -m pytest --step=serial -n "$processes" --dist=loadfile "$@" \
    >"$output" 2>&1 &
serial_pid=$!
trap 'kill -INT $serial_pid 2>/dev/null' INT TERM

nice $python -m pytest --step=parallel -n "$processes" --dist=worksteal "$@"
parallel=$?
until wait $serial_pid; serial=$?; ! kill -0 $serial_pid 2>/dev/null; do :; done
cat "$output"

((parallel == nothing_collected)) && exit $serial
((serial == nothing_collected)) && exit $parallel
exit $((parallel ? parallel : serial))
