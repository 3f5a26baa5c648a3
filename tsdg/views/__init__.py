"""Prints results as tables and lines, or as ``--json``; nothing here changes a run.

Each module shows what one command found; ``tsdg/run``, ``tsdg/launch`` and others work it out.
"""
