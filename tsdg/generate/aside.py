"""Work on the event loop that may take longer than other rows' replies should wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")
MOST = 16_000
"""Characters that are read within a few milliseconds."""


async def aside(do: Callable[..., Result], *arguments: object, quick: bool) -> Result:
    """Do something: here where it is quick, in a thread where it is not.

    To hand work to a thread and back takes longer than most of it.
    """
    return do(*arguments) if quick else await asyncio.to_thread(do, *arguments)
