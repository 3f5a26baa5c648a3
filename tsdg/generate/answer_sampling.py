"""Rounds of answer samples: how they are requested, read and tested.

Options are shown in another order each time, so that a liking for a position cancels. Samples with
the same prompt go out as one request with ``n`` completions; others are requests of their own, each
with its own seed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from tsdg.config.recipe import AnswersConfig
from tsdg.errors import PermanentError
from tsdg.generate.answer_case import Case
from tsdg.generate.answer_forms import AnswerForm, solution_form
from tsdg.generate.answer_samples import Draw, proven, read_round
from tsdg.generate.aside import MOST, aside
from tsdg.generate.checks import is_closing
from tsdg.generate.draws import number, permutation
from tsdg.generate.fields import as_fields, language_name, shots, window
from tsdg.generate.prompts import FIELDS
from tsdg.generate.requests import chat_request, length, together, try_ask
from tsdg.protocols import Asked, Request, is_quick, proves
from tsdg.records import Question


class Sampler:
    """Draws samples of a question. Holds no state."""

    def __init__(self, *, config: AnswersConfig, seed: int) -> None:
        self._config = config
        self._seed = seed

    async def draw_round(self, case: Case, size: int) -> bool:
        """Draw and read further samples; return whether all their requests failed."""
        first = len(case.earlier) + len(case.drawn)
        draws = [self._draw(case, sample) for sample in range(first, first + size)]
        groups = [
            list(group)
            for _, group in itertools.groupby(draws, key=lambda d: (d.turns, d.form.constraint))
        ]
        requests = [self._request(case, group) for group in groups]
        came = await together([try_ask(case.ask, request) for request in requests])
        case.replies.extend(came)
        fresh = await aside(
            read_round,
            case.question,
            list(zip(groups, requests, came, strict=True)),
            case.verifier,
            quick=is_quick(case.verifier, "read") and length(came) <= MOST,
        )
        if proves(case.verifier):
            fresh = await proven(fresh, case.verifier)
        if case.second:
            fresh = [replace(item, row=replace(item.row, solver=case.role)) for item in fresh]
        case.drawn.extend(fresh)
        return all(isinstance(reply, PermanentError) for reply in came)

    def _draw(self, case: Case, sample: int) -> Draw:
        question, config = case.question, self._config
        order = self._order(question, sample)
        shown = tuple(question.options[index] for index in order)
        choices = shown or case.choices
        form = solution_form(
            config,
            question.answer_kind,
            options=choices,
            checks=question.checks,
            shown="{reply}" in case.prompt.user,
        )
        return Draw(
            sample=sample,
            turns=self._turns(case, sample, form, shown),
            form=form,
            asked=Asked(
                question=question.question,
                context=question.context,
                options=choices,
                checks=question.checks,
            ),
            option_order=order,
        )

    def _order(self, question: Question, sample: int) -> tuple[int, ...]:
        """Position shown → index of the option; empty where no options are shown."""
        if not (self._config.show_options and question.options):
            return ()
        places = permutation(len(question.options), "order", self._seed, question.question_id)
        # Turned by one place per sample, each option stands in each place equally often, "none of
        # these" too: a liking for the last place must not win.
        turn = sample % len(places)
        return places[turn:] + places[:turn]

    def _turns(
        self, case: Case, sample: int, form: AnswerForm, shown: tuple[str, ...]
    ) -> list[dict[str, str]]:
        """The chat turns of one sample, with the options in the order shown."""
        question, config, prompt = case.question, self._config, case.prompt
        sketch = form.sketch()
        values = {
            "language": language_name(question.language),
            "domain": question.domain,
            "question": question.question,
            "context": question.context,
            "options": shown,
            "written": language_name(question.language) if form.reasoning else "",
            "closing": tuple(option for option in shown if is_closing(option)),
            # One call shows the order of the arguments; the other assertions stay hidden tests.
            "checks": question.checks[:1],
            "reply": sketch,
        }
        turn = (
            number("answer shots", self._seed, question.question_id) + sample
            if config.few_shot
            else 0
        )
        examples = window(
            prompt.examples,
            question.answer_kind,
            case.shape,
            question.language,
            config.few_shot,
            turn,
        )
        names = FIELDS["answers"]
        hide = () if config.show_options else ("options",)
        return prompt.turns(
            as_fields(values, names),
            shots(examples, names, hide=hide, sketch=sketch, reply=form.write),
        )

    def _request(self, case: Case, group: Sequence[Draw]) -> Request:
        return chat_request(
            model=case.solver,
            turns=group[0].turns,
            sampling=case.sampling,
            seed=number("answers", self._seed, case.question.question_id, group[0].sample),
            samples=len(group),
            form=group[0].form.constraint,
        )
