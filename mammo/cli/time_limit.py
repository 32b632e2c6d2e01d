"""The last time limit of a Slurm job that a launcher has submitted: it ends the command in one sentence.

submitit raises an error in the handler of the signal, between any two lines of the program. Code that expects errors of
a library there would report a damaged file, or a dashboard that does not answer, and go on.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mammo.machine import submitit_executor
from mammo.records import MammoError


class _LastTimeLimit(BaseException):
    """The end of a job; not an Exception, so that only last_time_limit catches it."""


@contextmanager
def last_time_limit() -> Iterator[None]:
    """Do the work of a job in the block. Outside a job that submitit has started, nothing changes.

    Raises:
        MammoError: the job has reached its time limit, or was preempted, and is not requeued.
    """
    if not submitit_executor():
        yield
        return
    from submitit import JobEnvironment  # an extra, which a job has

    signum = signal.Signals[f"SIG{JobEnvironment.USR_SIG}"]
    requeue = signal.getsignal(signum)

    def end(number: int, frame: FrameType | None) -> None:
        if not callable(requeue):
            return
        try:
            requeue(number, frame)
        except Exception as error:  # by submitit, where it does not requeue the job
            raise _LastTimeLimit(str(error).rstrip(".")) from None

    signal.signal(signum, end)
    try:
        yield
    except _LastTimeLimit as limit:
        raise MammoError(
            f"the job has reached its last time limit ({limit}): the same command goes on from what is kept; give a "
            "larger hydra.launcher.timeout_min or hydra.launcher.max_num_timeout"
        ) from None
    finally:
        signal.signal(signum, requeue)
