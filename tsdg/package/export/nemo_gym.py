r"""Questions with verifiable answers, for reinforcement learning with NeMo Gym.

::

    <server>/difficulty-<n>.jsonl    by the resources server that can verify the answers, and by
                                     difficulty 1 to 5 (``unknown`` where no plan says it)

A line has ``responses_create_params`` (the question as a user turn), ``expected_answer``, what its
server needs (``options``, ``schema_str``, ``verifier_metadata.unit_tests`` ...), ``agent_ref``, and
``verifier``: the name of tsdg's own verifier, and what it compares by. Only questions are written
whose answer a vote or a test verified; what a model merely judged is not among them.
"""

from __future__ import annotations

import ast
import json
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from typing import Any

import pyarrow as pa
import yaml

from tsdg.package.export.files import LineFiles, Pattern, write_folder_card
from tsdg.package.export.source import Export, Exported, packaged_pairs
from tsdg.package.render import HERE
from tsdg.records import Question, Solution

_YES_NO = (("yes", "no"), ("true", "false"))
_LABELS = ("group", "family", "task", "domain", "language", "licence")
_TEXTS, _TURN = pa.list_(pa.string()), pa.struct([("role", pa.string()), ("content", pa.string())])
_SHARED = [
    ("responses_create_params", pa.struct([("input", pa.list_(_TURN))])),
    ("expected_answer", pa.string()),
    (
        "verifier",
        pa.struct([("name", pa.string()), ("server", pa.string()), ("tolerance", pa.float64())]),
    ),
    ("agent_ref", pa.struct([("type", pa.string()), ("name", pa.string())])),
    ("uuid", pa.string()),
    *((name, pa.int64()) for name in ("difficulty", "votes", "samples")),
    *((name, pa.string()) for name in _LABELS),
]
_TESTS = pa.struct([("inputs", _TEXTS), ("outputs", _TEXTS), ("fn_name", pa.string())])
_NEEDS: Mapping[str, Sequence[tuple[str, pa.DataType]]] = {
    "mcqa": [
        ("options", pa.list_(pa.struct([(one, pa.string()) for one in string.ascii_uppercase]))),
        ("answer_text", pa.string()),
        ("grading_mode", pa.string()),
    ],
    "math_with_judge": [("question", pa.string())],
    "equivalence_llm_judge": [("question", pa.string())],
    "code_gen": [
        ("verifier_metadata", pa.struct([("unit_tests", _TESTS), ("assertions", _TEXTS)]))
    ],
    "python_assertions": [("verifier_metadata", pa.struct([("assertions", _TEXTS)]))],
    "structured_outputs": [("schema_str", pa.string())],
}
"""Columns of their own, for ``load_dataset``; arguments of instructions have no common form."""
_SERVERS: Mapping[str, str] = {
    "number": "math_with_judge",
    "math": "math_with_judge",
    **dict.fromkeys(("choice", "boolean", "short_text"), "equivalence_llm_judge"),
}
"""Answer kind → the server that compares free answers of it."""
Asked = tuple[str, str, dict[str, Any]]
"""Server, the question as the user's turn has it, and what the server needs."""


@cache
def table() -> Mapping[str, Any]:
    """The servers, and by what numbers are compared."""
    loaded: dict[str, Any] = yaml.safe_load((HERE / "data" / "nemo_gym.yaml").read_text("utf-8"))
    return loaded


def nemo_gym(export: Export) -> Exported:
    """Write the lines of each server and difficulty; say what was left out."""
    left_out: Counter[str] = Counter()
    written: Counter[str] = Counter()
    with ExitStack() as stack:
        files = LineFiles(stack)
        for question, solution in packaged_pairs(export):
            row = line(question, solution)
            if isinstance(row, str):
                left_out[row] += 1
                continue
            difficulty = question.plan.difficulty or "unknown"
            folder = export.out / row["verifier"]["server"]
            files.add(folder / f"difficulty-{difficulty}.jsonl", row)
            written[row["verifier"]["server"]] += 1
    write_folder_card(
        export.out,
        {
            server: Pattern(
                pattern=f"{server}/*.jsonl", schema=pa.schema([*_SHARED, *_NEEDS[server]])
            )
            for server in sorted(written)
            if server in _NEEDS
        },
        "Questions with verifiable answers, by the resources server of NeMo Gym that verifies them "
        "and by difficulty.",
    )
    return Exported(
        rows=written.total(),
        said=tuple(f"left out: {count:,} {why}" for why, count in sorted(left_out.items())),
    )


def line(question: Question, solution: Solution) -> dict[str, Any] | str:
    """One line of a training set, or why the question has none."""
    if not verified(solution.verification.method):
        return "whose answer nothing verified"
    asked = _asked(question, solution)
    if asked is None:
        return "of free text, which nothing can verify"
    server, content, needs = asked
    agent, asks = table()["servers"][server]["agent"], table()["servers"][server]["asks"]
    turn = "\n\n".join(part for part in (content, asks, needs.get("schema_str", "")) if part)
    verifier = {
        "name": question.answer_kind,
        "server": server,
        "tolerance": table()["number_tolerance"] if question.answer_kind == "number" else 0.0,
    }
    return {
        "responses_create_params": {"input": [{"role": "user", "content": turn}]},
        "expected_answer": solution.answer,
        **needs,
        "verifier": verifier,
        **({"agent_ref": {"type": "responses_api_agents", "name": agent}} if agent else {}),
        "uuid": question.question_id,
        "difficulty": question.plan.difficulty,
        "votes": solution.verification.votes,
        "samples": solution.verification.samples,
        **{name: getattr(question, name) for name in _LABELS},
    }


