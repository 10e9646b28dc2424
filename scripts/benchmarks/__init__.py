"""Benchmarks: programs that print ratios measured in one run, never timed tests.

Figures are for one thread, so BLAS is told before numpy is imported anywhere.
"""

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
