"""Runs a phase: many processes share its work units, and nothing is lost when one is killed.

It knows nothing of prompts or servers. Begin with ``phase.py``, the way in.

::

    phase.py, phase_job.py      the entry, and what it needs to know
    worker.py                   one process at work: claims units, runs rows, commits
    units.py, unit_store.py     how the input is cut, and the files of a unit
    unit_picker.py              which unit to claim next
    leases.py, owner.py         who works on what; slurm.py asks whether an owner's job is over
    open_unit.py                a unit while this process works on it
    scheduler.py, inflight.py   which requests are sent, and how many at a time
    congestion.py               the limit on requests, from the replicas' own metrics
    journal.py                  replies on disk before they count
    commit.py                   finished units as parts
    standby.py, handover.py     which idle workers stay at the end, and what they are given
    worker_report.py, budget.py what a worker reports, and the caps of the run
"""
