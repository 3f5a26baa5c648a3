"""What tsdg knows of a Slurm cluster and of the jobs that it submitted to it.

Begin with ``jobs.py``; nothing here submits.

::

    cluster.py      cluster_configs/NAME.yaml, in NeMo-Skills' format
    slurm_shell.py  Slurm's commands, here or over ssh
    jobs.py         RUN/launch/jobs.json: what was submitted
    queue.py        the text of squeue and sacct, put together; pure
    watch.py        asks both at once
    job_logs.py     which log tells of a job
"""
