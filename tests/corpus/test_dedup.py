from tsdg.corpus.dedup import item_digest


def test_the_same_item_has_the_same_digest() -> None:
    first = item_digest("Which part takes up water?", "", ("the roots", "the bark"))
    assert item_digest("which part takes up WATER", "", ("The Bark", "the roots.")) == first
    assert item_digest("Which part takes up water?", "", ("the roots", "the seeds")) != first
    assert (
        item_digest("Which part takes up water?", "A passage.", ("the roots", "the bark")) != first
    )
    assert item_digest("Which part takes up water?", "", ()) != first


def test_parts_do_not_run_into_each_other() -> None:
    assert item_digest("a b", "c", ()) != item_digest("a", "b c", ())
    assert item_digest("a\x1fb", "", ()) != item_digest("a", "b", ())
    assert item_digest("q", "", ("a", "b")) != item_digest("q", "", ("a b",))
    assert item_digest("q", "a", ()) != item_digest("q", "", ("a",))


def test_chinese_questions_differ() -> None:
    stems = ["水是什么？", "冰是什么？", "火是什么？"]
    assert len({item_digest(stem, "", ()) for stem in stems}) == 3


def test_a_lone_surrogate_does_no_harm() -> None:
    assert item_digest("a \ud800 b", "", ()) == item_digest("a b", "", ())
