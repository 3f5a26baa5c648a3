"""The real ``vllm``, whose engine and workers are forked instead of started anew.

Called by the script ``vllm`` beside it, with the serving environment's Python. All processes of a
server import the same, some 7 s of a core each; on a CPU vLLM forces ``spawn``, so that a start
costs 24 s of a core, and 9 s so. What runs is vLLM's own code in the same processes. The tests that
end a server as its users have it (``e2e/test_real_server.py``,
``serving/test_real_vllm.py:test_structured_requests_crash_and_stop``) take the real command.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys

METHOD = "VLLM_WORKER_MULTIPROC_METHOD"
LOADED = (
    "vllm.entrypoints.cli.main",
    "vllm.entrypoints.cli.serve",
    "vllm.platforms.cpu",
    "vllm.v1.engine.async_llm",
    "vllm.v1.engine.core",
    "vllm.v1.executor.multiproc_executor",
    "vllm.v1.worker.cpu_worker",
)
"""What the server and its children import; the first is the command."""


def main() -> None:
    # A forked worker has OpenMP as the server loaded it: its threads would spin on shared cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    gc.disable()  # nothing of what is imported is garbage
    command, *_ = [importlib.import_module(name) for name in LOADED]
    gc.enable()
    gc.freeze()
    platform = sys.modules["vllm.platforms.cpu"].CpuPlatform
    checked = platform.check_and_update_config.__func__

    def check_and_update_config(cls: type, config: object) -> None:
        checked(cls, config)
        os.environ[METHOD] = "fork"

    platform.check_and_update_config = classmethod(check_and_update_config)
    os.environ[METHOD] = "fork"
    sys.argv[0] = "vllm"
    sys.exit(command.main())


if __name__ == "__main__":
    main()
