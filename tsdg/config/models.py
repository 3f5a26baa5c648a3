"""The models of a run and where they are served."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from tsdg.config.base import Config, PositiveFloat, PositiveInt
from tsdg.config.sampling import SamplingConfig

Flag = str | int | float | bool


class ParallelConfig(Config):
    """How many GPUs one server of a model takes: tensor × pipeline."""

    tensor: PositiveInt
    pipeline: PositiveInt


class ModelConfig(Config):
    """The model that writes and solves."""

    name: str
    """Name in manifests and provenance, e.g. ``Qwen/Qwen3-235B-A22B``."""
    path: str
    """Folder of the weights, or a hub id where the server may fetch it."""
    revision: str
    licence: str
    note: str
    """What to know before using what it writes; shown after a run and on the dataset card; empty
    for nothing."""
    max_model_len: PositiveInt
    """Context length served, in tokens."""
    reasoning_parser: str
    """vLLM's reasoning parser; empty for a model that gives no separate reasoning."""
    sampling: SamplingConfig
    """What its card recommends; the sampling of ``questions`` and ``answers`` starts from it."""
    parallelism: dict[str, ParallelConfig]
    """By ``hardware``; what the two next keys start from."""
    tensor_parallel: PositiveInt
    """GPUs that share each layer of one server; as many as possible within a node."""
    pipeline_parallel: PositiveInt
    """Stages of layers of one server; where tensor × pipeline exceeds a node's GPUs, it spans
    nodes."""
    throughput: dict[str, PositiveFloat]
    """By ``hardware``: completion tokens per second of one GPU at full load, prompts included;
    assumed, and for ``tsdg plan`` alone. Without an entry it gives no GPU-hours."""
    flags: dict[str, Flag]
    """Further ``vllm serve`` flags that this model needs, without the leading dashes."""


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no such port, half an IPv6 address
        return False


class ServerConfig(Config):
    """Where completions come from."""

    type: Literal["vllm", "openai"]
    """``vllm`` starts servers of its own; ``openai`` uses the endpoints of ``base_urls``."""
    command: tuple[str, ...]
    """The serving command, before ``MODEL --flags``: an executable of another environment or of a
    container."""
    host: str
    """Address that own servers bind to and are reached at."""
    port: Annotated[int, Field(ge=0, le=65535)]
    """Port of the first own server; 0 takes free ones."""
    replicas: PositiveInt | Literal["auto"]
    """Independent own servers on each node; ``auto``: as many as its visible GPUs have room for, 1
    without GPUs."""
    start_timeout_s: PositiveInt
    flags: dict[str, Flag]
    """Further ``vllm serve`` flags that this machine needs."""
    env: dict[str, str]
    """Environment of own servers, beside the inherited one; ``{replica}`` in a value is the
    replica's number."""
    base_urls: tuple[str, ...]
    """Endpoints for ``openai``, up to and with ``/v1``."""
    api_key_env: str
    """Name of the variable that holds the key, read at run time; empty for none."""
    api_key_file: str
    """File that holds the key, read at run time; empty for none."""

    @model_validator(mode="after")
    def _complete(self) -> ServerConfig:
        if self.type == "openai" and not self.base_urls:
            raise ValueError("server.type=openai needs server.base_urls=[http://HOST:PORT/v1,...]")
        for url in self.base_urls:
            if not _is_endpoint(url):
                raise ValueError(
                    f"base_urls: found {url!r}; allowed: http://HOST:PORT/v1 or https://..."
                )
        if self.type == "vllm" and not self.command:
            raise ValueError("server.type=vllm needs server.command, e.g. [vllm,serve]")
        if self.api_key_env and self.api_key_file:
            raise ValueError("give server.api_key_env or server.api_key_file, not both")
        return self


class RoleConfig(Config):
    """Another model, and where it is served, for one role of a run."""

    model: ModelConfig
    server: ServerConfig | None = None
    """None: as the run's own server."""
