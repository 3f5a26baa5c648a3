"""From a request to seeds: which tasks, which of their rows, and how many of each.

Begin with ``collect``. ``selection`` turns the request into splits to read, and ``expectation``
says what to expect of them. ``triage`` judges their rows in several processes (``workers``), with
what ``doubts`` knows against them, and ``good_rows`` holds the good ones. ``quotas`` (with
``quota_dealing``) says how many of them each task gives. ``rotation`` shares quotas in turn.
"""
