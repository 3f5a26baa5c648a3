"""A run as an object: what should run, where it is, how far it has got and what is left.

Begin with ``prepare.py``: everything that works on a run starts from a ``Prepared``. The only thing
here that changes a run is ``take_snapshot``, and nothing here prints.

::

    prepare.py         a checked recipe, its prompts and sources, and its run directory
    state.py           which stages are done and which work units are left, from the files alone
    roles.py           which model plays which role, and where it is served
    verifiers.py       which verifier reads the answers to a question
    votes.py           whether every vote can be won
    run_plan.py        what a run would do: seeds per task, phases, requests, tokens
    estimate.py        the figures behind a plan; pure
    phase_progress.py  how far each phase is and how fast it goes
    measure_diversity.py  how varied its questions are, and how many would repeat others
    written.py         reads its seeds and questions for that
    status.py          the state of a run: its files, squeue and sacct together
    runs.py            the runs below a folder
    run_logs.py        which log says most about a stage
"""
