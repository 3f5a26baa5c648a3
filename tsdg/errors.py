"""The exceptions of tsdg.

::

    TsdgError                          everything that tsdg raises on purpose; has an exit code
    ├── UsageError               (2)   the request makes no sense as it is
    │   ├── RecipeError                a recipe key, value, type or override
    │   ├── CatalogueError             a row of the catalogue, a user's own family or verifier
    │   ├── SeedsDeniedError           a task or split that may not be used as seeds
    │   └── RunConflictError           the run directory belongs to another recipe or is in use
    ├── MachineError             (3)   the request is right, this machine is not ready for it
    │   ├── MirrorError                a missing mirror, split or column, an unreadable file
    │   │   └── DatasetRefusedError    the hub has no such data set, or not for this account
    │   ├── HubError                   the hub does not answer as it should; trying later may help
    │   ├── ServerError                no serving command, no model, port taken, no start
    │   └── StorageError               disk full, directory not writable
    │       └── NodeStorageError (75)  this node's way to it fails; another node's may not
    ├── ShortfallError           (1)   the work ended with less than was asked for
    │   ├── VerificationError          `tsdg verify` found damage
    │   └── BudgetReachedError         a cap of the recipe stopped the run; resumable
    ├── StoppedError           (130)   asked to stop; everything done is on disk; resumable
    └── ModelRequestError              one request to a model; never leaves the engine raised
        ├── RetryableError             the server's or the network's fault: send it again
        └── PermanentError             the request's fault: sending it again would not help

Every message is one line that says what is wrong, where, what was found, what is allowed and the
next step. The command line prints it and exits with the code; it never shows a traceback for a
``TsdgError``.
"""

from __future__ import annotations

import difflib
import errno
import re
import textwrap
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path
from typing import ClassVar

_MACHINE = frozenset(
    (
        errno.EAGAIN,
        errno.EDQUOT,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EROFS,
        errno.ESTALE,
    )
)
"""Error numbers that are about the machine, whatever was being done."""


_COMMANDING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tab and line feed, what turns the direction of a line, line separators,
and halves of characters."""


def folded(text: str, width: int, *, indent: str = "") -> str:
    """Return a line as lines of at most so many characters, by words: a path stays whole.

    Args:
        text: one line.
        width: of a terminal.
        indent: before all lines but the first.
    """
    return textwrap.fill(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def shown(text: str) -> str:
    r"""Return a text of somebody else's as a terminal may show it.

    >>> print(shown("red\x1b[31m"))
    red\x1b[31m
    """
    if text.isprintable():
        return text
    return _COMMANDING.sub(
        lambda match: match[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text
    )


def looked_in(path: str | Path) -> str:
    """From where a relative path counts, for messages; empty for one that says so itself.

    >>> looked_in("/data/tests.jsonl")
    ''
    """
    whole = Path(path).expanduser().is_absolute()
    return "" if whole else f" (from the folder that you stand in, {Path.cwd()})"


def few(items: Collection[object], most: int = 3, *, separator: str = ", ") -> str:
    """Show the first of many in a message.

    >>> few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    shown = separator.join(str(item) for item in islice(items, most))
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"


def did_you_mean(word: str, known: Iterable[str], *, prefix: str = "") -> str:
    """A guess at what was meant, for a refusal; empty where nothing is near.

    >>> did_you_mean("stauts", ["status", "show"])
    '; did you mean status?'

    Args:
        word: as typed.
        known: what it may be.
        prefix: goes before what is guessed.
    """
    names = list(known)
    near = difflib.get_close_matches(word, names, n=2, cutoff=0.8)
    near = near or difflib.get_close_matches(word, names, n=1)
    return f"; did you mean {' or '.join(prefix + name for name in near)}?" if near else ""


class TsdgError(Exception):
    """Base of all errors that tsdg raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(TsdgError):
    """The request makes no sense as it is."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe key, value, type or override is wrong."""


class CatalogueError(UsageError):
    """A row of the catalogue, or a user's own family or verifier, is wrong."""


class SeedsDeniedError(UsageError):
    """A task or split was named that may not be used as seeds."""


class RunConflictError(UsageError):
    """The run directory belongs to another recipe, or another process is at work in it."""


class MachineError(TsdgError):
    """The request is right, but this machine is not ready for it."""

    exit_code = 3


class MirrorError(MachineError):
    """The mirror, a split or a column is missing or unreadable."""


class DatasetRefusedError(MirrorError):
    """The hub has no such data set, or refuses it to this account: asking again is useless."""


class HubError(MachineError):
    """The hub does not answer as it should; asking later may help."""


class ServerError(MachineError):
    """The model server cannot be started or reached."""


class StorageError(MachineError):
    """The run directory cannot be written."""


class NodeStorageError(StorageError):
    """This node's way to the run directory fails: a job is requeued, as another node's may not."""

    exit_code = 75


class ShortfallError(TsdgError):
    """The work ended with less than was asked for."""

    exit_code = 1


class VerificationError(ShortfallError):
    """A run directory does not hold what it says it holds."""


class BudgetReachedError(ShortfallError):
    """A cap of the recipe stopped the run, which can be resumed with a larger one."""


class StoppedError(TsdgError):
    """The user or Slurm asked to stop; what was done is on disk."""

    exit_code = 130


class ModelRequestError(TsdgError):
    """One request to a model failed.

    Attributes:
        reason: a short word of a closed set, e.g. ``timeout``, ``connection``, ``http_429``,
            ``too_long``.
        detail: one line for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class RetryableError(ModelRequestError):
    """Sending the same request again may succeed.

    Attributes:
        retry_after: seconds that the server asked to wait; 0 where it did not.
        counts: share of one of the request's attempts that it uses up, 0 to 1. 0 where no server
            had taken the request (connection refused), or where servers fail other requests too:
            such a failure is waited out.
    """

    def __init__(
        self, reason: str, detail: str, *, retry_after: float = 0.0, counts: float = 1.0
    ) -> None:
        super().__init__(reason, detail)
        self.retry_after = retry_after
        self.counts = counts


class PermanentError(ModelRequestError):
    """Sending the same request again would fail again."""


def fault_of_row(error: Exception) -> str:
    """Describe in one line an error that only the current row can have caused.

    Raises:
        TsdgError: ``error`` itself, where it is meant for the whole run.
        MachineError: the machine fails, or has run out of something.
    """
    if isinstance(error, TsdgError) and not isinstance(error, ModelRequestError):
        raise error
    if isinstance(error, OSError) and error.errno in _MACHINE:
        raise MachineError(
            f"this machine fails or has run out of something: {error}; mend that and start again: "
            "what is done is kept"
        ) from error
    said = " ".join(str(error).encode("utf-8", "replace").decode().split())
    return f"{type(error).__name__}: {said[:300]}"
