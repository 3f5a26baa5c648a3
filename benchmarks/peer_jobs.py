"""One peer's whole job for ``benchmarks/whole_job.py``: prompts in a file, replies to a file.

Run in the peer's own environment: ``python peer_jobs.py NAME URL PROMPTS FOLDER IN_FLIGHT``. It is
written as the documentation has it, with what that offers for going on after a kill.
``PROMPTS`` is JSON lines of ``id``, ``messages`` and what else the request says; what is left in
``FOLDER`` at the end is counted by :func:`finished`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CHUNK = 16
"""Rows after which a peer that saves by chunks, batches or groups of rows saves."""


def _rows(prompts: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in prompts.read_text().splitlines()]


def datatrove(url: str, prompts: Path, folder: Path, in_flight: int) -> None:
    """The inference runner, with local checkpoints."""
    from datatrove.data import Document
    from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
    from datatrove.pipeline.writers import JsonlWriter

    async def rollout(document: Any, generate: Any) -> str:
        return str((await generate(document.metadata["body"])).text)

    rows = _rows(prompts)
    runner = InferenceRunner(
        rollout_fn=rollout,
        config=InferenceConfig(
            server_type="endpoint",
            model_name_or_path=rows[0]["model"],
            endpoint_url=url.removesuffix("/v1"),
            max_concurrent_generations=in_flight,
        ),
        output_writer=JsonlWriter(
            str(folder / "out"), output_filename="${rank}_${chunk_index}.jsonl", compression=None
        ),
        checkpoints_local_dir=str(folder / "checkpoints"),
        records_per_chunk=CHUNK,
    )
    documents = (
        Document(
            text=row["messages"][-1]["content"],
            id=row["id"],
            metadata={"body": {key: value for key, value in row.items() if key != "id"}},
        )
        for row in rows
    )
    runner.run(documents, 0, 1)


def data_designer(url: str, prompts: Path, folder: Path, in_flight: int) -> None:
    """One text column over a seed data set of the prompts."""
    import data_designer.config as dd
    import pandas as pd
    from data_designer.interface import DataDesigner

    rows = _rows(prompts)
    seeds = pd.DataFrame(
        {
            "row": [row["id"] for row in rows],
            "asked": ["\n\n".join(turn["content"] for turn in row["messages"]) for row in rows],
        }
    )
    seeds.to_parquet(folder / "seeds.parquet")
    provider = dd.ModelProvider(name="here", endpoint=url, provider_type="openai", api_key="EMPTY")
    designer = DataDesigner(artifact_path=folder / "artifacts", model_providers=[provider])
    first = rows[0]
    parameters = dd.ChatCompletionInferenceParams(
        temperature=first["temperature"],
        top_p=first["top_p"],
        max_tokens=first["max_tokens"],
        max_parallel_requests=in_flight,
        timeout=600,
    )
    models = [
        dd.ModelConfig(
            alias="m", model=first["model"], provider="here", inference_parameters=parameters
        )
    ]
    builder = dd.DataDesignerConfigBuilder(model_configs=models)
    builder.with_seed_dataset(dd.LocalFileSeedSource(path=str(folder / "seeds.parquet")))
    builder.add_column(dd.LLMTextColumnConfig(name="text", model_alias="m", prompt="{{ asked }}"))
    settings = dd.RunConfig(buffer_size=CHUNK)
    designer.set_run_config(settings)
    options: dict[str, Any] = {}
    if any((folder / "artifacts").glob("*")):
        from data_designer.interface import ResumeMode

        options = {"resume": ResumeMode.ALWAYS}
    found = designer.create(builder, num_records=len(rows), dataset_name="job", **options)
    found.load_dataset().to_json(folder / "out.jsonl", orient="records", lines=True)


def distilabel(url: str, prompts: Path, folder: Path, in_flight: int) -> None:
    """A pipeline of two steps with its cache."""
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import ChatGeneration

    rows = _rows(prompts)
    first = rows[0]
    with Pipeline(name="job", cache_dir=folder / "cache") as pipeline:
        load = LoadDataFromDicts(
            data=[{"row": row["id"], "messages": row["messages"]} for row in rows],
            batch_size=CHUNK,
        )
        write = ChatGeneration(
            llm=OpenAILLM(
                model=first["model"],
                base_url=url,
                api_key="EMPTY",
                timeout=600,
                generation_kwargs={
                    "temperature": first["temperature"],
                    "top_p": first["top_p"],
                    "max_new_tokens": first["max_tokens"],
                },
            ),
            # A step asks for the rows of one batch at once, and then for those of the next.
            input_batch_size=min(CHUNK, in_flight),
        )
        load >> write
    found = pipeline.run(use_cache=True)
    found["default"]["train"].to_json(folder / "out.jsonl")


def curator(url: str, prompts: Path, folder: Path, in_flight: int) -> None:
    """One ``LLM`` over all prompts, with its cache."""
    # It counts tokens with a table that it would fetch; litellm, which comes with it, has that.
    spec = find_spec("litellm")
    assert spec is not None
    assert spec.origin is not None
    tables = Path(spec.origin).parent / "litellm_core_utils" / "tokenizers"
    os.environ["TIKTOKEN_CACHE_DIR"] = str(tables)
    from bespokelabs import curator as kit

    rows = _rows(prompts)
    first = rows[0]

    class Writer(kit.LLM):
        def prompt(self, input: dict[str, Any]) -> list[dict[str, str]]:
            return list(input["messages"])

        def parse(self, input: dict[str, Any], response: str) -> dict[str, str]:
            return {"row": input["id"], "text": response}

    writer = Writer(
        model_name=first["model"],
        backend="openai",
        backend_params={
            "base_url": url,
            "api_key": "EMPTY",
            "max_concurrent_requests": in_flight,
            "max_requests_per_minute": 100_000,
            "max_tokens_per_minute": 100_000_000,
            "request_timeout": 600,
            # By default a reply that reaches the limit of tokens is asked for ten times again.
            "invalid_finish_reasons": ["content_filter"],
        },
        generation_params={
            "temperature": first["temperature"],
            "top_p": first["top_p"],
            "max_tokens": first["max_tokens"],
        },
    )
    found = writer(
        [{"id": row["id"], "messages": row["messages"]} for row in rows],
        working_dir=str(folder / "cache"),
    )
    found.dataset.to_json(folder / "out.jsonl")


def finished(folder: Path) -> list[str]:
    """The ids of the rows that have a reply, as often as they stand there."""
    ids: list[str] = []
    for path in sorted(folder.rglob("*.jsonl")):
        if path.parent == folder or path.parent.name == "out":
            for line in path.read_text().splitlines():
                row = json.loads(line)
                if row.get("generation", row.get("text")):
                    ids.append(str(row.get("row") or row.get("id")))
    return ids


JOBS: dict[str, Callable[[str, Path, Path, int], None]] = {
    "datatrove": datatrove,
    "data-designer": data_designer,
    "distilabel": distilabel,
    "curator": curator,
}


def main() -> None:
    name, url, prompts, folder, in_flight = sys.argv[1:]
    os.environ.update(
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        NEMO_TELEMETRY_ENABLED="false",
        HF_HUB_OFFLINE="1",
        CURATOR_DISABLE_RICH_DISPLAY="1",
        TELEMETRY_ENABLED="false",
        HOME=folder,
    )
    JOBS[name](url, Path(prompts), Path(folder), int(in_flight))


if __name__ == "__main__":
    main()
