"""The one call that the pipeline needs: a transport over own or external servers."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from tsdg.config.models import ModelConfig, ServerConfig
from tsdg.serving.checks import check_server, key_source, read_api_key
from tsdg.serving.events import PACING, OnEvent, Pacing
from tsdg.serving.start_time import start_seconds

if TYPE_CHECKING:
    from tsdg.serving.client import RoutingClient


@contextlib.asynccontextmanager
async def open_transport(
    *,
    server: ServerConfig,
    model: ModelConfig,
    logs: Path,
    on_event: OnEvent,
    reply_s: int | None = None,
    pacing: Pacing = PACING,
) -> AsyncIterator[RoutingClient]:
    """Open what carries requests; own servers start, and are gone when the context is left.

    It can be used at once: requests wait for the first replica that is ready. How many servers this
    node starts, and whether one spans further nodes, is read from the environment:
    :mod:`tsdg.serving.placement`.

    Args:
        server: the recipe's part.
        model: what is served or asked for.
        logs: the run's folder for the logs of own servers; made where it is missing. Where a server
            spans nodes, all of them must see it.
        reply_s: seconds that a reply of an external endpoint may take; None to derive it from what
            it may write (:mod:`tsdg.serving.reply_time`). Own servers are watched instead.
        on_event: told of every change of a server, from inside the event loop: must return quickly.
        pacing: how often servers are looked at and how long they are waited for.

    Raises:
        ServerError: what :func:`check_server` finds.
        RecipeError: the same.
    """
    # aiohttp takes 0.2 s to import, which `tsdg --help` must not pay.
    from tsdg.serving.client import RoutingClient, new_session
    from tsdg.serving.external_endpoints import ExternalEndpoints
    from tsdg.serving.node_servers import NodeServers

    check_server(server, model)
    _allow_open_files()
    key = read_api_key(server) if server.type == "openai" else ""
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(new_session())
        if server.type == "vllm":
            agent = NodeServers(
                server=server,
                model=model,
                logs=logs,
                session=session,
                on_event=on_event,
                pacing=pacing,
            )
            pool = agent.pool
            await stack.enter_async_context(agent)
        else:
            remote = ExternalEndpoints(
                base_urls=server.base_urls,
                headers={"Authorization": f"Bearer {key}"} if key else {},
                patience_s=start_seconds(server, model),
                session=session,
                on_event=on_event,
                pacing=pacing,
            )
            pool = (await stack.enter_async_context(remote)).pool
        yield RoutingClient(
            session=session,
            pool=pool,
            model=model,
            api_key=key,
            key_source=key_source(server) if key else "",
            reply_s=reply_s,
            on_event=on_event,
        )


def _allow_open_files() -> None:
    """Raise this process's limit of open files: each request in flight takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
