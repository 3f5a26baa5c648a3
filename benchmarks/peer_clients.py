"""One of the clients of ``benchmarks/client.py``: sends requests and prints the cost.

Run by ``client.py`` in the environment of ``peers.txt``: ``python peer_clients.py NAME URL REQUESTS
IN_FLIGHT``. Imports, and one request before, are not measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

PROMPT = "word " * 200
BODY: dict[str, Any] = {
    "messages": [{"role": "user", "content": PROMPT}],
    "max_tokens": 512,
    "temperature": 0.7,
}


def cpu_s() -> float:
    """Processor seconds of this process and of the children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


async def pooled(
    ask: Callable[[int], Awaitable[str]], requests: int, in_flight: int
) -> tuple[float, float]:
    """Send the requests by ``in_flight`` tasks at once; seconds of wall and processor."""
    await ask(-1)
    numbers = iter(range(requests))

    async def one_after_the_other() -> None:
        for number in numbers:
            assert await ask(number)

    wall, cpu = time.perf_counter(), cpu_s()
    await asyncio.gather(*(one_after_the_other() for _ in range(in_flight)))
    return time.perf_counter() - wall, cpu_s() - cpu


async def aiohttp_alone(url: str, requests: int, in_flight: int) -> tuple[float, float]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(number: int) -> str:
            async with session.post(
                f"{url}/chat/completions", json={**BODY, "model": "model", "seed": number}
            ) as reply:
                return str((await reply.json())["choices"][0]["message"]["content"])

        return await pooled(ask, requests, in_flight)


async def httpx_unlimited(url: str, requests: int, in_flight: int) -> tuple[float, float]:
    import httpx

    limits = httpx.Limits(max_keepalive_connections=None, max_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=600) as client:

        async def ask(number: int) -> str:
            reply = await client.post(
                f"{url}/chat/completions", json={**BODY, "model": "model", "seed": number}
            )
            return str(reply.json()["choices"][0]["message"]["content"])

        return await pooled(ask, requests, in_flight)


async def openai_sdk(url: str, requests: int, in_flight: int) -> tuple[float, float]:
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="EMPTY", base_url=url)

    async def ask(number: int) -> str:
        reply = await client.chat.completions.create(**BODY, model="model", seed=number)
        return str(reply.choices[0].message.content)

    return await pooled(ask, requests, in_flight)


async def nemo_skills_aiohttp(url: str, requests: int, in_flight: int) -> tuple[float, float]:
    """AsyncOpenAI over aiohttp with high limits, as NeMo-Skills calls OpenAI-like servers."""
    import httpx
    from openai import AsyncOpenAI, DefaultAioHttpClient

    limits = httpx.Limits(max_connections=65536, max_keepalive_connections=65536)
    client = AsyncOpenAI(
        api_key="EMPTY",
        base_url=url,
        http_client=DefaultAioHttpClient(limits=limits),
        max_retries=3,
    )

    async def ask(number: int) -> str:
        reply = await client.chat.completions.create(
            **BODY, model="model", seed=number, timeout=14400
        )
        return str(reply.choices[0].message.content)

    return await pooled(ask, requests, in_flight)


async def nemo_skills_litellm(url: str, requests: int, in_flight: int) -> tuple[float, float]:
    """NeMo-Skills: litellm over one httpx client without limits, which it takes for all else."""
    import httpx
    import litellm

    limits = httpx.Limits(max_keepalive_connections=None, max_connections=None)
    litellm.aclient_session = httpx.AsyncClient(limits=limits)

    async def ask(number: int) -> str:
        reply = await litellm.acompletion(
            **BODY,
            model="openai/model",
            api_key="EMPTY",
            base_url=url,
            max_retries=3,
            seed=number,
            timeout=14400,
        )
        return str(reply.choices[0].message.content)

    return await pooled(ask, requests, in_flight)


