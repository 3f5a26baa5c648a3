"""What of a recipe may be a secret, and is kept out of files that others can read. Pure."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "(not kept)"
_SECRET_NAME = re.compile(
    r".*(?:TOKEN(?!IZER)|KEY|SECRET|PASS|PWD|CREDENTIAL|AUTH|WEBHOOK|DSN|COOKIE|SESSION|BEARER).*",
    re.IGNORECASE,
)
_KNOWN_NAME = re.compile(
    r"(?:VLLM|NCCL|CUDA|CUBLAS|CUDNN|NVIDIA|NVTE|TORCH\w*|PYTORCH|TRITON|FLASHINFER|OMP|MKL|KMP"
    r"|OPENBLAS|GLOO|UCX|RAY|HF|HUGGINGFACE|TRANSFORMERS|TOKENIZERS|SAFETENSORS|XDG|NUMBA|LC|LD)_\w+"
    r"|CC|CXX|HOME|LANG|PATH|PYTHON\w*|TMPDIR|TZ|NO_PROXY|no_proxy"
)
"""Variables of ``server.env`` that tools document, and that hold no secret by their meaning."""
_HARMLESS = re.compile(r"[+-]?\d{1,5}(?:\.\d{1,5})?|(?i:true|false|yes|no|on|off)|/[\w./@%+-]*|")
"""Values that are no secret whatever their name means: a small number, a switch, a path."""
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def looks_secret(name: str) -> bool:
    """Whether a variable of this name is taken to hold a secret."""
    return _SECRET_NAME.fullmatch(name) is not None


def is_kept(name: str, value: str) -> bool:
    """Whether a variable of a server may stand in a file that others can read.

    What is not known to be harmless counts as a secret.
    """
    if looks_secret(name) or _USER_INFO.search(value):
        return False
    return bool(_KNOWN_NAME.fullmatch(name) or _HARMLESS.fullmatch(value))


def without_user_info(value: Any) -> Any:
    """A plain value whose URLs, at any depth, name no user and no password."""
    if isinstance(value, dict):
        return {key: without_user_info(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_user_info(inner) for inner in value]
    return _USER_INFO.sub(HIDDEN, value) if isinstance(value, str) else value


def _holds_env(key: str, value: str) -> bool:
    """Whether an override sets variables of a server, also as a part of a larger value."""
    return ".env" in f".{key}" or (value.startswith("{") and "env" in value)


def override_without_secrets(override: str) -> str:
    """A word of the command line as a file may hold it."""
    key, equals, value = override.partition("=")
    if _holds_env(key, value) and not is_kept(key.rpartition(".")[2], value.strip("'\"")):
        return f"{key}={HIDDEN}"
    return key + equals + _USER_INFO.sub(HIDDEN, value)
