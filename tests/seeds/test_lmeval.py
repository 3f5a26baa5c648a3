import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.seeds.rows import arc_rows, unit_of
from tsdg.errors import MachineError
from tsdg.seeds.rows.item import MalformedRowError
from tsdg.seeds.rows.lmeval import Template
from tsdg.seeds.rows.task_files import load_config, tasks_folder
from tsdg.seeds.rows.templates import split_prompt


@pytest.mark.parametrize(
    ("template", "context", "question"),
    [
        ("Question: {{question}}\nAnswer:", "", "{{question}}"),
        ("{{passage}}\nQuestion: {{question}}?\nAnswer:", "{{passage}}", "{{question}}?"),
        ("Passage: {{passage}}Question: {{question}}\nAnswer:", "{{passage}}", "{{question}}"),
        (
            "{{sentence}}\nQuestion: Does this make sense?\nAnswer:",
            "{{sentence}}",
            "Does this make sense?",
        ),
        ("Testua: {{text}}\nGaldera: Zein da gaia?\nErantzuna:", "{{text}}", "Zein da gaia?"),
        ("{{a}} {{b}}", "", "{{a}} {{b}}"),
        ("Q: {{q}}\nA:", "", "{{q}}"),
        ("問題：{{question}}\n回答：", "", "{{question}}"),
    ],
)
def test_the_scaffolding_of_a_prompt_is_taken_off(
    template: str, context: str, question: str
) -> None:
    assert split_prompt(template) == (context, question)


def template_of(tmp_path: Path, text: str, columns: str, *, kind: str = "short_text") -> Template:
    path = tmp_path / "task.yaml"
    path.write_text(text, encoding="utf-8")
    return Template(path, kind=kind, columns=frozenset(columns.split()))  # type: ignore[arg-type]


def test_arc_as_lm_eval_declares_it() -> None:
    columns = frozenset(arc_rows(1)[0])
    template = Template(tasks_folder() / unit_of("arc_easy").yaml, kind="choice", columns=columns)
    row = arc_rows(2)[1]
    item = template.item(row)
    assert item.question == row["question"]
    assert item.options == ("place 1", "town 1", "lake 1")
    assert template.gold(row, item).answer == "town 1"
    assert set(template.columns) == {"question", "choices", "answerKey"}


def test_a_text_that_looks_like_scaffolding_stays_whole(tmp_path: Path) -> None:
    template = template_of(
        tmp_path, 'doc_to_text: "Question: {{q}}\\nAnswer:"\ndoc_to_target: a\n', "q a"
    )
    text = "Question: what does a sign 'Answer:' mean?\nQuestion: and why? Answer:"
    assert template.item({"q": text, "a": "x"}).question == text


@pytest.mark.parametrize(
    ("change", "column", "found"),
    [
        ({"answerKey": "Z"}, "answerKey, choices", "not in list"),
        ({"answerKey": None}, "answerKey, choices", "null: answerKey"),
        ({"question": None}, "question", "None"),
        ({"question": "  "}, "question", "' '"),
        ({"choices": None}, "choices", "null: choices"),
        ({"choices": {"text": ["a", None], "label": ["A", "B"]}}, "choices", "None"),
        ({"choices": {"text": ["a", " "], "label": ["A", "B"]}}, "choices", "' '"),
    ],
)
def test_a_malformed_row_names_column_and_value(
    change: dict[str, Any], column: str, found: str
) -> None:
    row = arc_rows(1)[0] | change
    template = Template(
        tasks_folder() / unit_of("arc_easy").yaml, kind="choice", columns=frozenset(row)
    )
    with pytest.raises(MalformedRowError) as caught:
        template.gold(row, template.item(row))
    assert caught.value.column == column
    assert found in caught.value.found


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("answer", "second"),
        ("{{answer}}", "second"),
        ("{{index}}", "second"),
        ("index", "second"),
        (1, "second"),
    ],
)
def test_gold_by_text_or_index(tmp_path: Path, target: object, answer: str) -> None:
    text = json.dumps(
        {"doc_to_text": "q", "doc_to_choice": ["first", "second"], "doc_to_target": target}
    )
    template = template_of(tmp_path, text, "q answer index", kind="choice")
    row = {"q": "Which?", "answer": "second", "index": 1}
    assert template.gold(row, template.item(row)).answer == answer


@pytest.mark.parametrize("value", [-1, 2, "3", "", None, True, 1.5, ["first", "second"]])
def test_gold_that_is_no_option(tmp_path: Path, value: object) -> None:
    text = json.dumps(
        {"doc_to_text": "q", "doc_to_choice": ["first", "second"], "doc_to_target": "label"}
    )
    template = template_of(tmp_path, text, "q label", kind="choice")
    row = {"q": "Which?", "label": value}
    with pytest.raises(MalformedRowError) as caught:
        template.gold(row, template.item(row))
    assert caught.value.column == "label"


def test_a_template_may_use_all_of_jinja(tmp_path: Path) -> None:
    text = """
doc_to_text: "{% for w in words %}{{ w|upper }}{% if not loop.last %}-{% endif %}{% endfor %}?"
doc_to_choice: "{{words + ['x'] if range(2) else []}}"
doc_to_target: "{{words.index('b')}}"
"""
    template = template_of(tmp_path, text, "words", kind="choice")
    row = {"words": ["a", "b"]}
    item = template.item(row)
    assert (item.question, item.options) == ("A-B?", ("a", "b", "x"))
    assert template.gold(row, item).answer == "b"


