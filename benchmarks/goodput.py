"""Tokens/s through tsdg against ``vllm bench serve``, on one server and the same prompts.

Run: ``python benchmarks/goodput.py [--requests 96] [--rounds 2]`` (needs what ``make server-env
    model`` makes).

tsdg starts the server (the demo's, with prefix caching off, so that no run profits from the one
before); then the two take turns, A B A B, at the same prompts, output length, sampling and requests
in flight. tsdg's time holds all of its work: leases, scheduling, journal with its syncs, parts,
accounts; that of ``vllm bench serve`` is what it says itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.config.compose import compose_recipe
from tsdg.config.recipe import Recipe
from tsdg.engine.phase import run_phase
from tsdg.engine.phase_job import PhaseJob
from tsdg.protocols import Ask, Request, Transport
from tsdg.serving import ServerEvent, open_transport

SCHEMA = pa.schema([("input_id", pa.string()), ("text", pa.string())])
WORDS = (
    "river",
    "stone",
    "engine",
    "market",
    "letter",
    "garden",
    "signal",
    "winter",
    "copper",
    "bridge",
    "motion",
)


def prompts(count: int, words: int) -> list[str]:
    """Made-up prompts that differ from their first word on."""
    dice = random.Random(7)
    return [
        f"{number} {' '.join(dice.choices(WORDS, k=words))}. Write a story."
        for number in range(count)
    ]


async def through_tsdg(
    folder: Path, texts: list[str], recipe: Recipe, transport: Transport, output: int
) -> tuple[float, int]:
    """One phase; seconds and completion tokens."""
    source = folder / "input.parquet"
    pq.write_table(pa.table({"input_id": list(map(str, range(len(texts)))), "text": texts}), source)

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        messages = [{"role": "user", "content": row["text"]}]
        body = {"messages": messages, "max_tokens": output, "temperature": 0.7, "ignore_eos": True}
        reply = await ask(
            Request(request_id=row["input_id"], body=body, prefix="", expected_tokens=output)
        )
        return {"input_id": row["input_id"], "text": reply.choices[0].text}

    began = time.perf_counter()
    result = await run_phase(
        PhaseJob(
            input_path=source,
            directory=folder / "run" / "phase",
            process=process,
            transport=transport,
            schema=SCHEMA,
            config=recipe.engine,
            budget=recipe.budget,
        ),
        stop=asyncio.Event(),
        on_event=lambda event: None,
        note=print,
    )
    return time.perf_counter() - began, result.completion_tokens


def through_bench_serve(
    vllm: str,
    url: str,
    model: str,
    tokenizer: str,
    folder: Path,
    texts: list[str],
    output: int,
    in_flight: int,
) -> tuple[float, int]:
    """The same by ``vllm bench serve``."""
    data = folder / "prompts.json"  # the one form of a file of prompts that it reads without pandas
    turns = [
        {"conversations": [{"value": text}, {"value": "A story of some length."}]} for text in texts
    ]
    data.write_text(json.dumps(turns))
    subprocess.run(
        [
            vllm,
            "bench",
            "serve",
            "--backend=openai-chat",
            "--endpoint=/v1/chat/completions",
            f"--base-url={url.removesuffix('/v1')}",
            f"--model={model}",
            f"--tokenizer={tokenizer}",
            "--dataset-name=sharegpt",
            f"--dataset-path={data}",
            f"--sharegpt-output-len={output}",
            "--disable-shuffle",
            "--no-oversample",
            "--ignore-eos",
            "--temperature=0.7",
            "--disable-tqdm",
            f"--num-prompts={len(texts)}",
            f"--max-concurrency={in_flight}",
            "--save-result",
            f"--result-dir={folder}",
            "--result-filename=result.json",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"},
    )
    result = json.loads((folder / "result.json").read_text())
    assert result["completed"] == len(texts), result
    return result["duration"], result["total_output_tokens"]


async def measure(args: argparse.Namespace) -> None:
    """Start the server, warm it up, take turns, and print."""
    recipe = compose_recipe(
        [
            "recipe=demo",
            f"engine.max_in_flight={args.in_flight}",
            "+server.flags.enable-prefix-caching=false",
        ]
    )
    texts = prompts(args.requests, args.words)
    ready: asyncio.Queue[str] = asyncio.Queue()

    def on_event(event: ServerEvent) -> None:
        print(event, flush=True)
        if event.kind == "ready":
            ready.put_nowait(event.url)

    rates: dict[str, list[float]] = {"vllm bench serve": [], "tsdg": []}
    with tempfile.TemporaryDirectory() as scratch:
        logs = Path(scratch)
        async with open_transport(
            server=recipe.server, model=recipe.model, logs=logs, on_event=on_event
        ) as transport:
            url = await ready.get()
            folder = Path(scratch) / "warm-up"
            folder.mkdir()
            await through_tsdg(folder, texts[: args.in_flight], recipe, transport, 16)
            for number in range(args.rounds):
                for name in rates:
                    folder = Path(scratch) / f"{name}-{number}"
                    folder.mkdir()
                    if name == "tsdg":
                        seconds, tokens = await through_tsdg(
                            folder, texts, recipe, transport, args.output
                        )
                    else:
                        seconds, tokens = await asyncio.to_thread(
                            through_bench_serve,
                            recipe.server.command[0],
                            url,
                            recipe.model.name,
                            str(Path(recipe.model.path).expanduser()),
                            folder,
                            texts,
                            args.output,
                            args.in_flight,
                        )
                    rates[name].append(tokens / seconds)
                    print(
                        f"{name:<18}{tokens} tokens in {seconds:.1f} s: {tokens / seconds:.1f} "
                        "tokens/s "
                        f"(load average {os.getloadavg()[0]:.2f})",
                        flush=True,
                    )
    share = statistics.mean(rates["tsdg"]) / statistics.mean(rates["vllm bench serve"])
    print(f"tsdg against vllm bench serve: {100 * share:.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=96)
    parser.add_argument("--words", type=int, default=150, help="of a prompt")
    parser.add_argument("--output", type=int, default=96, help="tokens of each reply")
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
