"""From a request to seeds: which tasks, which of their rows, and how many of each.

Begin with ``collect``. ``selection`` turns the request into splits to read, ``triage`` sorts their
rows in several processes (``workers``), ``good_rows`` holds what is good, and ``quotas`` (with
``quota_dealing``) says how many of it each task gets. ``rotation`` shares quotas in turn.
"""
