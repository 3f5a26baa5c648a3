"""Model servers: own ``vllm serve`` or external endpoints, and the client in front.

The pipeline needs :func:`check_server`, before anything starts, and :func:`open_transport`; on
nodes that only lend their GPUs to a server of another node (:func:`is_multinode_worker`),
:func:`work_for_heads` in its place.
"""

from tsdg.serving.checks import check_server
from tsdg.serving.events import PACING, Pacing, ServerEvent
from tsdg.serving.multinode_worker import is_multinode_worker, work_for_heads
from tsdg.serving.transport import open_transport

__all__ = [
    "PACING",
    "Pacing",
    "ServerEvent",
    "check_server",
    "is_multinode_worker",
    "open_transport",
    "work_for_heads",
]
