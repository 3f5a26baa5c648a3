"""A mixture of runs and corpora: parts, allotments and the blends that trainers read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tsdg.config.mix import CorpusConfig, MixConfig
from tsdg.errors import UsageError
from tsdg.mixture import blends
from tsdg.mixture.allocate import Allotment, allocate
from tsdg.mixture.parts import Part, read_parts
from tsdg.package.tokens import TokenCounter, count_corpus, find_tokenizer
from tsdg.storage import refuse_runs, write_together

MIX = "mix.json"


def write_mix(runs: Sequence[Path], config: MixConfig) -> Sequence[Allotment]:
    """Divide a budget of tokens over the tasks of runs, and write the blends.

    Raises:
        UsageError: the folder holds runs or another mixture, a name is no part, or nothing is left
            to train on.
        VerificationError: a run is not finished, or damaged.
        StorageError: the folder cannot be written.
    """
    refuse_runs(Path(config.out), command="tsdg mix")
    parts = read_parts(runs, [_corpus(one, config.tokenizer) for one in config.corpora])
    held = {
        key: [_named(parts, name, key) for name in getattr(config, key)]
        for key in ("valid", "test")
    }
    taken = {part.name for members in held.values() for part in members}
    training = [part for part in parts if part.name not in taken]
    if not training:
        raise UsageError("tsdg mix: valid and test take every part; leave some to train on")
    allotments = allocate(training, config)
    _write(allotments, held, config)
    return allotments


def _corpus(config: CorpusConfig, tokenizer: str) -> Part:
    tokens = config.tokens
    if tokens == "count":
        counter = TokenCounter(find_tokenizer(tokenizer, key="tokenizer"))
        tokens = count_corpus(Path(config.path).expanduser(), config.text_field, counter)
    return Part(
        name=config.name,
        group=config.group,
        path=config.path,
        tokens=tokens,
        text_field=config.text_field,
    )


def _named(parts: Sequence[Part], name: str, key: str) -> Part:
    for part in parts:
        if part.name == name:
            return part
    raise UsageError(
        f"tsdg mix: {key} names {name}, which is not a part; allowed: "
        f"{', '.join(p.name for p in parts)}"
    )


def _write(allotments: Sequence[Allotment], held: dict[str, list[Part]], config: MixConfig) -> None:
    splits = {
        "train": [(one.part, one.share) for one in allotments],
        **{key: [(part, float(part.tokens)) for part in members] for key, members in held.items()},
    }
    files = {
        MIX: blends.as_json(blends.record(allotments, config.model_dump(mode="json"))),
        "blend.json": blends.as_json(blends.nemotron(splits)),
        **blends.megatron_files(splits, config.prefix),
        "shares.svg": blends.plot(allotments).encode(),
    }
    out = Path(config.out)
    there = out / MIX
    if there.is_file() and there.read_bytes() != files[MIX]:
        raise UsageError(
            f"tsdg mix: {out} holds another mixture; name another folder with out=FOLDER, or "
            "remove that one"
        )
    write_together(out, files)
