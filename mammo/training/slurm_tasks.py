"""The processes of a training inside a Slurm job: as many as it has devices, each of them a task that srun starts.

A process that trains alone although it should be one of several, and several that each train the same run, would both
end in a run that is not what its configuration says.
"""

import os
from collections.abc import Mapping

from omegaconf import DictConfig, ListConfig

from mammo.machine import ReportedError, SlurmTask, submitit_executor
from mammo.records import MammoError

SHELLS = ("bash", "interactive")
"""Names that Slurm gives to jobs in which a person types commands, in each of which Lightning starts the processes."""


def check_devices(cfg: DictConfig, environ: Mapping[str, str] = os.environ) -> None:
    """Check that the processes of this training are as many as its devices.

    Args:
        cfg: a configuration of train.
        environ: the environment variables.

    Raises:
        MammoError: the tasks of the Slurm job are not those that the training needs, or a job of a sweep has several
            devices outside Slurm, where each of Lightning's worker processes would run the whole sweep.
        ReportedError: the same, in a task other than the first.
    """
    devices, nodes = _count(cfg.trainer.devices, cfg.trainer.accelerator), int(cfg.trainer.num_nodes)
    given = f"trainer.devices={cfg.trainer.devices}" + (f" trainer.num_nodes={nodes}" if nodes > 1 else "")
    if devices * nodes > 1 and submitit_executor(environ) != "slurm" and _in_sweep():
        raise MammoError(
            f"{given} in a sweep: give every job one device (trainer.devices=1) and run the jobs in parallel with "
            "hydra/launcher=v100, or give hydra/launcher=slurm_ddp, which starts a process for each device"
        )
    if problem := wrong_tasks(devices, nodes, environ):
        task = SlurmTask.of(environ)
        if task is not None and task.number:
            raise ReportedError(problem)
        raise MammoError(f"{given}: {problem}")


def wrong_tasks(devices: int, nodes: int, environ: Mapping[str, str]) -> str:
    """What is wrong with the tasks of a Slurm job for a training, and the remedy; empty if nothing is.

    Args:
        devices: how many the training has on each node.
        nodes: how many it has.
        environ: the environment variables.
    """
    task, wanted = SlurmTask.of(environ), devices * nodes
    if "SLURM_JOB_ID" not in environ or (task is None and wanted == 1):
        return ""
    if environ.get("SLURM_JOB_NAME") in SHELLS and nodes == 1 and (task is None or task.n_tasks == 1):
        return ""
    found = "no srun has started this process" if task is None else _found(task)
    if task is not None and task.tasks == (devices,) * nodes:
        each = environ.get("SLURM_NTASKS_PER_NODE")
        if wanted == 1 or each == str(devices):
            return ""
        found = (
            f"srun has started {wanted} with --ntasks-per-node={each}" if each else f"{found}, without a fixed layout"
        )
    return f"the training needs {_needed(devices, nodes)}, but {found}: {_remedy(devices, nodes, environ)}"


def _needed(devices: int, nodes: int) -> str:
    if devices * nodes == 1:
        return "one process"
    return f"{devices} Slurm tasks on {'one node' if nodes == 1 else f'each of {nodes} nodes'}"


def _found(task: SlurmTask) -> str:
    layout = "one node" if len(task.tasks) == 1 else f"{len(task.tasks)} nodes"
    return f"srun has started {task.n_tasks} on {layout}"


def _remedy(devices: int, nodes: int, environ: Mapping[str, str]) -> str:
    """What to write instead, for the way in which the job was started."""
    if submitit_executor(environ) == "slurm":
        return "hydra/launcher=slurm_ddp starts them" if devices * nodes > 1 else "give hydra.launcher.tasks_per_node=1"
    if devices * nodes == 1:
        return "leave srun out, or give srun --ntasks=1; trainer.devices is the number of tasks on each node"
    layout = f"--nodes={nodes} --ntasks-per-node={devices}"
    return (
        f"give '#SBATCH {layout} --gpus-per-node={devices}', and start it with "
        f"'srun {layout} --ntasks={devices * nodes} --kill-on-bad-exit mammo train ...'"
    )


def _count(devices: object, accelerator: str) -> int:
    """How many devices trainer.devices gives a node: a number, a list of numbers, or all that there are."""
    if isinstance(devices, list | tuple | ListConfig):
        return len(devices)
    if isinstance(devices, int) and devices > 0:
        return devices
    if accelerator not in ("auto", "gpu", "cuda"):
        return 1
    import torch  # heavy: only where it must count them

    return max(1, torch.cuda.device_count())


def _in_sweep() -> bool:
    from mammo.training.sweep_state import in_sweep  # heavy: only for several devices

    return in_sweep()
