#!/usr/bin/env bash
# All tests, in two steps at once (tests/conftest.py says which test is of which step):
#   parallel: tests that may run beside any other, each where a process is free;
#   serial: Slurm, chaos and real servers. Within a file they run one by one, files beside one another.
# The serial step mostly waits, and some of its tests watch the clock: it has precedence.
# Arguments go to pytest in both steps.
# TEST_PROCESSES: processes of each step; by default two a core for the serial one, and one more than
# there are cores for the parallel one, which computes all the time.
# TEST_AGAIN=1: what failed is run once more, one by one, after both steps, and that result counts. A test that missed a
# limit of time because of its neighbours passes then; a fault fails again. Both results are printed.
# Ends with pytest's own last lines of each step, and with the exit code of a step that failed.
set -uo pipefail
cd "$(dirname "$0")/.."

pytest=(.venv/bin/python -m pytest)
cores=$(nproc)
some_failed=1
nothing_collected=5
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# Each step remembers its own failures.
serial_step=(--step=serial -o cache_dir=.pytest_cache/serial)
parallel_step=(--step=parallel -o cache_dir=.pytest_cache/parallel)

# What bash starts in the background ignores Ctrl-C, and so would all that the tests start.
env --default-signal=INT "${pytest[@]}" "${serial_step[@]}" -n "${TEST_PROCESSES:-$((2 * cores))}" --dist=loadfile \
    --no-loadscope-reorder "$@" \
    >"$output" 2>&1 &
serial_pid=$!
trap 'kill -INT $serial_pid 2>/dev/null' INT TERM

nice "${pytest[@]}" "${parallel_step[@]}" -n "${TEST_PROCESSES:-$((cores + 1))}" --dist=worksteal "$@"
parallel=$?
until wait $serial_pid; serial=$?; ! kill -0 $serial_pid 2>/dev/null; do :; done
cat "$output"

run_again() { # STEP'S-OPTIONS... ARGUMENTS...
    echo 'What failed is run once more:'
    "${pytest[@]}" "$@" --last-failed --last-failed-no-failures=none --maxfail=5
}
if [[ -n ${TEST_AGAIN:-} ]]; then
    ((parallel == some_failed)) && { run_again "${parallel_step[@]}" "$@"; parallel=$?; }
    ((serial == some_failed)) && { run_again "${serial_step[@]}" "$@"; serial=$?; }
fi

((parallel == nothing_collected)) && exit $serial
((serial == nothing_collected)) && exit $parallel
exit $((parallel ? parallel : serial))
