"""Writes a tiny model of a real architecture, which thinks and then answers.

Usage: ``python make_tiny_architecture.py ARCHITECTURE FOLDER``.

To be run with the serving environment's Python; no file is needed from anywhere. Layers, experts
and states are of the architecture's own classes, with random weights. They are small beside the
embeddings, and these make a token follow another one: what the model says is its script, until a
structure forbids it. So a server has a model that opens and closes its thinking as a real one does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as Decoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerFast

CONTEXT = 2048
THOUGHT = "We think"
"""What the models think; no character stands twice, so that a pair of them is enough."""
_HIDDEN = 64
_HEADS = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 64}
_TURNS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One kind of model."""

    name: str
    """Of its classes in transformers, before ``Config`` and ``ForCausalLM``."""
    config: dict[str, Any]
    special: Sequence[str] = ("<pad>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
    template: str = ""
    """Empty for a model whose prompts the server writes itself."""
    script: Sequence[Sequence[str]] = field(default_factory=tuple)
    """Chains of tokens: each is followed by the next one."""


def _thinks(opened: bool) -> list[list[str]]:
    """A script that thinks from the end of the prompt on, whose template opened it or not."""
    return [["\n", *([] if opened else ["<think>"]), *THOUGHT, "</think>"]]


ARCHITECTURES = {
    "qwen3_moe": Architecture(
        name="Qwen3Moe",
        config={
            **_HEADS,
            "moe_intermediate_size": 32,
            "intermediate_size": 64,
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "num_hidden_layers": 2,
        },
        template=_TURNS + "{% if enable_thinking is defined and not enable_thinking %}"
        "<think>\n\n</think>\n\n{% endif %}",
        script=_thinks(opened=False),
    ),
    "deepseek_v3": Architecture(
        name="DeepseekV3",
        config={
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "kv_lora_rank": 512,  # with the next one the only size that the CPU build knows
            "qk_rope_head_dim": 64,
            "qk_nope_head_dim": 128,
            "v_head_dim": 128,
            "q_lora_rank": 64,
            "intermediate_size": 64,
            "moe_intermediate_size": 32,
            "n_routed_experts": 8,
            "n_group": 2,
            "topk_group": 1,
            "num_experts_per_tok": 2,
            "topk_method": "noaux_tc",
            "scoring_func": "sigmoid",
            "first_k_dense_replace": 1,
            "num_hidden_layers": 2,
        },
        template=_TURNS + "{{ '<think>\n' }}",
        script=_thinks(opened=True),
    ),
    "nemotron_h": Architecture(
        name="NemotronH",
        config={
            **_HEADS,
            # Its experts without gates are more than the CPU build knows; it has dense ones too.
            "layers_block_type": ["linear_attention", "mlp", "full_attention", "linear_attention"],
            "mamba_num_heads": 4,
            "mamba_head_dim": 32,
            "n_groups": 2,
            "ssm_state_size": 32,
            "intermediate_size": 64,
            "moe_intermediate_size": 32,
            "moe_shared_expert_intermediate_size": 32,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
        },
        template=_TURNS
        + "{% if enable_thinking is defined and not enable_thinking %}<think></think>"
        "{% else %}<think>\n{% endif %}",
        script=_thinks(opened=True),
    ),
    "gpt_oss": Architecture(
        name="GptOss",
        config={
            **_HEADS,
            "intermediate_size": 64,
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
            "num_hidden_layers": 2,
            "sliding_window": 128,
            "layer_types": ["sliding_attention", "full_attention"],
        },
        special=(),
        script=[
            ["assistant", "<|channel|>", "analysis", "<|message|>"],
            ["<|message|>", *THOUGHT, "<|end|>", "<|start|>", "assistant"],
            ["}", "<|return|>"],
        ],
    ),
}


def _bytes_and(special: Sequence[str]) -> tuple[dict[str, int], Sequence[str]]:
    """A vocabulary of single bytes."""
    symbols = [*special, *sorted(ByteLevel.alphabet())]
    return {symbol: number for number, symbol in enumerate(symbols)}, special


def _harmony() -> tuple[dict[str, int], Sequence[str]]:
    """The tokens of gpt-oss by their real numbers, as far as they are whole characters.

    The server writes these prompts, and reads the replies, by number.
    """
    from openai_harmony import HarmonyEncodingName, load_harmony_encoding

    encoding = load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)
    special = sorted(encoding.special_tokens_set)
    numbers = {encoding.encode(word, allowed_special="all")[0]: word for word in special}
    alphabet = ByteLevel(add_prefix_space=False, use_regex=False)
    # The first are the single bytes: those that print, in order, then the others.
    order = [*range(33, 127), *range(161, 173), *range(174, 256)]
    order += [byte for byte in range(256) if byte not in order]
    printed = dict(zip(order, sorted(ByteLevel.alphabet()), strict=True))
    tokens = [printed[byte] for byte in order]
    for number in range(len(tokens), max(numbers) + 1):
        try:
            said = numbers.get(number) or encoding.decode_utf8([number])
            words = [said] if number in numbers else [w for w, _ in alphabet.pre_tokenize_str(said)]
            tokens.append("".join(words))
        except Exception:
            tokens.append(f"<part {number}>")  # of a character
    return {token: number for number, token in enumerate(tokens)}, special


def _tokenizer(made: Architecture) -> PreTrainedTokenizerFast:
    vocabulary, special = _bytes_and(made.special) if made.special else _harmony()
    core = Tokenizer(BPE(vocab=vocabulary, merges=[]))
    core.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = Decoder()
    # Tags of thinking are no special tokens in real tokenizers: they stand in the text.
    for word in special:
        core.add_tokens([AddedToken(word, normalized=False, special="think" not in word)])
    end = "<|im_end|>" if made.special else "<|return|>"
    start = "<|im_start|>" if made.special else "<|startoftext|>"
    found = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>" if made.special else "<|endoftext|>",
        bos_token=start,
        eos_token=end,
        model_max_length=CONTEXT,
    )
    if made.template:
        found.chat_template = made.template
    return found


def _number(tokenizer: PreTrainedTokenizerFast, word: str) -> int:
    """Of one token, written as it is read."""
    direct = tokenizer.get_vocab().get(word)
    return direct if direct is not None else tokenizer.encode(word, add_special_tokens=False)[0]


def write(architecture: str, folder: Path) -> None:
    """Write config, weights and tokenizer into ``folder``."""
    made = ARCHITECTURES[architecture]
    tokenizer = _tokenizer(made)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(20)
    config = getattr(transformers, f"{made.name}Config")(
        vocab_size=max(tokenizer.get_vocab().values()) + 1,
        hidden_size=_HIDDEN,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **made.config,
    )
    model = getattr(transformers, f"{made.name}ForCausalLM")(config)
    with torch.no_grad():
        before = model.get_input_embeddings().weight
        after = model.get_output_embeddings().weight
        before.normal_()
        for chain in made.script:
            numbers = [_number(tokenizer, word) for word in chain]
            for number, following in pairwise(numbers):
                after[following] += before[number] / 4
    model.to(torch.bfloat16).save_pretrained(folder)
    written = json.loads((folder / "config.json").read_text())
    assert written["architectures"] == [f"{made.name}ForCausalLM"], written["architectures"]


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
