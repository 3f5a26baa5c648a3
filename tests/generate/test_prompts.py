from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from generate.rows import RECIPES, prompt_set
from tsdg.config.recipe import PromptConfig
from tsdg.errors import RecipeError
from tsdg.generate.checks import check_code, check_json
from tsdg.generate.fields import as_fields, as_text, shape_of
from tsdg.generate.instructions import renewed, unsaid
from tsdg.generate.prompt_files import load_prompts
from tsdg.generate.prompts import FIELDS, STEPS, fill
from tsdg.generate.schemas import Flaw, conform, enrich_schema, question_schema
from tsdg.records import ANSWER_KINDS
from tsdg.text import normalise, overlap
from tsdg.verify.symbolic import broken_instruction

CASES = [(step, kind) for step in STEPS for kind in ANSWER_KINDS]


def load(folder: Path, **files: str) -> None:
    load_prompts(PromptConfig(dir=str(folder), files=files), RECIPES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RECIPES / "prompt" / "default", tmp_path / "mine"))


def test_a_paragraph_without_content_is_left_out() -> None:
    template = "Passage:\n{context}\n\nTopic: {topic}, {language}\n\nReply {{so}}"
    assert (
        fill(template, {"context": "", "topic": "", "language": "Thai"})
        == "Topic: , Thai\n\nReply {so}"
    )
    assert (
        fill(template, {"context": "a\n\nb", "topic": "", "language": ""})
        == "Passage:\na\n\nb\n\nReply {so}"
    )


def test_values_that_look_like_fields_stay_as_they_are() -> None:
    assert (
        fill("{question}", {"question": "Fill in {question} and {x}"})
        == "Fill in {question} and {x}"
    )


@pytest.mark.parametrize("name", ["default", "small", "rqa", "rqa_small"])
def test_the_shipped_sets_load_and_are_loadable_by_nemo_skills(name: str) -> None:
    config = yaml.safe_load((RECIPES / "prompt" / f"{name}.yaml").read_text(encoding="utf-8"))
    prompts = load_prompts(PromptConfig(**config), RECIPES)
    for step, kind in CASES:
        prompt = prompts.get(step, kind)
        data = yaml.safe_load(prompt.text)
        assert set(data) <= {"system", "user", "few_shot_examples"}
        filled = data["user"].format(examples="", **dict.fromkeys(FIELDS[step], "X"))
        assert filled.count("X") >= 1
        assert prompt.hash in prompts.hashes().values()
    assert len(set(prompts.hashes().values())) == len(CASES) + 1  # and the ways


# What NeMo-Skills' loader (nemo_skills/prompt/utils.py of github.com/NVIDIA-NeMo/Skills at
# 8b18f399) takes: it reads a file as plain YAML, gives its keys to a class with these fields, fills
# ``user`` by str.format from the row and from ``examples``, leaves ``system`` as it is, and puts
# examples of a row's own together from prefix, template and suffix.
SKILLS_KEYS = {"user", "system", "code_tags", "few_shot_examples"}
SKILLS_FEW_SHOT_KEYS = {
    "prefix",
    "template",
    "suffix",
    "examples_type",
    "retrieval_field",
    "retrieval_file",
    "retrieved_entries",
    "retrieved_few_shots",
    "randomize_retrieved_entries",
    "max_retrieved_chars",
    "max_retrieved_chars_field",
}
PROMPT_FILES = sorted(
    path.relative_to(RECIPES / "prompt").as_posix()
    for path in (RECIPES / "prompt").glob("*/*/*.yaml")
    if path.parent.name in STEPS
)


