#!/usr/bin/env bash
# All tests, in two steps: those that may run beside one another in several processes, then those
# that may not, one by one (tests/conftest.py says which): Slurm, chaos and real servers.
# Arguments go to pytest in both steps.
# TEST_PROCESSES: processes of the first step; two a core by default, as half of it is waiting.
# Ends with pytest's own last lines, and with the exit code of the first step that failed.
set -uo pipefail
cd "$(dirname "$0")/.."

python=.venv/bin/python
processes=${TEST_PROCESSES:-$((2 * $(nproc)))}
interrupted=2
nothing_collected=5

$python -m pytest --step=parallel -n "$processes" --dist=worksteal "$@"
parallel=$?
((parallel == interrupted)) && exit $interrupted
for word in "$@"; do
    [[ $word == -x ]] && ((parallel == 1)) && exit 1
done

$python -m pytest --step=serial "$@"
serial=$?
((parallel == nothing_collected)) && exit $serial
((serial == nothing_collected)) && exit $parallel
exit $((parallel ? parallel : serial))