def verified(method: str) -> bool:
    """Whether a vote or a test stands behind an answer, and not a judge's liking alone.

    >>> [verified(one) for one in ("vote", "none", "judge, best of 4", "tests, then judge")]
    [True, False, False, True]
    """
    return method != "none" and not method.startswith("judge")


def _asked(question: Question, solution: Solution) -> Asked | None:
    """How a question is asked and verified; None where nothing can verify its kind."""
    whole = "\n\n".join(
        part.strip() for part in (question.context, question.question) if part.strip()
    )
    kind = question.answer_kind
    if kind in ("choice", "boolean"):
        options = question.options or _yes_no(question, solution)
        if solution.answer in options and len(options) <= len(string.ascii_uppercase):
            return _choice(whole, options, solution.answer)
    if kind in _SERVERS:
        return _SERVERS[kind], whole, {"question": whole}
    return _checked(whole, question) if question.checks else None


def _checked(whole: str, question: Question) -> Asked | None:
    """How a question is verified by its checks."""
    match question.answer_kind:
        case "code":
            return _code(whole, question.checks)
        case "json":
            return "structured_outputs", whole, {"schema_str": question.checks[0]}
        case "text":
            return _instructions(whole, question)
    return None


def _yes_no(question: Question, solution: Solution) -> tuple[str, ...]:
    if question.answer_kind != "boolean":
        return ()
    return next((pair for pair in _YES_NO if solution.answer in pair), ())


def _choice(whole: str, options: Sequence[str], answer: str) -> Asked:
    lettered = list(zip(string.ascii_uppercase, options, strict=False))
    shown = "\n".join(f"{letter}: {option.strip()}" for letter, option in lettered)
    letter = next(letter for letter, option in lettered if option == answer)
    return (
        "mcqa",
        f"{whole}\n\n{shown}",
        {
            "options": [{letter: option} for letter, option in lettered],
            "expected_answer": letter,
            "answer_text": answer,
            "grading_mode": "strict_single_letter_boxed",
        },
    )


def _instructions(whole: str, question: Question) -> Asked:
    checks = [json.loads(check) for check in question.checks]
    return (
        "instruction_following",
        whole,
        {
            "id": int(question.question_id[:12], 16),
            "prompt": whole,
            "instruction_id_list": [check["id"] for check in checks],
            "kwargs": [
                {name: value for name, value in check.items() if name != "id"} for check in checks
            ],
            "grading_mode": "binary",
        },
    )


def _code(whole: str, checks: Sequence[str]) -> Asked:
    """Calls with their results where all assertions are such; else the assertions themselves."""
    calls = [call for check in checks for call in calls_of(check)]
    names = {name for name, _, _ in calls}
    assertions = list(checks)
    if len(names) != 1 or len(calls) != sum(_asserts(check) for check in checks):
        return "python_assertions", whole, {"verifier_metadata": {"assertions": assertions}}
    tests = {
        "inputs": [given for _, given, _ in calls],
        "outputs": [result for _, _, result in calls],
        "fn_name": names.pop(),
    }
    return "code_gen", whole, {"verifier_metadata": {"unit_tests": tests, "assertions": assertions}}


def _asserts(check: str) -> int:
    """How many statements an assertion's text has."""
    try:
        return len(ast.parse(check).body)
    except (SyntaxError, ValueError):
        return 1


def calls_of(check: str) -> list[tuple[str, str, str]]:
    r"""The calls that assertions compare with a value: name, arguments and result as JSON lines.

    >>> calls_of("assert add(1, [2]) == [3]")
    [('add', '1\n[2]', '[3]')]
    >>> calls_of("assert is_sorted(f(x))"), calls_of("assert f((1, 2)) == 3")
    ([], [])
    """
    try:
        statements = ast.parse(check).body
    except (SyntaxError, ValueError):
        return []
    return [found for statement in statements if (found := _call_of(statement))]


def _call_of(statement: ast.stmt) -> tuple[str, str, str] | None:
    match statement:
        case ast.Assert(
            test=ast.Compare(
                left=ast.Call(func=ast.Name(id=name), args=args, keywords=[]),
                ops=[ast.Eq()],
                comparators=[result],
            )
        ):
            try:
                values = [ast.literal_eval(node) for node in (*args, result)]
            except ValueError:
                return None
            texts = [json.dumps(value, ensure_ascii=False) for value in values if _plain(value)]
            if len(texts) == len(values):
                return name, "\n".join(texts[:-1]), texts[-1]
    return None


def _plain(value: object) -> bool:
    """Whether JSON gives a value back as it was: no tuples, sets, or keys that are no texts."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False