@pytest.mark.parametrize("file", PROMPT_FILES)
def test_nemo_skills_makes_the_same_turns_of_every_file(file: str) -> None:
    path = RECIPES / "prompt" / file
    step, kind = path.parent.name, path.stem
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(data) <= SKILLS_KEYS
    assert set(data.get("few_shot_examples") or {}) <= SKILLS_FEW_SHOT_KEYS
    assert not set("{}") & set(data.get("system") or "")
    row = {field: f"<{field} {{of}} the row>" for field in FIELDS[step]}  # type: ignore[index]
    theirs = data["user"].format(examples="", **row, expected_answer="a field that no prompt has")
    assert "the row>" in theirs
    ours = load_prompts(PromptConfig(dir="default", files={f"{step}/{kind}": file}), RECIPES)
    turns = ours.get(step, kind).turns(row, [])  # type: ignore[arg-type]
    system = [{"role": "system", "content": data["system"].strip()}] if data.get("system") else []
    assert turns == [*system, {"role": "user", "content": theirs.strip()}]


SKILLS_STYLE = """few_shot_examples:
  prefix: "Some problems with their solutions.\\n\\n"
  template: "Problem:\\n{problem}\\n\\nSolution:\\n{solution}\\n\\n"
  suffix: "And the one to solve:\\n"
user: |-
  Solve it, with the answer inside \\boxed{{}}.

  {examples}{problem}
"""


def test_a_prompt_file_of_nemo_skills_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "theirs.yaml").write_text(SKILLS_STYLE)
    files = {"answers/choice": str(tmp_path / "theirs.yaml")}
    prompt = load_prompts(PromptConfig(dir="default", files=files), RECIPES).get(
        "answers", "choice"
    )
    names = FIELDS["answers"]
    row = {"context": "A passage.", "question": "Which?", "options": ["this", "that"]}
    (turn,) = prompt.turns(as_fields(row, names), [])
    assert turn["content"] == (
        "Solve it, with the answer inside \\boxed{}.\n\nA passage.\n\nWhich?\n\n- this\n- that"
    )
    shot = (as_fields({"question": "What?"}, names), "It is 4.")
    (turn,) = prompt.turns(as_fields({"question": "Why?"}, names), [shot])
    assert turn["content"].endswith(
        "Some problems with their solutions.\n\nProblem:\nWhat?\n\nSolution:\nIt is 4.\n\n"
        "And the one to solve:\nWhy?"
    )


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("few_shot_examples: {examples_type: gsm8k}", "it names examples within NeMo-Skills' code"),
        ("few_shot_examples: {retrieval_field: question}", "looks examples up for each row"),
        ("code_tags: {}", "runs code that a reply holds"),
    ],
)
def test_what_has_no_counterpart_is_refused_with_the_reason(
    tmp_path: Path, key: str, says: str
) -> None:
    (tmp_path / "theirs.yaml").write_text(f"{key}\nuser: '{{problem}}'\n")
    files = {"answers/math": str(tmp_path / "theirs.yaml")}
    with pytest.raises(RecipeError, match="is not used here: ") as caught:
        load_prompts(PromptConfig(dir="default", files=files), RECIPES)
    assert says in str(caught.value)


@pytest.mark.parametrize(("step", "kind"), CASES)
def test_the_shipped_examples_are_what_they_ask_for(step: str, kind: str) -> None:
    for example in prompt_set("small").get(step, kind).examples:  # type: ignore[arg-type]
        user, reply = example.user, dict(example.reply)
        options = user.get("options", ())
        assert all(isinstance(option, str) for option in options)
        shape = shape_of(
            kind,  # type: ignore[arg-type]
            question=user["question"],
            context=user.get("context", ""),
            options=options,
            classes=user.get("classes", False),
            checks=user.get("checks", ()),
        )
        if step == "questions":
            assert conform(reply, question_schema(shape, {})) == {
                key: value if not isinstance(value, str) else value.strip()
                for key, value in reply.items()
            }
            assert overlap(reply["question"], user["question"]) < 0.5 or user.get("context")
            assert user["topic"]
            if options:
                assert user["answer"] in options
                written = [
                    normalise(text) for text in (reply["answer"], *reply.get("distractors", ()))
                ]
                assert len(set(written)) == len(written)
            if kind == "code":
                assert check_code(reply["question"], reply["checks"], reply["answer"]) is None
            if kind == "json":
                assert check_json(reply["schema"], reply["answer"]) is None
            if kind == "text" and user.get("checks"):
                written = renewed(user["checks"], reply["rules"])
                assert written != tuple(user["checks"])
                for part, checks in ((user, tuple(user["checks"])), (reply, written)):
                    assert unsaid(checks, part["question"]) == ""
                    assert broken_instruction(part["answer"], checks) == ""
        if step == "answers" and options:
            assert reply["answer"] in options
        if step == "enrich":
            wrong = [option for option in options if option != user["answer"]]
            assert not isinstance(conform(reply, enrich_schema(wrong, reasoning=True)), Flaw)
        assert as_text(reply.get("answer", "x")).strip()


