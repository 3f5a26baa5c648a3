"""When a held-out item counts as the same, as nearly the same, and as another one."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdg.seeds.heldout.index import COMMON, KEPT, RUN, LeakIndex, Piece, index_items
from tsdg.seeds.rows.item import Item
from tsdg.seeds.rows.keys import keys

STORY = (
    "Maya sells 14 jars of honey each morning at the market. "
    "She keeps a third of them for her sister's shop."
)
ASK = "How many jars are left when the market closes at noon?"
BEFORE = "Here is something that our teacher wrote on the board."


def index_of(
    *items: Item, dataset_path: str = "some/set", ngram: int = 8, overlap: float = 0.8
) -> LeakIndex:
    docs, runs = index_items(enumerate(keys(items)), ngram)
    piece = Piece(
        name="some/set/default/test",
        dataset_path=dataset_path,
        rows=len(items),
        docs=docs,
        runs=runs,
    )
    return LeakIndex([piece], ngram=ngram, overlap=overlap)


def found(index: LeakIndex, item: Item) -> str:
    (match,) = index.compare([item])
    return "" if match is None else "same" if match.exact else "near"


def test_an_empty_index_finds_nothing() -> None:
    index = LeakIndex([], ngram=8, overlap=0.8)
    assert index.compare([Item(question=ASK)]) == [None]
    assert (index.splits, index.rows) == ((), 0)
    assert found(index_of(), Item(question=ASK, context=STORY)) == ""


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        (f"{STORY} {ASK}", "same"),
        (f"{STORY} {ASK}".upper().replace(".", " -"), "same"),
        (f"{BEFORE} {STORY} {ASK}", "near"),
        (f"{STORY} {ASK} Explain your answer step by step to a child.", "near"),
        (
            f"{STORY.replace('each morning', 'every morning')} {ASK}",
            "",
        ),  # one word of twenty is 7 of the 14 runs
        (f"{STORY} How much does she earn by it on an ordinary day?", ""),
        (f"Tom bakes 30 loaves. {ASK}", ""),
        (ASK, "near"),  # word by word, and long enough to be no common stem
        ("How many jars are left?", ""),
    ],
)
def test_a_story_and_its_ask(question: str, wanted: str) -> None:
    assert found(index_of(Item(question=f"{STORY} {ASK}")), Item(question=question)) == wanted


def test_where_the_story_stands_does_not_matter() -> None:
    index = index_of(Item(question=ASK, context=STORY))
    assert found(index, Item(question=f"{STORY} {ASK}")) == "near"
    assert found(index, Item(question=f"{BEFORE} {STORY} {ASK}")) == "near"
    assert found(index, Item(question=ASK, context=f"{BEFORE} {STORY}")) == "near"


def test_a_long_passage_with_a_word_changed_is_nearly_the_same_one() -> None:
    words = [f"word{number}" for number in range(200)]
    index = index_of(Item(question="What is it about?", context=" ".join(words)))
    words[100] = "changed"
    assert found(index, Item(question="What is it about?", context=" ".join(words))) == "near"
    assert found(index, Item(question="What is it not about?", context=" ".join(words))) == ""
    words[::20] = ["changed"] * 10
    assert found(index, Item(question="What is it about?", context=" ".join(words))) == ""


def test_the_larger_item_may_be_the_held_out_one() -> None:
    index = index_of(Item(question=f"{BEFORE} {STORY} {ASK}"))
    assert found(index, Item(question=f"{STORY} {ASK}")) == "near"


def test_a_short_context_counts_as_well() -> None:
    """Two hypotheses may be equal; the premise tells the items apart."""
    ask = (
        "Does this follow from the text? "
        '"Capital cities are larger than the other cities of their land."'
    )
    index = index_of(Item(question=ask, context="Paris is large."))
    assert found(index, Item(question=ask, context="Bonn was small.")) == ""
    assert found(index, Item(question=ask, context="So is Rome. Paris is large.")) == "near"


OPTIONS = ("the roots of it", "the petals", "its seeds", "the bark")


def test_a_short_stem_needs_its_options() -> None:
    index = index_of(Item(question="Which part drinks?", options=OPTIONS))
    around = f"{BEFORE} Which part drinks?"
    assert found(index, Item(question=around, options=OPTIONS[::-1])) == "near"
    assert found(index, Item(question=around, options=("a stone", *OPTIONS[1:]))) == ""
    assert found(index, Item(question=around)) == ""
    assert found(index, Item(question="Which part smells?", options=OPTIONS)) == ""


def test_yes_and_no_say_nothing() -> None:
    index = index_of(Item(question="Is it hot?", options=("yes", "no")))
    assert found(index, Item(question=f"{BEFORE} Is it hot?", options=("yes", "no"))) == ""


def test_a_question_of_some_length_needs_no_options_but_bears_no_others() -> None:
    stem = "Which gas do the leaves of a flowering plant take in?"
    index = index_of(
        Item(question=stem, options=("carbon dioxide", "oxygen", "nitrogen", "helium"))
    )
    assert found(index, Item(question=f"{BEFORE} {stem}")) == "near"
    assert (
        found(
            index,
            Item(
                question=f"{BEFORE} {stem}", options=("warm air", "cold air", "wet air", "old air")
            ),
        )
        == ""
    )


def test_templates_are_no_evidence() -> None:
    template = "Which of the following is the best example of what people usually call a"
    many = [Item(question=f"{template} thing number {number}?") for number in range(COMMON + 1)]
    assert found(index_of(*many), Item(question=f"{template} wholly different matter?")) == ""
    assert found(index_of(*many), many[5]) == "same"
    assert found(index_of(*many[:3]), Item(question=f"{template} matter?")) == "near"


def test_items_that_only_their_options_tell_apart() -> None:
    def pair(*options: str) -> Item:
        return Item(
            question="Which of the two is more pleasant to the one who tells it?",
            options=options,
            by_options=True,
        )

    one, two = (
        "I found a coin on my way to school this morning.",
        "I lost my only coat on the bus to the sea today.",
    )
    index = index_of(pair(one, two))
    assert found(index, pair(two, one)) == "same"
    assert found(index, pair(one, f"{two} It rained.")) == "near"
    assert found(index, pair(one, "I lost a shoe.")) == ""


def test_the_match_says_where_and_how_much() -> None:
    index = index_of(
        Item(question="Another one, to be the first?"), Item(question=f"{STORY} {ASK}")
    )
    (match,) = index.compare([Item(question=f"{BEFORE} {STORY} {ASK}")])
    assert str(match) == "has 18 of the 18 runs of 8 words of some/set/default/test row 1"
    (match,) = index.compare([Item(question=f"{STORY} {ASK}")])
    assert str(match) == "also in some/set/default/test row 1"


def test_of_a_long_text_a_fixed_number_of_runs_is_kept_and_is_fair() -> None:
    draw = random.Random(0)
    words = [f"w{draw.randrange(10**6)}" for _ in range(20_000)]
    docs, runs = index_items(enumerate(keys([Item(question="What?", context=" ".join(words))])), 8)
    assert runs.nbytes == KEPT * RUN.itemsize
    assert docs["runs"][0].tolist() == [0, 20_000 - 7]
    index = LeakIndex(
        [Piece(name="x", dataset_path="x", rows=1, docs=docs, runs=runs)], ngram=8, overlap=0.8
    )
    assert found(index, Item(question="What?", context=" ".join(words[:18_000]))) == "near"
    assert (
        found(index, Item(question="What?", context=" ".join(words[:14_000]))) == "near"
    )  # it stands in the other
    assert (
        found(index, Item(question="What?", context=" ".join(words[:10_000] + words[:10_000:-1])))
        == ""
    )


WORDS = st.lists(st.sampled_from(["ab", "cd", "ef", "gh", "ij", "kl"]), max_size=14).map(" ".join)
ITEMS = st.builds(
    Item, question=WORDS, context=WORDS, options=st.lists(WORDS, max_size=3).map(tuple)
)


@settings(max_examples=2 * settings.default.max_examples)
@given(st.lists(ITEMS, max_size=5), st.lists(ITEMS, max_size=5))
def test_a_batch_finds_what_its_items_find_one_by_one(held: list[Item], items: list[Item]) -> None:
    index = index_of(*held, ngram=3)
    assert index.compare(items) == [index.compare([item])[0] for item in items]
    for item, compared in zip(held, keys(held), strict=True):
        if len(compared.ask + compared.story) > 60:
            assert found(index, item) == "same"
