"""Stages 1 to 5, wired: the one place where the wings meet.

The wings are seeds, generation, verification, corpus, package, engine and serving.

::

    seeds ──► questions ──► (duplicates out) ──► answers ──► filter, package
    CPU       a phase                            a phase     CPU

``prepare`` checks a recipe and finds its run directory; ``seeds``, ``phases``, ``gather`` and
``package`` hold what each kind of stage does; ``run`` does them in order, or one of them. Each
stage leaves files in the run directory and is skipped when they are there, so that the same command
continues a run at any point, and finished work starts no server.
"""
