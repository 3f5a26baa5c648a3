"""Requests for several completions, asked for in pieces that fit the time limit of one request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from tsdg.errors import ServerError
from tsdg.protocols import Reply

Ask = Callable[[Mapping[str, Any], int], Awaitable[Reply]]
"""Sends a body that asks for so many completions."""
_KEPT = 256
"""Requests of which pieces are kept; the oldest ones are asked for anew."""


class Pieces:
    """What has come of the requests that failed in part. Lives in one event loop."""

    def __init__(self) -> None:
        self._came: dict[str, dict[int, Reply]] = {}

    async def ask(
        self, request_id: str, body: Mapping[str, Any], *, at_once: int, ask: Ask
    ) -> Reply:
        """Ask for all completions of a request; what came before is not asked for again.

        Each has the seed that vLLM gives it within one request: the request's and its number.

        Args:
            request_id: of the request.
            body: that asks for all of them.
            at_once: completions that one piece may ask for.
            ask: sends one piece.

        Raises:
            Exception: the failure of a piece, once all others have come or failed.
        """
        choices: int = body.get("n", 1)
        came = self._came.pop(request_id, {})
        if at_once >= choices and not came:
            return await ask(body, choices)
        places = _stretches(_missing(choices, came), at_once)
        replies = await asyncio.gather(
            *(ask(_piece(body, first, count), count) for first, count in places),
            return_exceptions=True,
        )
        failed = [reply for reply in replies if isinstance(reply, BaseException)]
        came |= {
            first: reply
            for (first, _), reply in zip(places, replies, strict=True)
            if isinstance(reply, Reply)
        }
        if failed:
            self._keep(request_id, came)
            raise _gravest(failed)
        return _joined([came[place] for place in sorted(came)])

    def _keep(self, request_id: str, came: dict[int, Reply]) -> None:
        if len(self._came) >= _KEPT:
            self._came.pop(next(iter(self._came)))
        self._came[request_id] = came


def _gravest(failed: Sequence[BaseException]) -> BaseException:
    return next((one for one in failed if isinstance(one, ServerError)), failed[0])


def _missing(choices: int, came: Mapping[int, Reply]) -> list[int]:
    """Numbers of the completions that have not come; ``came`` has each reply by its first one."""
    had = {place + i for place, reply in came.items() for i in range(len(reply.choices))}
    return [place for place in range(choices) if place not in had]


def _stretches(places: Sequence[int], most: int) -> list[tuple[int, int]]:
    """First number and length of the stretches, at most so long, that numbers in order fall into.

    0, 1, 2, 4 in stretches of 2 at most are (0, 2), (2, 1), (4, 1).
    """
    found: list[tuple[int, int]] = []
    for place in places:
        first, count = found[-1] if found else (-1, most)
        if count < most and place == first + count:
            found[-1] = (first, count + 1)
        else:
            found.append((place, 1))
    return found


def _piece(body: Mapping[str, Any], first: int, count: int) -> dict[str, Any]:
    seed = {"seed": body["seed"] + first} if "seed" in body else {}
    return {**body, "n": count, **seed}


def _joined(replies: Sequence[Reply]) -> Reply:
    """One reply of several; each has read the prompt."""
    return Reply(
        choices=tuple(choice for reply in replies for choice in reply.choices),
        prompt_tokens=sum(reply.prompt_tokens for reply in replies),
        completion_tokens=sum(reply.completion_tokens for reply in replies),
        reasoning_tokens=sum(reply.reasoning_tokens for reply in replies),
    )
