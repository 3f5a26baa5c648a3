"""Which endpoints the nodes of a cluster can reach at all, by their names."""

from __future__ import annotations

from collections.abc import Iterable

from tsdg.config.models import ServerConfig
from tsdg.errors import UsageError
from tsdg.launch.endpoint_probe import is_loopback
from tsdg.slurm.slurm_shell import Shell


def refuse_loopback(servers: Iterable[ServerConfig], shell: Shell) -> None:
    """Refuse endpoints that mean the machine that asks, which is another on each node.

    Where all nodes are one machine they mean that one, and are well.

    Raises:
        UsageError: an endpoint is on the loopback, and nodes are not.
        MachineError: Slurm does not answer.
    """
    urls = [url for server in servers if server.type == "openai" for url in server.base_urls]
    loops = [url for url in urls if is_loopback(url)]
    if not loops:
        return
    addresses = shell.run(["sinfo", "-h", "-N", "-o", "%o"]).split()
    if all(is_loopback(f"http://{address}") for address in addresses):
        return
    raise UsageError(
        f"server.base_urls: {loops[0]} means each node itself, where nobody serves; name the "
        "machine that serves by an address that the nodes reach"
    )
