"""One adapter a data set: `read(root)` gives its image and lesion records, in the stored frame and a stable order."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from mammo.records import Cohort, MammoError


def read_cohort(adapter: str, root: Path, **options: object) -> Cohort:
    """Read a source folder through the adapter of this name.

    Args:
        adapter: its module's name.
        root: the source folder.
        options: what the adapter's read takes beside the folder.

    Raises:
        MammoError: there is no such adapter or folder, or what the folder says contradicts itself.
    """
    names = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    if adapter not in names:
        raise MammoError(f"data.adapter={adapter} is unknown: choose one of {', '.join(names)}")
    if not root.is_dir():
        raise MammoError(
            f"data.source={root} is no folder: make a cohort with python -m mammo.phantom or name your own"
        )
    cohort: Cohort = import_module(f"{__name__}.{adapter}").read(root, **options)
    return cohort
