"""A run as jobs of a Slurm cluster, submitted through NeMo-Run. Begin with ``submit.py``.

::

    job_plan.py      recipe + cluster → jobs: arrays, nodes, GPUs, dependencies; pure
    ship.py          what the nodes need, in the run directory: code, job scripts, environment
    nemorun.py       jobs → NeMo-Run, with its limits worked around, each in one place
    submit.py        all of it in order
    cancel.py        ends all jobs of a run
    run_over_ssh.py  the same command where a run's files are, over ssh
    preflight.py     whether a cluster is fit
    evaluate.py      lm-eval on a trained model, a job per group
"""
