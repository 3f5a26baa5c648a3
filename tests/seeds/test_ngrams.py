from hypothesis import given
from hypothesis import strategies as st

from tsdg.seeds.heldout.ngrams import Runs
from tsdg.seeds.rows.keys import plain


def runs_of(text: str, size: int) -> list[int]:
    return Runs([plain(text)], size).hashes.tolist()


def test_a_run_is_so_many_words() -> None:
    assert len(runs_of("one two three four five", 3)) == 3
    assert len(runs_of("one two three", 3)) == 1
    assert runs_of("one two", 3) == []
    assert runs_of("", 3) == []


def test_runs_are_the_same_wherever_they_stand_and_however_they_are_written() -> None:
    inner = set(runs_of("the quick brown fox jumps", 3))
    assert inner < set(runs_of("Yesterday, THE QUICK (brown) fox -- jumps; over it", 3))
    assert not inner & set(runs_of("fox the brown quick jumps", 3))


def test_scripts_without_spaces_are_counted_by_characters() -> None:
    assert len(runs_of("光合作用需要什么东西才能进行", 8)) == 14 - 12 + 1
    assert runs_of("光合作用需要什么东西", 8) == []
    thai = "การสังเคราะห์ด้วยแสงต้องการอะไรบ้าง"
    assert len(runs_of(thai, 8)) == len(thai) - 24 + 1
    mixed = runs_of("CO2 needs 光合作用需要什么东西才能 and water too", 2)
    assert set(runs_of("光合作用需要什么东西才能", 2)) < set(mixed)


def test_a_number_is_not_another_one() -> None:
    assert not set(runs_of("it was 1.5 metres", 3)) & set(runs_of("it was 15 metres", 3))


TEXTS = st.lists(st.text(alphabet="ab 光ก", max_size=12), max_size=6)


@given(TEXTS, st.integers(min_value=1, max_value=4))
def test_a_batch_gives_what_its_texts_give_one_by_one(texts: list[str], size: int) -> None:
    batch = Runs(texts, size)
    for number, text in enumerate(texts):
        alone = Runs([text], size)
        assert batch.hashes[batch.owners == number].tolist() == alone.hashes.tolist()
        assert (batch.whole[number], batch.length[number]) == (alone.whole[0], alone.length[0])


@given(
    st.text(alphabet="abc ", max_size=12),
    st.text(alphabet="abc ", max_size=6),
    st.text(alphabet="abc ", max_size=6),
)
def test_a_text_stands_in_another_from_the_beginning_of_a_word_on(
    inner: str, before: str, after: str
) -> None:
    outer = Runs([f"{before} {inner} {after}"], 2)
    one = Runs([inner], 2)
    assert outer.stands_in(0, int(one.whole[0]), int(one.length[0])) or not inner.strip()
    other = Runs([inner + "x"], 2)
    assert not outer.stands_in(0, int(other.whole[0]), int(other.length[0]))
