"""A tiny model of each architecture, with its model file's flags, thinks and answers in a form.

The real vLLM (CPU build) starts it with the file's parser, and is asked with the template's
arguments and the effort of a role. A start takes ten seconds of a core: ``ARCHITECTURES=all``
starts all four.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.serving.conftest import ANY_CORE, Watched
from tsdg.config.compose import compose_recipe
from tsdg.config.recipe import Recipe
from tsdg.config.roles import Role, asked_model
from tsdg.config.sampling import SamplingConfig
from tsdg.errors import RetryableError
from tsdg.generate.requests import chat_request
from tsdg.generate.schemas import response_format
from tsdg.protocols import Reply
from tsdg.serving import PACING, open_transport
from tsdg.serving.client import RoutingClient
from tsdg.wording.thinking import parted

CASES = {
    "gpt-oss-120b": "gpt_oss",
    "qwen3-235b-a22b": "qwen3_moe",
    "nemotron-3-nano": "nemotron_h",
    "deepseek-r1-0528": "deepseek_v3",
}
SERVED = os.environ.get("ARCHITECTURES", "gpt-oss-120b").replace("all", ",".join(CASES))
NEEDS = {"nemotron_h": ["server.flags.enable-chunked-prefill=true"]}
"""Its states are kept by blocks, which a prompt must be able to end in the midst of."""
COLOURS = ["red", "green", "blue"]
FORM = {
    "type": "object",
    "properties": {"colour": {"enum": COLOURS}, "shade": {"enum": ["dark", "light"]}},
    "required": ["colour", "shade"],
    "additionalProperties": False,
}
pytestmark = pytest.mark.server


def recipe_of(name: str, folder: Path, vllm: Path) -> Recipe:
    """A recipe with a model file, of which only what needs GPUs is other."""
    alone = [f"++model.{way}_parallel=1" for way in ("tensor", "pipeline", "data", "context")]
    return compose_recipe(
        [
            "recipe=demo",
            f"model={name}",
            f"model.path={folder}",
            "hardware=h200",
            "server=vllm_cpu",
            f"server.command=[{vllm},serve]",
            "model.max_model_len=1024",
            *(f"+server.env.{name}='{value}'" for name, value in ANY_CORE.items()),
            *alone,
            *NEEDS.get(CASES[name], []),
        ]
    )


async def ask(client: RoutingClient, recipe: Recipe, role: Role) -> Reply:
    """Two completions in the form, as a role asks for them; waits for the server."""
    request = chat_request(
        model=asked_model(recipe, role),
        turns=[{"role": "user", "content": "Which?"}],
        sampling=SamplingConfig(temperature=0.2, top_p=1.0, max_tokens=96),
        seed=3,
        samples=2,
        form={"response_format": response_format("answer", FORM)},
    )
    while True:
        try:
            return await client.send(request)
        except RetryableError:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", SERVED.split(","))
async def test_it_thinks_and_answers_in_the_form_that_is_asked_for(
    watched: Watched, vllm: Path, quick_vllm: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "model"
    script = Path(__file__).with_name("make_tiny_architecture.py")
    command = [str(vllm.parent / "python"), str(script), CASES[name], str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    recipe = recipe_of(name, folder, quick_vllm)
    async with open_transport(
        server=recipe.server,
        model=recipe.model,
        logs=watched.logs,
        on_event=watched.events.append,
        pacing=replace(PACING, start_failures=1),
    ) as client:
        reply = await ask(client, recipe, "answers")
        for choice in reply.choices:
            # As replies are read: vLLM leaves the channel's name where harmony's end comes twice.
            _, text = parted(choice.text) or ("", choice.text)
            assert json.loads(text)["colour"] in COLOURS
            assert not re.search(r"\s\s", text), "white space is bounded"
            assert choice.reasoning.strip() == "We think"
            assert choice.finish_reason == "stop"
        assert 0 < reply.reasoning_tokens < reply.completion_tokens
        if recipe.model.modes:
            plain = await ask(client, recipe, "questions")
            assert all(json.loads(choice.text)["shade"] for choice in plain.choices)
            assert {choice.reasoning for choice in plain.choices} == {""}
            assert plain.reasoning_tokens == 0
