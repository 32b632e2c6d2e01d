"""The same quiet surroundings for every test: one thread each, no network, no clock in hypothesis."""

import os

from hypothesis import settings

# Set before anything imports numpy, torch or a plugin; processes that a test starts inherit them.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLOSC_NTHREADS"):
    os.environ[threads] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ["WANDB_MODE"] = "offline"

settings.register_profile("mammo", deadline=None, derandomize=True)
settings.load_profile("mammo")
