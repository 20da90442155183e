"""HTTP endpoint and page; reads the status store and nothing else."""
