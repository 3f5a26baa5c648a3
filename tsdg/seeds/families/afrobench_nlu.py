"""AfroBench: news, requests, tweets and film reviews in African languages.

lm-eval has five English prompts for each row. Here a row is one seed.

Hub paths ``masakhane/masakhanews`` (AFL-3.0), ``masakhane/InjongoIntent``, ``masakhane/afrisenti``
and ``Davlan/nollysenti``, one config a language, splits train, validation and test (scored). The
questions are English, as lm-eval's are. Records::

    {"label": 1, "category": "health", "headline": "Chanjo mpya yafika", "text": "...",
     "url": "..."}
    {"intent": "play_music", "text": "Cheza wimbo wa Ana"}
    {"ID": "swa_1", "tweet": "Chakula kitamu sana", "label": "positive"}
    {"review": "Filamu nzuri", "label": "positive"}
"""

from __future__ import annotations

from tsdg.seeds.rows.phrases import phrase
from tsdg.seeds.rows.posts import said
from tsdg.seeds.rows.row_forms import classified

_WORDS = phrase("afrobench_nlu", "intent").options
FORMS = {
    "masakhane/masakhanews": classified(
        "afrobench_nlu",
        "news",
        quoted=("headline",),
        label="category",
        names=phrase("afrobench_nlu", "news").options,
    ),
    "masakhane/InjongoIntent": classified(
        "afrobench_nlu",
        "intent",
        quoted=("text",),
        label="intent",
        names=tuple(word.replace(" ", "_") for word in _WORDS),
    ),
    "masakhane/afrisenti": classified(
        "afrobench_nlu",
        "tweet",
        quoted=("tweet",),
        label="label",
        names=phrase("afrobench_nlu", "tweet").options,
        clean=said,
    ),
    "Davlan/nollysenti": classified(
        "afrobench_nlu",
        "film",
        quoted=("review",),
        label="label",
        names=phrase("afrobench_nlu", "film").options,
    ),
}
