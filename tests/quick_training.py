"""Words of a command line with which a network trains for one epoch in a second, and finished runs changed by hand."""

from pathlib import Path

from mammo.training.run_files import read_result, write_result

QUICK = (
    "trainer=cpu",
    "trainer.max_epochs=1",
    "torch.threads=1",
    "trainer.precision=32-true",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
)


def rewrite_result(folder: Path, **changes: object) -> None:
    """Change facts in a run's result.json, as if the run had written its files as they are now."""
    known = {key: value for key, value in read_result(folder).items() if key != "seal"}
    write_result(folder, {**known, **changes})
