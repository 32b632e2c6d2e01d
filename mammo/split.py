"""python -m mammo.split: deal the patients of a store to training, validation and test; print the paper's Table 1.

python -m mammo.split root=runs/demo seed=0 'fractions=[0.8,0.1,0.1]'
"""

from pathlib import Path

from omegaconf import DictConfig

from mammo.door import command
from mammo.reporting.table1 import table1
from mammo.store.manifest import Manifest
from mammo.store.splits import assign


def task(cfg: DictConfig) -> None:
    """Split the store's manifest and print how many images and lesions of each kind every split has."""
    store = Path(cfg.store)
    manifest = assign(Manifest.load(store), cfg.seed, list(cfg.fractions), cfg.allow_empty)
    manifest.save(store)
    print(table1(manifest.images, manifest.lesions).to_string())


main = command("split")(task)

if __name__ == "__main__":
    main()
