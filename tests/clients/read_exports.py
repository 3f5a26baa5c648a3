"""Reads exports with a program that they are for; run by the environment of the clients.

python read_exports.py PROGRAM FOLDER     of exports by format; writes PROGRAM.json there
"""

import importlib
import importlib.abc
import importlib.machinery
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

RUNTIME = {"ray", "mlflow", "wandb", "yappi", "gprof2dot", "pydot"}
"""What NeMo Gym's servers need when they run, and its validation only imports: 2 GB."""
SERVERS = {
    "mcqa": "MCQARunRequest",
    "math_with_judge": "LibraryJudgeMathRunRequest",
    "equivalence_llm_judge": "LLMJudgeRunRequest",
}
"""Resources servers whose code imports without more packages, and the form of their requests."""


class _StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name.partition(".")[0] not in RUNTIME:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module: Any = MagicMock(name=spec.name)
        module.__path__, module.__spec__ = [], spec
        return module

    def exec_module(self, module: ModuleType) -> None:
        pass


def megatron(folder: Path) -> Any:
    """Every document of every packed file, and the blend as Megatron takes it apart."""
    from megatron.core.datasets.indexed_dataset import IndexedDataset
    from megatron.core.datasets.utils import get_blend_from_list

    words = (folder / "megatron-bin" / "megatron.txt").read_text().split()
    prefixes, weights = get_blend_from_list(words)
    found: dict[str, Any] = {"weights": weights, "documents": {}, "boundaries": {}}
    for prefix in prefixes:
        packed, name = IndexedDataset(prefix), Path(prefix).name
        found["documents"][name] = [packed[place].tolist() for place in range(len(packed))]
        found["boundaries"][name] = packed.document_indices.tolist()
    return found


def nemo_gym(folder: Path) -> Any:
    """What NeMo Gym's validation says of each line, and whether the servers take it."""
    sys.meta_path.insert(0, _StandIns())
    from nemo_gym.train_data_utils import compute_sample_metrics

    found: dict[str, Any] = {"lines": 0, "offending": [], "turns": 0, "taken": {}}
    for path in sorted((folder / "nemo-gym").rglob("*.jsonl")):
        server = path.parent.name
        for line in path.read_text().splitlines():
            metrics, offending = compute_sample_metrics(line)
            found["lines"] += 1
            found["turns"] += metrics.number_of_turns.total
            if offending:
                found["offending"].append(line)
            if server in SERVERS:
                app = importlib.import_module(f"resources_servers.{server}.app")
                getattr(app, SERVERS[server]).model_validate_json(line)
                found["taken"][server] = found["taken"].get(server, 0) + 1
    broken = json.dumps({"responses_create_params": {"input": [{"role": 5}]}})
    found["refuses"] = compute_sample_metrics(broken)[1]
    return found


def datasets(folder: Path) -> Any:
    """Rows of each configuration of each export."""
    from datasets import __version__, get_dataset_config_names, load_dataset

    cache = str(folder / ".cache")
    rows: dict[str, Any] = {"version": __version__}
    for form in ("jsonl", "parquet", "hf", "trl", "nemo-skills", "nemo-gym"):
        names = get_dataset_config_names(str(folder / form))
        rows[form] = {
            name: len(load_dataset(str(folder / form), name, split="train", cache_dir=cache))
            for name in names
        }
    return rows


TEMPLATE = """{%- for message in messages %}<|{{ message.role }}|>
{% if message.role == 'assistant' %}{% generation %}<think>
{{ message.reasoning_content or '' }}
</think>
{{ message.content }}{% endgeneration %}{% else %}{{ message.content }}{% endif %}
{% endfor %}{% if add_generation_prompt %}<|assistant|>
{% endif %}"""


def trl(folder: Path) -> Any:
    """Both forms through a template that separates thoughts, and one step of training on each."""
    import torch
    from datasets import load_dataset
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    from trl import SFTConfig, SFTTrainer
    from trl.data_utils import is_conversational

    torch.manual_seed(0)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "model" / "tokenizer.json"),
        unk_token="<unk>",
        eos_token="<s>",
        pad_token="<s>",
    )
    tokenizer.chat_template = TEMPLATE
    shape = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    config = LlamaConfig(vocab_size=len(tokenizer), num_attention_heads=2, **shape)
    found: dict[str, Any] = {}
    for form in ("messages", "prompt_completion"):
        cache = str(folder / ".cache")
        rows = load_dataset(str(folder / "trl"), form, split="train", cache_dir=cache)
        chats = [row.get("messages") or [*row["prompt"], *row["completion"]] for row in rows]
        trainer = SFTTrainer(
            model=LlamaForCausalLM(config),
            args=SFTConfig(
                output_dir=str(folder / ".trained"),
                max_steps=1,
                report_to=[],
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                disable_tqdm=True,
            ),
            train_dataset=rows,
            processing_class=tokenizer,
        )
        found[form] = {
            "conversational": is_conversational(rows[0]),
            "thoughts": sum(bool(chat[-1].get("reasoning_content")) for chat in chats),
            "texts": [tokenizer.apply_chat_template(chat, tokenize=False) for chat in chats],
            "steps": trainer.train().global_step,
        }
    return found


def main() -> None:
    """Write what a program read."""
    program, folder = sys.argv[1], Path(sys.argv[2])
    programs = {"megatron": megatron, "nemo_gym": nemo_gym, "datasets": datasets, "trl": trl}
    (folder / f"{program}.json").write_text(json.dumps(programs[program](folder)))


if __name__ == "__main__":
    main()
