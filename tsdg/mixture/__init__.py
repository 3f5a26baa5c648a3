"""What is made of finished runs: training mixtures for a budget. Reads manifests only."""
