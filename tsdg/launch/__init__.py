"""Runs as jobs of a Slurm cluster, submitted through NeMo-Run. Begin with ``launch_run.py``.

::

    job_plan.py      recipe + cluster → jobs: arrays, nodes, GPUs, dependencies; pure
    ship.py          what the nodes need, in the run directory: code, job scripts, environment
    nemorun.py       jobs → NeMo-Run, with its limits worked around, each in one place
    launch_run.py    launches a run, what is left of it, or a replay; with its canary
    submit.py        checks, files, jobs and record of one launch, in order
    cancel.py        ends all jobs of a run
    fitness.py       `tsdg doctor`: whether this machine and a recipe are fit
    preflight.py     the same for a cluster
    evaluate.py      lm-eval on a trained model, a job per group
"""
