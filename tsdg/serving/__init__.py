"""Model servers.

Own ``vllm serve`` processes or endpoints of others, and the client that spreads requests over them.

The pipeline needs :func:`check_server`, before anything starts, and :func:`open_transport`; on
nodes that only lend their GPUs to a server of another node (:func:`is_follower`), :func:`follow` in
its place.
"""

from tsdg.serving.checks import check_server
from tsdg.serving.events import PACING, Pacing, ServerEvent
from tsdg.serving.follower import follow, is_follower
from tsdg.serving.transport import open_transport

__all__ = [
    "PACING",
    "Pacing",
    "ServerEvent",
    "check_server",
    "follow",
    "is_follower",
    "open_transport",
]
