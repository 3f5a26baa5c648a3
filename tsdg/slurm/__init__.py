"""What tsdg knows about a Slurm cluster and about the jobs that it submitted there.

Begin with ``jobs.py``; nothing here submits.

::

    cluster.py      cluster_configs/NAME.yaml, in NeMo-Skills' format
    slurm_shell.py  Slurm's commands, here or over ssh
    jobs.py         RUN/launch/jobs.json: what was submitted
    queue.py        the text of squeue and sacct, put together; pure
    watch.py        asks both at once
    job_logs.py     which log belongs to a job
"""
