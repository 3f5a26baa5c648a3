"""Writes a tiny Llama with random weights that vLLM serves on a CPU.

Usage: ``python make_tiny_model.py FOLDER``.

To be run with the serving environment's Python. The tokenizer knows single bytes and nothing else,
so no file is needed from anywhere; the same folder comes out each time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as Decoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

PAD, START, END = "<pad>", "<turn>", "</turn>"
TEMPLATE = (
    "{% for message in messages %}"
    + START
    + "{{ message.role }}: {{ message.content }}"
    + END
    + "{% endfor %}"
    "{% if add_generation_prompt %}" + START + "assistant: {% endif %}"
)
CONTEXT = 1024


def write(folder: Path) -> None:
    """Write config, weights and tokenizer into ``folder``."""
    special = [PAD, START, END]
    symbols = special + sorted(ByteLevel.alphabet())
    core = Tokenizer(
        BPE(vocab={symbol: number for number, symbol in enumerate(symbols)}, merges=[])
    )
    core.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = Decoder()
    core.add_special_tokens(special)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=PAD,
        bos_token=START,
        eos_token=END,
        model_max_length=CONTEXT,
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)

    torch.manual_seed(20)
    config = LlamaConfig(
        vocab_size=len(symbols),
        hidden_size=128,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=64,  # one that vLLM's CPU attention knows
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
