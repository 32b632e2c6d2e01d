"""A Slurm of one node on this machine: its daemons in a temporary folder, on loopback and on free ports.

    with running_cluster(folder) as cluster:
        number = cluster.output("sbatch", "--parsable", "--wrap", "hostname").strip()
        cluster.wait([number])

The node claims more cores and memory than the machine has, and two GPUs that are files, so that presets for a cluster
run as they are. Accounting (sacct) is kept in a MariaDB of the same folder. Nothing of a Slurm that the machine may
have is read or changed.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

NEEDED = ("munged", "mariadbd", "slurmdbd", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "sacct", "scontrol")
"""Programs, of the Debian packages PACKAGES."""

PACKAGES = "slurm-wlm slurmdbd slurm-wlm-mysql-plugin munge mariadb-server-core"

SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])

START_S, END_S = 30.0, 10.0
"""Longest times in which a daemon answers, and ends."""

ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "BOOT_FAIL")
"""States of sacct after which a job does not run again, unless it was requeued."""

CONFIGURATION = """
ClusterName=mammotest
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={control_port}
SlurmdPort={node_port}
SrunPortRange={first_port}-{last_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=1,bf_interval=2
AccountingStorageType=accounting_storage/{accounting}
AccountingStorageHost=127.0.0.1
AccountingStoragePort={accounting_port}
AccountingStoragePass={folder}/munge.socket
JobAcctGatherType=jobacct_gather/linux
MpiDefault=none
ReturnToService=1
JobRequeue=1
KillWait=1
MinJobAge=3600
SlurmdTimeout=30
MaxArraySize={max_array}
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName=localhost NodeHostName={host} NodeAddr=127.0.0.1 Port={node_port} CPUs={cpus} RealMemory=140000 \
Gres=gpu:v100:2 Feature=v100 State=UNKNOWN
PartitionName=gpu Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""
"""slurm.conf. A requeued job waits for cred_expire, in seconds; the node may claim more than it has, and stays DOWN
where it was set so."""

ACCOUNTING = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={accounting_port}
SlurmUser={user}
CommunicationParameters=NoInAddrAny
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser={user}
StorageLoc=slurm_acct_db
"""
"""slurmdbd.conf."""


def missing_programs() -> list[str]:
    """The programs that are not installed."""
    return [name for name in NEEDED if shutil.which(name, path=SEARCHED) is None]


@dataclass(frozen=True)
class Cluster:
    """A Slurm that runs.

    Attributes:
        folder: of its daemons' files and logs.
        environ: variables that its commands need; a mammo command that is to use it needs them too.
    """

    folder: Path
    environ: Mapping[str, str]

    def output(self, *words: str) -> str:
        """What a command of Slurm prints; AssertionError where it fails."""
        done = subprocess.run(words, env={**os.environ, **self.environ}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def queue(self) -> list[str]:
        """The jobs that pend or run, one line of number and state each; array tasks apart."""
        return self.output("squeue", "--noheader", "--array", "--format=%i %T").split("\n")[:-1]

    def processes(self) -> list[str]:
        """The processes of jobs on the node, one line each."""
        words, environ = ["scontrol", "listpids"], {**os.environ, **self.environ}
        done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)  # fails without any
        return done.stdout.split("\n")[1:-1]

    def states(self, numbers: Sequence[str]) -> dict[str, str]:
        """The states of jobs in accounting by number, array tasks apart; FAILED, CANCELLED and so on in one word."""
        lines = self.output("sacct", "-nPX", "-o", "JobID,State", "-j", ",".join(numbers)).split("\n")[:-1]
        return {number: state.split(" ")[0] for number, state in (line.split("|") for line in lines)}

    def wait(self, numbers: Sequence[str], seconds: float = 120.0) -> dict[str, str]:
        """Wait until jobs have ended; their states. AssertionError after that many seconds."""
        wait_for(
            lambda: len(found := self.states(numbers)) > 0 and set(found.values()) <= {*ENDED}, seconds, "the jobs"
        )
        return self.states(numbers)


@contextmanager
def running_cluster(
    folder: Path, cpus: int = 16, max_array: int = 1001, has_accounting: bool = True
) -> Iterator[Cluster]:
    """Start a Slurm, and stop it at the end, its jobs with it.

    Args:
        folder: an empty folder on this machine, with a short path: it holds sockets.
        cpus: that the node claims.
        max_array: MaxArraySize: one more than the highest index in a job array.
        has_accounting: whether sacct answers.
    """
    accounting = "slurmdbd" if has_accounting else "none"
    _write_configuration(folder, {"cpus": cpus, "max_array": max_array, "accounting": accounting})
    cluster = Cluster(folder, {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": SEARCHED})
    with ExitStack() as daemons:
        for name, words, variables, answers in _daemons(cluster):
            if name in ("mariadbd", "slurmdbd") and not has_accounting:
                continue
            log = daemons.enter_context((folder / f"{name}.out").open("w"))
            environ = {**os.environ, **cluster.environ, **variables}
            started = subprocess.Popen(words, env=environ, stdout=log, stderr=log, start_new_session=True)
            daemons.callback(_stop, started)
            wait_for(answers, START_S, f"{name} (its output is {log.name})")
        wait_for(lambda: "idle" in cluster.output("sinfo", "-hN", "-o", "%T"), START_S, "the node")
        daemons.callback(_end_jobs, cluster)
        yield cluster


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until a condition holds; an AssertionError in it means not yet. AssertionError after that many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(AssertionError, OSError):
            if condition():
                return
        time.sleep(0.1)
    raise AssertionError(f"{what}: not in {seconds:.0f} s")


def _write_configuration(folder: Path, settings: Mapping[str, object]) -> None:
    """Write the files of the daemons: their configurations, the key, two files that stand for GPUs."""
    for name in ("state", "spool", "data"):
        (folder / name).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    control, node, accounting, *_ = ports = _free_ports(3)
    values = {
        "folder": folder,
        "host": socket.gethostname(),
        "user": getpass.getuser(),
        "control_port": control,
        "node_port": node,
        "accounting_port": accounting,
        "first_port": max(ports) + 1,
        "last_port": max(ports) + 100,
        **settings,
    }
    for name, text in (("slurm.conf", CONFIGURATION), ("slurmdbd.conf", ACCOUNTING)):
        (folder / name).write_text(text.format(**values))
        (folder / name).chmod(0o600)
    gpus = "".join(f"NodeName=localhost Name=gpu Type=v100 File=/dev/{name}\n" for name in ("null", "zero"))
    (folder / "gres.conf").write_text(gpus)
    (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")


def _daemons(cluster: Cluster) -> Iterator[tuple[str, list[str], dict[str, str], Callable[[], bool]]]:
    """Yield each daemon in the order of starting: its name, command, variables of its own, and whether it answers."""
    folder, socket_file = cluster.folder, cluster.folder / "mysqld.sock"
    files = [f"--{option}={folder}/munge{ending}" for option, ending in MUNGE_FILES.items()]
    yield "munged", ["munged", "--foreground", "--force", *files], {}, (folder / "munge.socket").exists
    data = [f"--datadir={folder}/data", f"--socket={socket_file}", f"--pid-file={folder}/mariadbd.pid"]
    words = ["mariadbd", "--no-defaults", f"--user={getpass.getuser()}", "--skip-grant-tables", "--skip-networking"]
    yield "mariadbd", [*words, *data], {}, socket_file.exists
    yield (
        "slurmdbd",
        ["slurmdbd", "-D"],
        {"MYSQL_UNIX_PORT": str(socket_file)},
        lambda: bool(cluster.output("sacctmgr", "-n", "list", "user")),
    )
    yield "slurmctld", ["slurmctld", "-D", "-c"], {}, lambda: "UP" in cluster.output("scontrol", "ping")
    yield "slurmd", ["slurmd", "-D", "-N", "localhost"], {}, (folder / "slurmd.pid").exists


MUNGE_FILES = {"key-file": ".key", "socket": ".socket", "pid-file": ".pid", "log-file": ".log", "seed-file": ".seed"}
"""Options of munged, and the endings of their files."""


def _free_ports(count: int) -> list[int]:
    """Ports of loopback that are free, with a hundred free numbers behind the highest."""
    with ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _end_jobs(cluster: Cluster) -> None:
    """Cancel what is left in the queue, so that no process of a job outlives its node."""
    with suppress(AssertionError):
        cluster.output("scancel", "--user", getpass.getuser())
        wait_for(lambda: not cluster.queue(), END_S, "the queue")


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    """End a daemon by its own process id."""
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(END_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
