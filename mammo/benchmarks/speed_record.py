"""Speed, waiting, memory and GPU use of a training, measured by a callback and written as the training goes on."""

import resource
import subprocess
import time
from pathlib import Path
from statistics import mean, median
from threading import Event, Thread

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from mammo.benchmarks.stage_process import SPEED, write_facts
from mammo.records import Batch

SAMPLE_S, QUERY_S = 0.5, 10.0
"""Time between two looks at the GPU, and the longest that one of them may take."""

QUERY = ("nvidia-smi", "--query-gpu=uuid,utilization.gpu", "--format=csv,noheader,nounits")


class SpeedRecord(Callback):
    """Writes speed.json into the run folder, anew every few steps, so that a training that is killed leaves figures.

    It holds steps (timed), first_step_s (with everything that happens once, such as compiling), step_ms (median),
    rows_per_s, data_wait (share of the time from the end of a step to the start of the next, in [0, 1]),
    validation_rows_per_s, memory_mb (peak of the GPU's allocated memory, else of the process), gpu_utilization (mean in
    percent during training; null where nvidia-smi does not say), precision and train_loss. Rows are patches or images.

    The first steps are not timed, nor is the first batch of a validation.

    Args:
        warm_up: training steps that are not timed.
        every: steps from one writing to the next.
    """

    def __init__(self, warm_up: int = 20, every: int = 20) -> None:
        self.warm_up, self.every = warm_up, every
        self.step_s: list[float] = []
        self.wait_s: list[float] = []
        self.first_step_s, self.n_rows, self.n_validated, self.validation_s = 0.0, 0, 0, 0.0
        self.mark = self.waited = 0.0
        self.n_steps = 0
        self.utilization = Utilization()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start counting the GPU's memory anew."""
        if pl_module.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(pl_module.device)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self.mark = _now(pl_module.device)
        self.utilization.start(pl_module.device)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, _: int) -> None:
        """Note the time that was spent waiting for this batch, whose columns are [B, ...]."""
        self.waited = time.perf_counter() - self.mark

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: Batch, number: int
    ) -> None:
        """Count a step of B rows, columns [B, ...]; the clock waits for the GPU where an epoch or the warm-up ends."""
        self.n_steps += 1
        is_border = self.n_steps in (1, self.warm_up) or number + 1 == trainer.num_training_batches
        now = _now(pl_module.device) if is_border else time.perf_counter()
        if self.n_steps == 1:
            self.first_step_s = now - self.mark
        if self.n_steps > self.warm_up:
            self.step_s.append(now - self.mark)
            self.wait_s.append(self.waited)
            self.n_rows += len(batch["target"])
        else:
            self.utilization.forget()
        self.mark = now
        if self.n_steps % self.every == 0:
            self.write(trainer, pl_module)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop looking at the GPU: its use is that of training."""
        self.utilization.stop()

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: object, outputs: object, batch: Batch, number: int, _: int = 0
    ) -> None:
        """Count batches [B, ...] after the first; each ends with its output on the CPU, so that the clock is right."""
        now = time.perf_counter()
        if number > 0:
            self.validation_s += now - self.mark
            self.n_validated += len(batch["target"])
        self.mark = now

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write what is known after an epoch."""
        self.write(trainer, pl_module)

    def write(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write speed.json."""
        total, loss = sum(self.step_s), trainer.callback_metrics.get("train_loss")
        facts = {
            "precision": str(trainer.precision),
            "steps": len(self.step_s),
            "first_step_s": round(self.first_step_s, 2),
            "step_ms": round(1000 * median(self.step_s), 2) if self.step_s else None,
            "rows_per_s": round(self.n_rows / total, 1) if total else None,
            "data_wait": round(sum(self.wait_s) / total, 3) if total else None,
            "validation_rows_per_s": round(self.n_validated / self.validation_s, 1) if self.validation_s else None,
            "memory_mb": memory_mb(pl_module.device),
            "gpu_utilization": self.utilization.mean(),
            "train_loss": None if loss is None else round(float(loss), 4),
        }
        write_facts(Path(trainer.default_root_dir) / SPEED, facts)


class Utilization:
    """Looks at the GPU's utilization from a thread: the share of the time in which a kernel ran, as nvidia-smi says."""

    def __init__(self) -> None:
        self.samples: list[float] = []
        self._ended = Event()

    def start(self, device: torch.device) -> None:
        """Look at this GPU every SAMPLE_S until `stop`; do nothing on a CPU."""
        self.stop()
        if device.type == "cuda":
            uuid, self._ended = str(torch.cuda.get_device_properties(device).uuid), Event()
            Thread(target=self._look, args=(uuid, self._ended), daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def forget(self) -> None:
        """Drop what was seen so far."""
        self.samples.clear()

    def mean(self) -> float | None:
        """The mean in [0, 100]; None if nothing was seen."""
        return round(mean(self.samples), 1) if self.samples else None

    def _look(self, uuid: str, ended: Event) -> None:
        while not ended.wait(SAMPLE_S):
            if (percent := utilization_of(uuid)) is None:
                return
            self.samples.append(percent)


def utilization_of(uuid: str) -> float | None:
    """The present utilization, in [0, 100], of the GPU with this id, or of the only one; None if it is not known."""
    try:
        done = subprocess.run(QUERY, capture_output=True, text=True, timeout=QUERY_S, check=True)
        rows = [tuple(map(str.strip, line.split(","))) for line in done.stdout.splitlines()]
        found = [percent for name, percent in rows if name.removeprefix("GPU-") == uuid]
        only = [percent for _, percent in rows] if len(rows) == 1 else []
        return float((found or only)[0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def memory_mb(device: torch.device) -> int:
    """Peak memory in MB: of the tensors on a GPU, else of this process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device) / 1e6)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _now(device: torch.device) -> float:
    """The time in seconds once the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
