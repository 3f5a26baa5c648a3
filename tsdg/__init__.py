"""tsdg: task-seeded data generation on Slurm clusters, with NeMo's tools."""
