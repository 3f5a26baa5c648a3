"""The command line: it finds the command, calls it and turns errors into one line.

The commands are listed in :mod:`tsdg.commands.table`; everything else is imported when needed.
"""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from tsdg.commands.completion import COMPLETE
from tsdg.commands.find import find_command
from tsdg.commands.overview import exit_codes, groups_help, overview
from tsdg.commands.table import COMMANDS
from tsdg.commands.words import Words, read
from tsdg.errors import MachineError, StoppedError, TsdgError, shown
from tsdg.version import version

_HELP = frozenset({"-h", "--help", "--hydra-help"})


def main() -> NoReturn:
    """Run the command that ``sys.argv`` names, and exit with its code."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; errors become one line on standard error."""
    if len(arguments) > 1 and arguments[0] == "help":
        arguments = [*arguments[1:], "--help"]
    if not arguments or arguments[0] in {*_HELP, "help"}:
        print(f"{overview()}{exit_codes()}")
        return 0 if arguments else 2
    if arguments[0] == COMPLETE:
        from tsdg.commands.complete import answer

        return answer(*arguments[1:])
    if arguments[0] == "--version":
        print(f"tsdg {version()}")
        return 0
    # Slurm ends jobs by SIGTERM and warns them by SIGUSR1: stop as for Ctrl-C, wherever the work
    # is.
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.default_int_handler)
    try:
        return _run(arguments)
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
        return _told(error)


def _told(error: TsdgError) -> int:
    # What may not be read looks damaged to who reads it; to remove it would be the wrong advice.
    cause = error.__cause__ or error.__context__
    if isinstance(cause, PermissionError) and not isinstance(error, MachineError):
        return _refused(cause)
    print(f"tsdg: {shown(' '.join(str(error).split()))}", file=sys.stderr)
    return error.exit_code


def _run(arguments: Sequence[str]) -> int:
    if len(arguments) > 1 and arguments[1] in _HELP:
        parts = [one for one in COMMANDS.values() if one.name.startswith(f"{arguments[0]} ")]
        if parts:
            print("\n\n".join(part.help() for part in parts) + f"\n{exit_codes()}")
            return 0
    command, rest = find_command(arguments)
    if not _HELP.isdisjoint(rest):
        print(command.help() + (groups_help(rest) if command.of_hydra else ""))
        print(exit_codes())
        return 0
    module = import_module(f"tsdg.commands.{command.module or command.name}")
    function: Callable[[Words], int] = getattr(module, command.function)
    return function(read(command, rest))


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def _refused(error: OSError) -> int:
    where = f" {error.filename}" if error.filename else ""
    step = "; change its owner or mode" if isinstance(error, PermissionError) else ""
    why = " ".join((error.strerror or str(error)).split())
    if error.errno in _NO_ROOM and not where:
        import tempfile

        where = f" to write in the output folder or in {tempfile.gettempdir()}"
        step = "; free some space and start again: what is done is kept"
    print(f"tsdg: this machine refuses{where}: {why}{step}", file=sys.stderr)
    return MachineError.exit_code
