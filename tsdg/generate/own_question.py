"""A seed as a question: what the solver is asked, and what a new question takes over."""

from __future__ import annotations

from tsdg.records import Plan, Provenance, Question, Seed


def question_of(seed: Seed, *, question_id: str, plan: Plan, provenance: Provenance) -> Question:
    """Return a seed's own text as a question; a writer replaces in it what is written anew."""
    return Question(
        question_id=question_id,
        seed_ids=(seed.seed_id,),
        group=seed.group,
        family=seed.family,
        task=seed.task,
        domain=seed.domain,
        language=seed.language,
        licence=seed.licence,
        answer_kind=seed.answer_kind,
        question=seed.question,
        context=seed.context,
        options=seed.options,
        classes=seed.classes,
        claimed_answer=seed.answer,
        checks=seed.checks,
        plan=plan,
        provenance=provenance,
    )
