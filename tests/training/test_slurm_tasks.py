"""A training inside a Slurm job has as many processes as devices, or is rejected with the lines that give them."""

import pytest
from omegaconf import DictConfig, OmegaConf

from mammo.machine import ReportedError
from mammo.records import MammoError
from mammo.training.slurm_tasks import check_devices, wrong_tasks

BATCH = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "wrap", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
"""Variables of a batch script, as Slurm 22.05 sets them."""


def step(tasks: str, number: int = 0, per_node: str = "", name: str = "wrap") -> dict[str, str]:
    """Variables of a task of an srun; per_node is its --ntasks-per-node."""
    count = sum(map(int, tasks.split(","))) if "(" not in tasks else 4
    given = {"SLURM_NTASKS_PER_NODE": per_node} if per_node else {}
    step = {"SLURM_STEP_TASKS_PER_NODE": tasks, "SLURM_NTASKS": str(count), "SLURM_PROCID": str(number)}
    return BATCH | {"SLURM_JOB_NAME": name} | step | given


def config(devices: object, nodes: int = 1) -> DictConfig:
    return OmegaConf.create({"trainer": {"devices": devices, "num_nodes": nodes, "accelerator": "cpu"}})


@pytest.mark.parametrize(
    ("devices", "nodes", "environ"),
    [
        (2, 1, {}),
        (1, 1, BATCH | {"SLURM_NTASKS": "4"}),
        (1, 1, step("1", per_node="4")),
        (2, 1, step("2", per_node="2")),
        (2, 2, step("2(x2)", per_node="2")),
        (2, 1, BATCH | {"SLURM_JOB_NAME": "interactive"}),
        (2, 1, step("1", name="bash")),
        (2, 1, step("2", per_node="2", name="bash")),
    ],
)
def test_processes_that_fit_are_accepted(devices: int, nodes: int, environ: dict[str, str]) -> None:
    assert wrong_tasks(devices, nodes, environ) == ""
    check_devices(config(devices, nodes), environ)


@pytest.mark.parametrize(
    ("devices", "nodes", "environ", "found"),
    [
        (2, 1, BATCH, "2 Slurm tasks on one node, but no srun has started this process"),
        (2, 1, BATCH | {"SLURM_NTASKS_PER_NODE": "2"}, "no srun has started this process"),
        (2, 1, step("2"), "srun has started 2 on one node, without a fixed layout"),
        (2, 1, step("2", per_node="4"), "srun has started 2 with --ntasks-per-node=4"),
        (2, 1, step("1"), "srun has started 1 on one node"),
        (2, 1, step("4", per_node="4"), "srun has started 4 on one node"),
        (1, 1, step("2", per_node="2"), "one process, but srun has started 2 on one node"),
        (1, 1, step("2", per_node="2", name="bash"), "one process, but srun has started 2 on one node"),
        (2, 2, step("2", per_node="2"), "2 Slurm tasks on each of 2 nodes, but srun has started 2 on one node"),
        (2, 1, step("1,1", per_node="1"), "srun has started 2 on 2 nodes"),
        (2, 2, step("3,1", per_node="2"), "srun has started 4 on 2 nodes"),
    ],
)
def test_processes_that_do_not_fit_are_rejected(devices: int, nodes: int, environ: dict[str, str], found: str) -> None:
    with pytest.raises(MammoError, match=f"^trainer.devices={devices}.*{found}.*: ") as rejected:
        check_devices(config(devices, nodes), environ)
    layout = f"--nodes={nodes} --ntasks-per-node={devices} --ntasks={devices * nodes}"
    remedy = f"srun {layout} --kill-on-bad-exit mammo train ..."
    assert (remedy if devices > 1 else "leave srun out") in str(rejected.value)


@pytest.mark.parametrize(
    ("devices", "tasks", "remedy"),
    [(2, "1", "hydra/launcher=slurm_ddp starts them"), (1, "2", "give hydra.launcher.tasks_per_node=1")],
)
def test_the_jobs_of_a_launcher_get_the_launchers_remedy(devices: int, tasks: str, remedy: str) -> None:
    with pytest.raises(MammoError, match=remedy):
        check_devices(config(devices), step(tasks) | {"SUBMITIT_EXECUTOR": "slurm"})


def test_one_task_of_several_says_what_is_wrong() -> None:
    with pytest.raises(ReportedError):
        check_devices(config(1), step("2", number=1))


@pytest.mark.parametrize(("devices", "count"), [([0, 1], 2), ("auto", 1), (-1, 1), (3, 3)])
def test_devices_are_counted_however_they_are_given(devices: object, count: int) -> None:
    check_devices(config(devices), step(str(count), per_node=str(count)))
    with pytest.raises(MammoError):
        check_devices(config(devices), step(str(count + 1), per_node=str(count + 1)))
