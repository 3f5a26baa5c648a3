"""The command line: it parses, calls and prints; the rest is imported when needed."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from tsdg.errors import MachineError, StoppedError, TsdgError

USAGE = """\
tsdg: new, verified, answer-enriched questions from the training splits of public benchmark tasks

  tsdg run recipe=R [KEY=VALUE ...]    all stages on this machine, or what is left of them
  tsdg plan recipe=R [KEY=VALUE ...]   what would happen, without doing it
  tsdg launch recipe=R cluster=C [...] the same as Slurm jobs (--dry-run: print their scripts)
  tsdg work RUN STAGE [KEY=VALUE ...]  one stage of a run; any number of processes share a phase
  tsdg status RUN [--json] [--watch]   what is pending, running, done, failed; pace and time left
  tsdg logs RUN [STAGE] [ELEMENT] [-f] the log that tells why; without a stage, all of them
  tsdg cancel RUN                      end all jobs of a run, for good; what was done is kept
  tsdg resume RUN [KEY=VALUE ...]      go on with what is left, as jobs if launched, else here
  tsdg list [ROOT] [--json]            the runs below a folder
  tsdg doctor [cluster=C] [recipe=R]   whether this machine and a cluster are fit, check by check
  tsdg replay RUN [KEY=VALUE ...]      the run once more from its snapshot, in a new directory
  tsdg diff RUN RUN                    what differs between their snapshots; exit 1 if anything does
  tsdg verify RUN                      check a run directory against its manifest
  tsdg show RUN [TASK] [-n N]          questions with seed, votes and records (--rejected: and why)
  tsdg difficulty RUN [sample=N]       whether questions are as hard as their seeds
  tsdg diversity RUN [at=N] [...]      how wide its questions are, and how many would repeat others
  tsdg report RUN [RUN...]             report.html: funnel, shares, throughput, records to read
  tsdg export RUN --format FORMAT      jsonl, parquet, hf, nemo-skills, data-designer,
                                       nemotron-blend or megatron
  tsdg merge RUN RUN... out=FOLDER     the records of several runs as one, each question once
  tsdg mix RUN... budget=TOKENS [...]  weights, epochs and tokens per task, as trainers' blends
  tsdg compare BEFORE AFTER [...]      what changed between two lm-eval results; exit 1 on a breach
  tsdg eval MODEL [cluster=C] [...]    the lm-eval commands that measure it, printed or submitted
  tsdg seeds list|show|check           the catalogue, one family, the guard's verdict on a name
  tsdg seeds prefetch recipe=R [...]   fetch what the seeds need into the mirror (or --dry-run)

R is a file of recipes/recipe. `tsdg run recipe=R --cfg job --resolve` prints the whole recipe,
`tsdg run --help` the groups, `tsdg --version` the version. launch, resume, replay and eval take
--dry-run; plan, status, list, diff, compare and seeds take --json.
Exit codes: 0 done, 1 work fell short, 2 request wrong, 3 machine not fit, 130 interrupted.
"""


def main() -> NoReturn:
    """Run the command that ``sys.argv`` names, and exit with its code."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; errors become one line on standard error."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(USAGE, end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        import tsdg

        print(f"tsdg {tsdg.__version__}")
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        print(
            f"tsdg: there is no command {name!r}; allowed: {', '.join(COMMANDS)}", file=sys.stderr
        )
        return 2
    if name not in _OF_HYDRA and not {"-h", "--help"}.isdisjoint(rest):
        print(usage(name), end="")
        return 0
    # Slurm ends jobs by SIGTERM and warns them by SIGUSR1: stop as for Ctrl-C, wherever the work
    # is.
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.default_int_handler)
    try:
        main_of: Callable[[list[str]], int] = import_module(f"tsdg.commands.{name}").main
        return main_of(rest)
    except (StoppedError, KeyboardInterrupt):
        print(
            "tsdg: interrupted; what was done is kept, and the same command continues",
            file=sys.stderr,
        )
        return StoppedError.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        return _refused(error)
    except TsdgError as error:
        # What may not be read looks damaged to who reads it; to remove it would be the wrong
        # advice.
        cause = error.__cause__ or error.__context__
        if isinstance(cause, PermissionError) and not isinstance(error, MachineError):
            return _refused(cause)
        print(f"tsdg: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_code


def usage(command: str) -> str:
    """What :data:`USAGE` says of one command, and of all."""
    _, lines, rest = USAGE.split("\n\n")
    entries = re.findall(r"^  tsdg .*(?:\n {3,}.*)*", lines, re.MULTILINE)
    own = [entry for entry in entries if entry.split()[1] == command]
    return "\n".join(own) + f"\n\n{rest}"


def _refused(error: OSError) -> int:
    where = f" {error.filename}" if error.filename else ""
    step = "; change its owner or mode" if isinstance(error, PermissionError) else ""
    why = " ".join((error.strerror or str(error)).split())
    print(f"tsdg: this machine refuses{where}: {why}{step}", file=sys.stderr)
    return MachineError.exit_code


_OF_HYDRA = ("run", "plan", "launch")
"""These have Hydra's own ``--help``, with the groups and the composed recipe."""
COMMANDS = (
    "run",
    "plan",
    "launch",
    "status",
    "logs",
    "cancel",
    "resume",
    "list",
    "doctor",
    "replay",
    "diff",
    "work",
    "verify",
    "show",
    "difficulty",
    "diversity",
    "report",
    "export",
    "merge",
    "mix",
    "compare",
    "eval",
    "seeds",
)
"""Each is a module of :mod:`tsdg.commands` with ``main(arguments) -> exit code``."""
