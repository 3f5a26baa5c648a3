"""``report.html``: one file that works offline and shows a run's results and rows.

``facts`` counts, ``browse`` chooses the rows to read, ``page`` puts both into the page; the page's
own parts lie in ``static/``. ``beside`` shows several runs in a page of their own.
"""