def datatrove_runner(url: str, requests: int, in_flight: int) -> tuple[float, float]:
    """The inference runner of datatrove, with checkpoints."""
    from datatrove.data import Document
    from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
    from datatrove.pipeline.writers import JsonlWriter

    async def rollout(document: Any, generate: Any) -> str:
        return str((await generate({**BODY, "seed": int(document.id)})).text)

    with tempfile.TemporaryDirectory() as folder:

        def run(name: str, count: int) -> None:
            runner = InferenceRunner(
                rollout_fn=rollout,
                config=InferenceConfig(
                    server_type="endpoint",
                    model_name_or_path="model",
                    endpoint_url=url.removesuffix("/v1"),
                    max_concurrent_generations=in_flight,
                ),
                output_writer=JsonlWriter(
                    f"{folder}/{name}",
                    output_filename="${rank}_chunk_${chunk_index}.jsonl",
                    compression=None,
                ),
                checkpoints_local_dir=f"{folder}/{name}-checkpoints",
                records_per_chunk=500,
            )
            runner.run((Document(text=PROMPT, id=str(number)) for number in range(count)), 0, 1)
            written = sum(
                len(path.read_text().splitlines()) for path in Path(folder, name).rglob("*.jsonl")
            )
            assert written == count, f"datatrove wrote {written} of {count} documents"

        wall, cpu = time.perf_counter(), cpu_s()
        run("one", 1)
        start_wall, start_cpu = time.perf_counter() - wall, cpu_s() - cpu
        wall, cpu = time.perf_counter(), cpu_s()
        run("all", requests)
        return time.perf_counter() - wall - start_wall, cpu_s() - cpu - start_cpu


def data_designer_engine(url: str, requests: int, in_flight: int) -> tuple[float, float]:
    """Data Designer: one text column."""
    import data_designer.config as dd
    from data_designer.interface import DataDesigner

    with tempfile.TemporaryDirectory() as folder:

        def run(name: str, count: int) -> None:
            designer = DataDesigner(
                artifact_path=f"{folder}/{name}",
                model_providers=[
                    dd.ModelProvider(
                        name="here", endpoint=url, provider_type="openai", api_key="EMPTY"
                    )
                ],
            )
            parameters = dd.ChatCompletionInferenceParams(
                temperature=0.7, max_tokens=512, max_parallel_requests=in_flight, timeout=600
            )
            models = [
                dd.ModelConfig(
                    alias="m", model="model", provider="here", inference_parameters=parameters
                )
            ]
            builder = dd.DataDesignerConfigBuilder(model_configs=models)
            category = dd.CategorySamplerParams(values=["a", "b"])
            builder.add_column(
                dd.SamplerColumnConfig(name="topic", sampler_type="category", params=category)
            )
            builder.add_column(
                dd.LLMTextColumnConfig(name="text", model_alias="m", prompt=PROMPT + "{{ topic }}")
            )
            results = designer.create(builder, num_records=count, dataset_name=name)
            assert len(results.load_dataset()) == count

        wall, cpu = time.perf_counter(), cpu_s()
        run("few", 2)
        start_wall, start_cpu = time.perf_counter() - wall, cpu_s() - cpu
        wall, cpu = time.perf_counter(), cpu_s()
        run("all", requests)
        return time.perf_counter() - wall - start_wall, cpu_s() - cpu - start_cpu


CLIENTS: dict[str, Callable[[str, int, int], Any]] = {
    "aiohttp": aiohttp_alone,
    "httpx": httpx_unlimited,
    "openai": openai_sdk,
    "nemo-skills-aiohttp": nemo_skills_aiohttp,
    "nemo-skills-litellm": nemo_skills_litellm,
    "datatrove": datatrove_runner,
    "data-designer": data_designer_engine,
}


def main() -> None:
    name, url, requests, in_flight = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    os.environ.update(
        LITELLM_LOCAL_MODEL_COST_MAP="True", NEMO_TELEMETRY_ENABLED="false", HF_HUB_OFFLINE="1"
    )
    logging.disable(logging.WARNING)
    client = CLIENTS[name]
    # What the peers print of their progress is not the result.
    with contextlib.redirect_stdout(sys.stderr):
        measured = client(url, requests, in_flight)
        wall, cpu = asyncio.run(measured) if asyncio.iscoroutine(measured) else measured
    print(json.dumps({"requests": requests, "wall_s": wall, "cpu_s": cpu}))


if __name__ == "__main__":
    main()
