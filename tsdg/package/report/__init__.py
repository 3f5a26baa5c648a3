"""``report.html``.

One file, without network, in which a person sees what a run made and reads what it holds.

``facts`` counts, ``browse`` chooses the rows to read, ``page`` puts both into the page; the page's
own parts lie in ``static/``.
"""