def test_a_column_named_like_a_method_of_dict(tmp_path: Path) -> None:
    template = template_of(
        tmp_path, 'doc_to_text: "{{q.items}}"\ndoc_to_target: "{{items}}"\n', "q items"
    )
    with pytest.raises(MalformedRowError):
        template.item({"q": {"items": "hidden by the method, as in lm-eval"}, "items": "x"})


def test_includes_and_functions_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("doc_to_text: !function helpers.ask\ndoc_to_target: a\n")
    (tmp_path / "helpers.py").write_text("def ask(doc):\n    return doc['q'] + '!'\n")
    template = template_of(tmp_path, "include: base.yaml\ntask: mine\n", "q a")
    assert template.item({"q": "Why", "a": "x"}).question == "Why!"


@pytest.mark.parametrize(
    "body", ["raise SystemExit(3)", "import no_such_module_at_all", "1/0", "def other(): pass"]
)
def test_a_module_that_cannot_be_imported_is_one_clear_line(tmp_path: Path, body: str) -> None:
    (tmp_path / "helpers.py").write_text(body + "\n")
    with pytest.raises(MachineError) as caught:
        template_of(tmp_path, "doc_to_text: !function helpers.ask\ndoc_to_target: a\n", "q a")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "task.yaml") in str(caught.value)


def test_a_metric_that_cannot_be_imported_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "metrics.py").write_text("raise SystemExit(3)\n")
    text = "doc_to_text: q\ndoc_to_target: a\nprocess_results: !function metrics.score\n"
    assert template_of(tmp_path, text, "q a").item({"q": "Why?", "a": "x"}).question == "Why?"


def test_missing_and_broken_yaml(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml")
    with pytest.raises(MachineError, match="template is broken"):
        template_of(tmp_path, 'doc_to_text: "{{ q + }}"\ndoc_to_target: a\n', "q a")


def test_what_is_loaded_off_the_network_leaves_the_rest_of_the_process_on_it() -> None:
    code = (
        "from tsdg.seeds.rows.task_files import load_config, tasks_folder\n"
        "load_config(tasks_folder() / 'arc' / 'arc_easy.yaml')\n"
        "from huggingface_hub import constants\n"
        "print(constants.HF_HUB_OFFLINE)"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.endswith("_OFFLINE")
    }
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert out.stdout == "False\n"


def test_unknown_hint(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"metadata\.tsdg has \['questoin'\]"):
        template_of(
            tmp_path, "doc_to_text: q\ndoc_to_target: a\nmetadata: {tsdg: {questoin: q}}\n", "q a"
        )


PROCESS = """
def add(dataset):
    return dataset.map(lambda doc: {"asked": doc["q"] + "?"})

def drop(dataset):
    return dataset.filter(lambda doc: doc["q"] != "b").map(lambda doc: {"asked": doc["q"] + "?"})
"""


@pytest.mark.parametrize(
    ("function", "expected"), [("add", ["a?", "b?", "c?"]), ("drop", ["a?", None, "c?"])]
)
def test_process_docs_is_honoured_row_by_row(
    tmp_path: Path, function: str, expected: list[str | None]
) -> None:
    (tmp_path / "prepare.py").write_text(PROCESS)
    text = (
        f"process_docs: !function prepare.{function}\n"
        'doc_to_text: "{{asked}}"\ndoc_to_target: asked\n'
    )
    template = template_of(tmp_path, text, "q")
    rows = [{"q": "a"}, {"q": "b"}, {"q": "c"}]
    documents = template.documents(pa.Table.from_pylist(rows), rows)
    assert [document and template.item(document).question for document in documents] == expected


REAL = [
    "arc_easy",
    "arc_challenge",
    "openbookqa",
    "cola",
    "sglue_rte",
    "boolq",
    "wic",
    "ethics_deontology",
    "xstorycloze_zh",
]


@pytest.mark.parametrize("task", REAL)
def test_compiled_templates_give_what_lm_eval_gives(task: str, mirror: Path) -> None:
    """Against lm-eval's own ConfigurableTask, on the first rows of the real split."""
    from datasets import Dataset, DatasetDict
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks._yaml_loader import load_yaml

    from tsdg.seeds.mirror.split_files import split_file

    unit = unit_of(task)
    batch = next(split_file(mirror, unit.dataset_path, unit.config, unit.split).batches())
    rows = batch.rows[:200]

    class Own(ConfigurableTask):  # type: ignore[misc]
        def download(self, *args: object, **kwargs: object) -> None:
            self.dataset = DatasetDict({unit.split: Dataset.from_list(rows)})

        @property
        def eval_docs(self) -> Any:
            return self.dataset[unit.split]

    config = load_yaml(tasks_folder() / unit.yaml, resolve_func=True)
    for key in ("tag", "group", "task_list"):
        config.pop(key, None)
    config.update(
        test_split=None,
        validation_split=None,
        fewshot_split=None,
        fewshot_config=None,
        metric_list=[],
    )
    theirs = Own(config=config)
    mine = Template(tasks_folder() / unit.yaml, kind="choice", columns=frozenset(rows[0]))
    for row in rows:
        item = mine.item(row)
        gold = mine.gold(row, item)
        text, target = theirs.doc_to_text(row), theirs.doc_to_target(row)
        assert list(item.options) == [option.strip() for option in theirs.doc_to_choice(row)]
        assert gold.index == (target if isinstance(target, int) else int(target))
        assert item.question in text
        assert item.context in text
