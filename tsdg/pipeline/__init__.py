"""Carries out the stages of a run: the one place where the wings meet.

The wings are seeds, generate, verify, corpus, package, engine, serving and slurm. Begin with
``run_stages.py``.

::

    seeds ──► questions ──► (duplicates out) ──► answers ──► filter, package
    CPU       a phase                            a phase     CPU

``make_seeds``, ``phases``, ``gather`` and ``package`` each do one kind of stage; ``run_stages``
does them in order, or one of them. Each stage leaves files in the run directory and is skipped when
they are there. So the same command continues a run at any point, and finished work starts no
server.
"""