def test_the_code_of_the_examples_passes_its_own_checks() -> None:
    for example in prompt_set("small").get("questions", "code").examples:
        for part in (example.user, example.reply):
            space: dict[str, object] = {}
            exec(part["answer"], space)
            for check in part["checks"]:
                exec(check, space)


def test_a_single_file_replaces_that_of_the_set(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("system: Mine.\nuser: Ask about {topic}", encoding="utf-8")
    config = PromptConfig(dir="default", files={"questions/choice": str(mine)})
    prompts = load_prompts(config, RECIPES)
    assert prompts.get("questions", "choice").system == "Mine."
    assert (
        prompts.get("questions", "choice").examples
        == prompt_set().get("questions", "choice").examples
    )
    assert prompts.get("questions", "choice").hash != prompt_set().get("questions", "choice").hash
    assert prompts.get("questions", "number").hash == prompt_set().get("questions", "number").hash


def test_other_examples_make_another_hash(folder: Path) -> None:
    path = folder / "examples" / "answers" / "choice.yaml"
    path.parent.mkdir(parents=True)
    shutil.copy(RECIPES / "prompt" / "small" / "examples" / "answers" / "choice.yaml", path)
    prompts = load_prompts(PromptConfig(dir=str(folder), files={}), RECIPES)
    assert prompts.get("answers", "choice").examples
    assert prompts.get("answers", "choice").hash != prompt_set().get("answers", "choice").hash


def test_what_the_snapshot_keeps_loads_as_the_same_set(tmp_path: Path) -> None:
    for name, text in prompt_set().texts().items():
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    again = load_prompts(PromptConfig(dir=str(tmp_path), files={}), RECIPES)
    assert again.hashes() == prompt_set().hashes()


def test_examples_within_the_prompt_are_written_through_the_template(folder: Path) -> None:
    path = folder / "answers" / "number.yaml"
    path.write_text(
        "user: |-\n  {examples}\n\n  Now: {question}\n"
        "few_shot_examples:\n  prefix: 'Like this: '\n  template: '[{question} => {response}]'\n  "
        "suffix: ' End.'\n",
        encoding="utf-8",
    )
    prompt = load_prompts(PromptConfig(dir=str(folder), files={}), RECIPES).get("answers", "number")
    fields = dict.fromkeys(FIELDS["answers"], "") | {"question": "Q"}
    shot = fields | {"question": "E"}
    assert prompt.turns(fields, [(shot, "7")]) == [
        {"role": "user", "content": "Like this: [E => 7] End.\n\nNow: Q"},
    ]
    assert prompt.turns(fields, []) == [{"role": "user", "content": "Now: Q"}]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("questions/choice.yaml", None, "questions/choice.yaml: no such prompt file"),
        (
            "questions/choice.yaml",
            "user: |-\n  Ask {qestion}\n",
            "choice.yaml:2: unknown field {qestion}; allowed: {lang",
        ),
        (
            "questions/choice.yaml",
            "user: '{question!r}'",
            "choice.yaml:1: unknown field {question} with a format",
        ),
        (
            "questions/choice.yaml",
            "user: '{question.x}'",
            "choice.yaml:1: unknown field {question.x}",
        ),
        ("questions/choice.yaml", "user: '{}'", "choice.yaml:1: unknown field {}"),
        (
            "questions/choice.yaml",
            "user: 'a { b'",
            "choice.yaml: expected '}' before end of string; a brace that is no field",
        ),
        ("questions/choice.yaml", "\nuser: [a\n", "choice.yaml:3: not YAML"),
        (
            "questions/choice.yaml",
            "- user",
            "choice.yaml:1: found list; allowed: keys system, user, few_shot",
        ),
        (
            "questions/choice.yaml",
            "user: a\nusr: b",
            "choice.yaml:2: unknown key 'usr'; allowed: system, user, few_shot",
        ),
        ("questions/choice.yaml", "system: a", "choice.yaml:1: key 'user' is missing"),
        (
            "questions/choice.yaml",
            "system: [a]\nuser: b",
            "choice.yaml:1: 'system' is list; allowed: text",
        ),
        (
            "questions/choice.yaml",
            "system: About {topic}\nuser: b",
            "choice.yaml:1: field {topic} in 'system'",
        ),
        (
            "questions/choice.yaml",
            "user: '{examples}'",
            "choice.yaml:1: {examples} needs few_shot_examples.template",
        ),
        (
            "questions/choice.yaml",
            "user: a\nfew_shot_examples:\n  retriever: b",
            "choice.yaml:3: unknown key 'retriever'",
        ),
        (
            "answers/choice.yaml",
            "user: 'The answer is {answer}'",
            "choice.yaml:1: unknown field {answer}",
        ),
        ("examples/answers/choice.yaml", "", "choice.yaml:1: found an empty file; allowed: a list"),
        (
            "examples/answers/choice.yaml",
            "- user: {question: a}",
            "choice.yaml: example 1: allowed: the keys user and reply",
        ),
        (
            "examples/answers/choice.yaml",
            "- user: {question: a}\n  reply: {answer: b}",
            "choice.yaml: example 1: missing reply.reasoning",
        ),
        (
            "examples/answers/choice.yaml",
            "- user: {question: a, topic: t}\n  reply: {answer: b, reasoning: c}",
            "choice.yaml: example 1: user has question, topic; allowed: language",
        ),
    ],
)
def test_a_mistake_is_one_line_that_says_where(
    folder: Path, file: str, text: str | None, message: str
) -> None:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink() if text is None else path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        load(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "questions" / "choice.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match=r"choice\.yaml: cannot be read as UTF-8 text"):
        load(folder)


def test_names_that_do_not_exist_are_refused_with_those_that_do(folder: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"prompt\.files: unknown prompt 'questions/chioce'; allowed: STEP/KIND"
    ):
        load(folder, **{"questions/chioce": "x"})
    with pytest.raises(
        RecipeError,
        match=r"prompt\.dir: no folder .*nope; allowed: .*default, rqa, rqa_small, small",
    ):
        load(Path("nope"))


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("options: [", "options: 5 #", "user.options is int; allowed: a list of texts"),
        ("distractors: [", "distractors: x #", "reply.distractors is str"),
        ("question: ", "question: 2020-01-01 #", "user.question is date"),
        ("answer: ", "answer: .nan #", "user.answer is float"),
        ("question: ", "question: 2020-99-99 #", "not YAML"),
    ],
)
def test_an_example_of_the_wrong_form_is_one_line_before_anything_starts(
    folder: Path, old: str, new: str, part: str
) -> None:
    path = folder / "examples/questions/choice.yaml"
    shutil.copytree(RECIPES / "prompt/small/examples/questions", path.parent)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(RecipeError) as caught:
        load_prompts(PromptConfig(dir=str(folder), files={}), folder)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert part in str(caught.value)
