"""Model servers: own ``vllm serve`` processes or external endpoints, and the client for both.

Begin with ``transport.py``. The pipeline calls :func:`check_server` before anything starts, and
then :func:`open_transport`. A node that only lends its GPUs to a server of another node
(:func:`is_multinode_worker`) calls :func:`work_for_heads` instead.
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
