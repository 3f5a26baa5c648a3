"""The typed configuration of ``tsdg mix``: budget, policy and bounds of a training mixture."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from tsdg.config.base import Config, PositiveFloat, PositiveInt, Share


class CorpusConfig(Config):
    """A corpus of the user's own, beside the runs."""

    name: str
    """Name of the part, in the tables and blends."""
    path: str
    """Where its text lies; copied into the blends. Where tokens are counted, a Parquet or JSONL
    file, or a folder."""
    tokens: PositiveInt | Literal["count"]
    """How many tokens it has; ``count`` reads all of it and counts with ``tokenizer``."""
    group: str
    """For ``group_shares``: ``knowledge``, ``reasoning`` or a name of the user's own."""
    text_field: str = "text"
    """Column of the text."""


class MixConfig(Config):
    """A mixture: a budget of tokens, a policy, and bounds.

    Parts are the tasks of the runs, named by task (``run/task`` where two runs have the task), and
    the corpora.
    """

    budget: PositiveInt
    """Tokens to train on."""
    policy: Literal["proportional", "uniform", "temperature", "explicit"]
    """What a part's share follows: its tokens (``proportional``), nothing (``uniform``: all are
    equal), its tokens to the power 1/temperature (``temperature``), or ``weights``
    (``explicit``)."""
    temperature: PositiveFloat
    """Above 1 flattens natural shares, below 1 sharpens them."""
    weights: dict[str, PositiveFloat]
    """For ``explicit``: part → relative weight; every part needs one."""
    group_shares: dict[str, Share]
    """Group → its share of the budget; groups that are not named share what is left."""
    floors: dict[str, Share]
    """Part → the least share of the budget."""
    caps: dict[str, Share]
    """Part → the largest share of the budget."""
    max_epochs: PositiveFloat
    """How often a part may be repeated at most."""
    corpora: tuple[CorpusConfig, ...]
    """Corpora of the user's own in the mixture."""
    tokenizer: str
    """Folder with the ``tokenizer.json`` that counts the tokens of corpora with ``tokens: count``;
    else empty."""
    valid: tuple[str, ...]
    """Parts held for validation, out of the training mixture; each with its natural weight."""
    test: tuple[str, ...]
    """Parts held for testing, in the same way."""
    prefix: str
    """Megatron's path of a part after tokenisation; ``{name}`` stands for the part."""
    out: str
    """Folder that the blends are written to."""

    @model_validator(mode="after")
    def _possible(self) -> MixConfig:
        if sum(self.group_shares.values()) > 1 + 1e-9:
            total = sum(self.group_shares.values())
            raise ValueError(f"group_shares add up to {total:g}; allowed: at most 1")
        for corpus in self.corpora:
            if corpus.tokens == "count" and not self.tokenizer:
                raise ValueError(
                    f"corpora: {corpus.name} has tokens: count, which needs tokenizer=FOLDER to "
                    "count with"
                )
        if "{name}" not in self.prefix:
            raise ValueError(
                f"prefix is {self.prefix!r}; it needs {{name}}, or all parts would have one path"
            )
        if both := set(self.valid) & set(self.test):
            raise ValueError(f"{sorted(both)[0]} stands in valid and in test; a part has one split")
        return self
