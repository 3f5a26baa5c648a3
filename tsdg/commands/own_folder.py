"""The folder of a user's own families, verifiers and recipes: ``--config-dir``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tsdg.commands.words import Words
from tsdg.config import extensions
from tsdg.errors import UsageError


@contextmanager
def using_own(words: Words, *, command: str) -> Iterator[Path | None]:
    """Take what the folder that ``--config-dir`` names holds, for as long as this lasts.

    Yields:
        The folder, None where none is named.

    Raises:
        UsageError: there is no such folder.
    """
    named = words.flags.get("--config-dir")
    if named is not None and not Path(named).is_dir():
        raise UsageError(
            f"{command}: --config-dir: there is no folder {named}; name one that is there"
        )
    folder = None if named is None else Path(named)
    with extensions.using(folder):
        yield folder
