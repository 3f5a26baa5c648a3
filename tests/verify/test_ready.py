"""A run's verifiers are checked before anything is generated; overrides must fit."""

from __future__ import annotations

import pytest

from tsdg.config.verifier_name import BUILT_IN
from tsdg.errors import MachineError
from tsdg.records import ANSWER_KINDS
from tsdg.verify import check_ready, sandbox, verifier_for, verifiers_of


def test_every_kind_is_read_by_its_own_verifier_first() -> None:
    for kind in ANSWER_KINDS:
        names = verifiers_of(kind)
        assert names[0] == kind
        assert verifier_for(kind).kind == kind
        for name in names:
            assert verifier_for(name).method
    assert verifiers_of("code") == ("code", "code_text")
    assert verifiers_of("text") == (
        "text",
        "short_text",
    )  # ifeval is for families with instructions


def test_every_name_has_its_verifier() -> None:
    assert {name: verifier_for(name).kind for name in BUILT_IN} == {
        **{kind: kind for kind in ANSWER_KINDS},
        "code_text": "code",
        "ifeval": "text",
    }


def test_only_code_that_is_run_needs_a_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    sandbox.find_sandbox.cache_clear()
    check_ready(["choice", "number", "code_text"])
    with pytest.raises(MachineError, match=r"no sandbox .*filter\.verifiers=\{FAMILY: code_text\}"):
        check_ready(["choice", "code"])
    sandbox.find_sandbox.cache_clear()
