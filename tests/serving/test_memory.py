"""Whether models fit GPUs, against what vLLM was publicly reported to say."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.serving.commands import ON_GPUS
from tests.serving.conftest import model_config, server_config
from tsdg.config.compose import compose_recipe
from tsdg.config.model_shape_config import ModelShape
from tsdg.errors import RecipeError
from tsdg.serving.fitting import check_fits
from tsdg.serving.memory import GIB, Arrangement, Gpu, arrangement_of, fit, gpus, token_bytes
from tsdg.serving.model_shape import facts_of, read_shape

CASES = yaml.safe_load((Path(__file__).parent / "public_fits.yaml").read_text())


def of_file(name: str, hardware: str = "h100") -> Any:
    return compose_recipe(
        ["recipe=demo", f"model={name}", "server=vllm", f"hardware={hardware}"]
    ).model


QWEN_30B = {"vocab_size": 151936, "hidden_size": 2048, "num_attention_heads": 32}
QWEN_30B |= {"num_hidden_layers": 48, "num_key_value_heads": 4, "head_dim": 128}
L40S = ["hardware=l40s", "+model.parallelism.l40s={tensor: 8, pipeline: 1}"]
BLOCKS = {"quantization_config": {"weight_block_size": [128, 128]}}
LLAMA = {"vocab_size": 128256, "hidden_size": 4096, "num_attention_heads": 32}
LLAMA |= {"num_hidden_layers": 32, "num_key_value_heads": 8}
QWEN_14B = {"vocab_size": 152064, "hidden_size": 5120, "num_attention_heads": 40}
QWEN_14B |= {"num_hidden_layers": 48, "num_key_value_heads": 8}
QWEN36 = {
    "text_config": {
        "vocab_size": 248320,
        "hidden_size": 5120,
        "num_hidden_layers": 64,
        "full_attention_interval": 4,
        "num_attention_heads": 24,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "linear_num_key_heads": 16,
        "linear_num_value_heads": 48,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4,
    }
}


def shape(name: str) -> ModelShape:
    """A shape of the table: of a model file, or of the public ``config.json``."""
    files = {
        "qwen3-235b-fp8": "qwen3-235b-a22b-fp8",
        "qwen3-235b": "qwen3-235b-a22b",
        "gpt-oss-120b": "gpt-oss-120b",
        "gpt-oss-20b": "gpt-oss-20b",
        "deepseek-r1": "deepseek-r1-0528",
        "nemotron-3-nano": "nemotron-3-nano",
        "nemotron-3-super": "nemotron-3-super",
    }
    if name in files:
        facts: ModelShape = of_file(files[name]).facts
        return facts
    config, weights = {
        "qwen3-30b-fp8": ({**QWEN_30B, **BLOCKS, "moe_intermediate_size": 768}, 31.2),
        "llama-3.1-8b": (LLAMA, 16.06),
        "qwen2.5-14b": (QWEN_14B, 29.5),
        "qwen3.6-27b-fp8": (QWEN36, 30.0),
    }[name]
    read = read_shape(config, weights)
    assert read
    return read


def arrangement(**how: Any) -> Arrangement:
    usual: dict[str, Any] = {"tensor": 1, "pipeline": 1, "data": 1, "context": 1}
    usual |= {"experts": False, "utilisation": 0.92, "seqs": 1024, "batched": 8192}
    usual |= {"kv_bytes": 2, "state_bytes": 4, "length": 40960}
    return Arrangement(**{**usual, **how})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["model"])
def test_no_verdict_contradicts_what_was_reported(case: dict[str, Any]) -> None:
    facts, how = shape(case["shape"]), arrangement(**case["how"])
    found = fit(facts, how, Gpu(memory=case["gpu_mib"] * 2**20, per_node=8))
    wrong = {True: "fails", False: "fits"}.get(case["starts"])
    assert found.verdict != wrong, found
    if "says" in case:
        assert found.verdict == "fails"
        assert case["says"] in found.why
    if "blocks" in case:
        assert found.room.blocks is not None
        assert found.best.blocks is not None
        assert found.room.blocks <= case["blocks"] <= found.best.blocks
    if "tokens" in case:
        each = facts.attention_layers * token_bytes(facts, how)
        assert case["free_gib"] * GIB / each == pytest.approx(case["tokens"], rel=0.02)


def test_what_was_left_lies_between_both_reckonings() -> None:
    told = [case for case in CASES if case.get("free_gib", 0) > 0]
    assert len(told) >= 4
    for case in told:
        found = fit(
            shape(case["shape"]),
            arrangement(**case["how"]),
            Gpu(memory=case["gpu_mib"] * 2**20, per_node=8),
        )
        assert found.room.free <= (case["free_gib"] + 0.4) * GIB
        assert case["free_gib"] * GIB <= found.best.free + 0.5 * GIB, case["model"]


def test_the_table_has_failures_and_successes_enough_and_each_its_source() -> None:
    assert len(CASES) >= 15
    assert sum(case["starts"] is False for case in CASES) >= 7
    assert sum(case["starts"] is True for case in CASES) >= 7
    assert all(case["source"].startswith("https://") for case in CASES)


@pytest.mark.parametrize("hardware", ["h100", "h200", "gb200"])
@pytest.mark.parametrize("name", ON_GPUS)
def test_every_model_file_fits_every_kind_of_gpu_with_room_for_requests(
    name: str, hardware: str
) -> None:
    model = of_file(name, hardware)
    line = check_fits(server_config(least_requests=64), model, hardware)
    assert "GiB of weights a GPU" in line
    assert "perhaps" not in line
    gpu = gpus()[hardware]
    found = fit(model.facts, arrangement_of(model, model.flags, gpu), gpu)
    assert found.verdict == "fits"
    assert found.room.requests is None or found.room.requests >= 64


@pytest.mark.parametrize(
    ("name", "hardware", "words", "parts"),
    [
        (
            "qwen3-235b-a22b-fp8",
            "h100",
            ["model.tensor_parallel=8"],
            ["1536 / 8", "model.tensor_parallel=4 would do"],
        ),
        (
            "qwen3-235b-a22b",
            "h100",
            ["model.tensor_parallel=2"],
            ["exceed the memory by", "would do"],
        ),
        (
            "nemotron-3-nano",
            "h100",
            ["model.max_num_seqs=4096"],
            ["blocks for states, and max-num-seqs is 4,096", "model.max_num_seqs=256 would do"],
        ),
        (
            "gpt-oss-120b",
            "h100",
            ["model.tensor_parallel=1", "model.max_model_len=1000000"],
            ["no room for one request of 1,000,000 tokens"],
        ),
        (
            "deepseek-r1-0528",
            "h200",
            L40S,
            ["exceed the memory by 39", "model.pipeline_parallel=4 would do"],
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(
    name: str, hardware: str, words: list[str], parts: list[str]
) -> None:
    recipe = compose_recipe(
        ["recipe=demo", f"model={name}", "server=vllm", f"hardware={hardware}", *words]
    )
    with pytest.raises(RecipeError) as refused:
        check_fits(server_config(least_requests=64), recipe.model, recipe.hardware)
    assert "\n" not in str(refused.value)
    for part in parts:
        assert part in str(refused.value)


def test_a_folder_tells_its_own_shape(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(QWEN36))
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(30_000_000_000)
    facts = facts_of(model_config(path=str(tmp_path)))
    assert facts == shape("qwen3.6-27b-fp8")
    assert facts.state_layers == 48
    assert facts_of(model_config(path="owner/name")) is None
    line = check_fits(server_config(), model_config(path="owner/name"), "h100")
    assert "nobody knows" in line
    assert (
        check_fits(
            server_config(type="openai", base_urls=("http://x/v1",)), of_file("gpt-oss-20b"), "h100"
        )
        == ""
    )


def test_latent_attention_keeps_one_copy_with_data_or_context_parallelism() -> None:
    facts, gpu = shape("deepseek-r1"), gpus()["h200"]
    tokens = {}
    for kind, how in {
        "tensor": arrangement(tensor=8, experts=True, seqs=10**6),
        "data": arrangement(data=8, experts=True, seqs=10**6),
        "context": arrangement(tensor=8, context=8, experts=True, seqs=10**6),
    }.items():
        best = fit(facts, how, gpu).best
        assert best.requests
        tokens[kind] = best.requests
    assert tokens["data"] > 4 * tokens["tensor"]
    assert tokens["context"] > 7 * tokens["tensor"]
