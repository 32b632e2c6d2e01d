"""Adapters, one per data set: `read(root)` returns its image and lesion records, stored frame, in a stable order."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from mammo.intake.sandbox import DEFAULT_WORKERS, Workers
from mammo.io import did_you_mean_path
from mammo.records import Cohort, MammoError, did_you_mean


def check_source(adapter: str, root: Path) -> None:
    """Check that an adapter and the folder that it will read exist; MammoError where one does not."""
    names = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    if adapter not in names:
        raise MammoError(
            f"data.adapter={adapter} is unknown{did_you_mean(adapter, names)}: choose one of {', '.join(names)}"
        )
    if not root.is_dir():
        hint = did_you_mean_path(root)
        raise MammoError(
            f"data.source={root} is not a folder{hint}: create it with python -m mammo.phantom, or set another"
        )


def read_cohort(adapter: str, root: Path, workers: Workers = DEFAULT_WORKERS, **options: object) -> Cohort:
    """Read a source folder with an adapter.

    Args:
        adapter: name of its module.
        root: the source folder.
        workers: how files are read in child processes.
        options: further arguments of the adapter's read().

    Raises:
        MammoError: the adapter or the folder does not exist, or the folder's tables are wrong.
    """
    check_source(adapter, root)
    cohort: Cohort = import_module(f"{__name__}.{adapter}").read(root, workers=workers, **options)
    return cohort
