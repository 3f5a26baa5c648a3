"""The exceptions of tsdg.

::

    TsdgError                    everything that tsdg raises on purpose; carries an exit code
    ├── RequestWrong        (2)  the request cannot be meant as it is
    │   ├── RecipeError          a recipe key, value, type or override
    │   ├── SeedsDenied          a task or split that may not be used as seeds
    │   └── RunConflict          the run directory belongs to another recipe or is in use
    ├── EnvironmentUnfit    (3)  the request is right, this machine is not ready for it
    │   ├── MirrorUnfit          a missing mirror, split or column, an unreadable Parquet file
    │   │   └── DatasetRefused   the hub has no such data set, or not for this account
    │   ├── HubFailing           the hub does not answer as it should; trying later may help
    │   ├── ServerUnfit          no serving command, no model, port taken, server does not start
    │   └── StorageUnfit         disk full, directory not writable
    ├── WorkShort           (1)  the work ended with less than was asked for
    │   ├── VerificationFailed   `tsdg verify` found damage
    │   └── BudgetReached        a cap of the recipe stopped the run; resumable
    ├── Interrupted       (130)  asked to stop; everything done is on disk; resumable
    └── RequestFailure           one request to a model; never leaves the engine as an exception
        ├── RetryableFailure     the server's or the network's fault: send it again
        └── PermanentFailure     the request's fault: sending it again would not help

Every message is one line that says what is wrong, where, what was found, what is allowed and the
next step. The command line prints it and exits with the code; it never shows a traceback for a
``TsdgError``.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from typing import ClassVar


def few(items: Collection[object], most: int = 3, *, separator: str = ", ") -> str:
    """Show the first of many in a message.

    >>> few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    shown = separator.join(str(item) for item in islice(items, most))
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"


class TsdgError(Exception):
    """Base of all errors that tsdg raises on purpose."""

    exit_code: ClassVar[int] = 1


class RequestWrong(TsdgError):
    """The request cannot be meant as it is."""

    exit_code = 2


class RecipeError(RequestWrong):
    """A recipe key, value, type or override is wrong."""


class SeedsDenied(RequestWrong):
    """A task or split was named that may not be used as seeds."""


class RunConflict(RequestWrong):
    """The run directory belongs to another recipe, or another process is at work in it."""


class EnvironmentUnfit(TsdgError):
    """The request is right, but this machine is not ready for it."""

    exit_code = 3


class MirrorUnfit(EnvironmentUnfit):
    """The mirror, a split or a column is missing or unreadable."""


class DatasetRefused(MirrorUnfit):
    """The hub has no such data set, or does not give it to this account: no use in asking again."""


class HubFailing(EnvironmentUnfit):
    """The hub does not answer as it should; asking later may help."""


class ServerUnfit(EnvironmentUnfit):
    """The model server cannot be started or reached."""


class StorageUnfit(EnvironmentUnfit):
    """The run directory cannot be written."""


class WorkShort(TsdgError):
    """The work ended with less than was asked for."""

    exit_code = 1


class VerificationFailed(WorkShort):
    """A run directory does not hold what it says it holds."""


class BudgetReached(WorkShort):
    """A cap of the recipe stopped the run, which can be resumed with a larger one."""


class Interrupted(TsdgError):
    """The user or Slurm asked to stop; what was done is on disk."""

    exit_code = 130


class RequestFailure(TsdgError):
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


class RetryableFailure(RequestFailure):
    """Sending the same request again may succeed.

    Attributes:
        retry_after: seconds that the server asked to wait; 0 where it did not.
        counts: False where no server had taken the request (connection refused): such a failure is
            waited out and does not use up one of the request's attempts.
    """

    def __init__(
        self, reason: str, detail: str, *, retry_after: float = 0.0, counts: bool = True
    ) -> None:
        super().__init__(reason, detail)
        self.retry_after = retry_after
        self.counts = counts


class PermanentFailure(RequestFailure):
    """Sending the same request again would fail again."""
