"""Reads what servers send, up to a limit: an endless body must not fill the memory."""

from __future__ import annotations

import aiohttp

from tsdg.errors import RetryableError


async def read_body(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Read a body of at most ``most`` bytes, after decompression.

    Raises:
        RetryableError: ``bad_reply``: it is longer.
        aiohttp.ClientError: the connection was cut.
    """
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > most:
            response.close()
            raise RetryableError("bad_reply", f"the reply is longer than {most} bytes")
    return b"".join(parts)
