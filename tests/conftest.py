"""What every test runs under: one thread for the linear algebra, examples that are the same every time."""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # before numpy is loaded
    os.environ.setdefault(name, "1")  # on shared cores several threads wait for each other: 8x slower

from hypothesis import settings  # noqa: E402  after the environment is set

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")
