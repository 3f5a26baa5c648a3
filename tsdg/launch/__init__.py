"""A run as jobs of a Slurm cluster, submitted through NeMo-Run: knows recipes, run directories and Slurm, no stages.

::

    cluster.py    cluster_configs/NAME.yaml, in NeMo-Skills' format
    plan.py       recipe + cluster → jobs: arrays, nodes, GPUs, dependencies; pure
    ship.py       what the nodes need, in the run directory: code, job scripts, environment
    nemorun.py    jobs → NeMo-Run, with its limits worked around, each in one place
    jobs.py       RUN/launch/jobs.json: what was submitted
    submit.py     all of it in order
"""
