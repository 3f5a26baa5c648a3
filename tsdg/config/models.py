"""The models of a run and where they are served."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from tsdg.config.base import Config, NonNegativeInt, PositiveFloat, PositiveInt
from tsdg.config.model_shape_config import ModelShape
from tsdg.config.requests import RequestKeys
from tsdg.config.sampling import SamplingConfig

Flag = str | int | float | bool
_SECRET_FLAG = re.compile(
    r"(?:^|[-_])(?:api[-_]key|(?:hf|auth|access|bearer)[-_]token|secret|passw(?:or)?d|credentials?)"
    r"(?:$|[-_])",
    re.IGNORECASE,
)


def _refuse_secret_flags(flags: dict[str, Flag]) -> dict[str, Flag]:
    """Refuse what everybody on the node could read on the command line, and in logs."""
    for name, value in flags.items():
        if _SECRET_FLAG.search(name.strip().lstrip("-")) or re.search(r"://[^/@\s]+@", str(value)):
            raise ValueError(
                f"{name} would put a secret on a command line that others can read; export it as "
                "a variable instead, such as HF_TOKEN or VLLM_API_KEY"
            )
    return flags


Flags = Annotated[dict[str, Flag], AfterValidator(_refuse_secret_flags)]


Thinking = Literal["auto", "on", "off"]
Mode = Literal["thinking", "plain"]


class ModeConfig(Config):
    """How a model that can think or not is asked for one of the two."""

    request: RequestKeys
    """What tells its chat template so, and what its card recommends beside the next key."""
    sampling: SamplingConfig


class ParallelConfig(Config):
    """How many GPUs one server of a model takes: tensor × pipeline × data."""

    tensor: PositiveInt
    """GPUs that share each layer."""
    pipeline: PositiveInt
    """Stages of layers."""
    data: PositiveInt = 1
    """Copies of the attention, which share the experts."""
    context: PositiveInt = 1
    """GPUs of a tensor group that share the tokens of a request."""
    seqs: NonNegativeInt = 0
    """What ``max_num_seqs`` starts from."""


class ThroughputConfig(Config):
    """What one GPU does at full load, as it was measured somewhere."""

    prompt: PositiveFloat
    """Prompt tokens a second, if it did nothing else."""
    completion: PositiveFloat
    """Completion tokens a second, if it did nothing else."""
    source: str
    """Where it was measured, with which arrangement."""


class ModelConfig(Config):
    """The model that writes and solves."""

    name: str
    """Name in manifests and provenance, e.g. ``Qwen/Qwen3-235B-A22B``."""
    path: str
    """Folder of the weights, or a hub id where the server may fetch it."""
    revision: str
    """Commit or branch of its hub repository, for provenance; empty where there is none."""
    licence: str
    """Licence of the weights, or an endpoint's terms for its output; stands on the dataset card."""
    note: str
    """What to know before using what it writes; shown after a run and on the dataset card; empty
    for nothing."""
    max_model_len: PositiveInt
    """Context length served, in tokens."""
    reasoning_parser: str
    """vLLM's reasoning parser; empty for a model that gives no separate reasoning."""
    sampling: SamplingConfig
    """What its card recommends; the sampling of each step starts from it."""
    request: RequestKeys = Field(default_factory=dict)
    """Further keys of every request to it, e.g. ``top_k`` or ``reasoning_effort``."""
    modes: dict[Mode, ModeConfig] = Field(default_factory=dict)
    """For a model that can think or not: both ways, whose sampling and request keys take the place
    of the two above. Empty for one that always thinks (with a parser) or never."""
    parallelism: dict[str, ParallelConfig]
    """By ``hardware``; what the two next keys start from."""
    tensor_parallel: PositiveInt
    """GPUs that share each layer of one server; as many as possible within a node."""
    pipeline_parallel: PositiveInt
    """Stages of layers of one server; where tensor × pipeline exceeds a node's GPUs, it spans
    nodes."""
    data_parallel: PositiveInt = 1
    """Copies of the attention in one server, on GPUs of their own, which share the experts."""
    context_parallel: PositiveInt = 1
    """GPUs of a tensor group that share the tokens of a request, for latent attention: else each
    keeps all of them."""
    max_num_seqs: NonNegativeInt = 0
    """Requests of one copy at once at most; 0 for the server's own default, which does not look at
    what the memory holds."""
    facts: ModelShape | None = None
    """Whether it fits is reckoned from these; ``null``: from the ``config.json`` in ``path``, if
    that is a folder."""
    throughput: dict[str, ThroughputConfig]
    """By ``hardware``; for ``tsdg plan`` alone. Without an entry it gives no GPU-hours."""
    flags: Flags
    """Further ``vllm serve`` flags that this model needs, without the leading dashes."""

    @field_validator("modes")
    @classmethod
    def _both_modes(cls, value: dict[Mode, ModeConfig]) -> dict[Mode, ModeConfig]:
        if len(value) == 1:
            raise ValueError(
                f"found {next(iter(value))} alone; give thinking and plain, or neither"
            )
        return value


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
    start_timeout_s: PositiveInt | Literal["auto"]
    """How long a server may take to be ready; ``auto``: by the size of its weights."""
    least_requests: NonNegativeInt
    """Requests of 4,096 tokens that a server's memory must hold at once, or it is refused."""
    flags: Flags
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
    """Who plays one role of a run, and what its requests say beside the prompt."""

    model: ModelConfig | None = None
    """``null``: the run's own; of ``escalate`` and ``enrich`` the one that answers."""
    server: ServerConfig | None = None
    """``null``: as the run's own server."""
    thinking: Thinking = "auto"
    """Whether a model that can think or not does; ``auto``: to answer and to judge it does, to
    study, write and enrich it does not."""
    request: RequestKeys = Field(default_factory=dict)
    """Further keys of the role's requests; they go before those of the model."""

    @field_validator("thinking", mode="before")
    @classmethod
    def _yaml_switch(cls, value: object) -> object:
        """YAML reads a bare ``on`` or ``off`` as true or false."""
        return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _own_server_has_a_model(self) -> RoleConfig:
        if self.server and not self.model:
            raise ValueError("a server of its own needs a model of its own: give the role a model")
        return self
