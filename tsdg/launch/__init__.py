"""A run as jobs of a Slurm cluster, submitted through NeMo-Run.

Knows recipes, run directories and Slurm, no stages.

::

    cluster.py    cluster_configs/NAME.yaml, in NeMo-Skills' format
    plan.py       recipe + cluster → jobs: arrays, nodes, GPUs, dependencies; pure
    ship.py       what the nodes need, in the run directory: code, job scripts, environment
    nemorun.py    jobs → NeMo-Run, with its limits worked around, each in one place
    jobs.py       RUN/launch/jobs.json: what was submitted
    submit.py     all of it in order
    remote.py     Slurm's commands, here or over ssh
    queue.py      the text of squeue and sacct, put together; pure
    watch.py      asks both at once
    logs.py       which log tells of a job
    cancel.py     ends all jobs of a run
    away.py       the same command where a run's files are, over ssh
    preflight.py  whether a cluster is fit
    evaluate.py   lm-eval on a trained model, a job per group
"""
