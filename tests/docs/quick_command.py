"""The programs `mammo`, `python` and `pip` as the pages find them: mammo with small settings, and an idle pip.

The pages show the commands that a reader gives. What a test changes so that each takes seconds is appended here: one
epoch of few windows, few phantom patients, the smallest frame, He initialization in place of a download, and this
machine in place of a cluster.
"""

import os
import re
import runpy
import shlex
import stat
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

HARDWARE = ("trainer.accelerator=cpu", "trainer.precision=32-true", "torch.threads=1", "workers=0")
WINDOWS = (
    "quota.malignant=6",
    "quota.benign=6",
    "quota.outside=4",
    "quota.negative=4",
    "windows_per_lesion={val: 3, test: 5}",
)
EPOCHS = ("trainer.max_epochs=1", "trainer.limit_train_batches=3", "batch_size=10")
APPENDED = {
    "phantom": ("n_patients=40",),
    "ingest": ("frame=eighth",),
    "train": (*HARDWARE, *WINDOWS, *EPOCHS),
    "precompute": (*HARDWARE[:2], *WINDOWS, "workers=0"),
    "score": ("n_pictures=2",),
    "demo": ("n_patients=40",),
}
"""Words at the end of a command, where they win over those of the page."""

IN_PLACE = (
    (r"hydra/launcher=(v100|slurm\w*|submitit_slurm)", "hydra/launcher=basic"),
    (r"hydra\.launcher\..*", ""),
    (r"trainer=v100", "trainer=cpu"),
    (r"shard=range\(\d+\)", "shards=2 shard=0,1"),
    (r"window_epochs=\d+", "window_epochs=1"),
)
"""Patterns of whole words of a command, and the words in their place."""

WEIGHTS = re.compile(r"(backbone\.(init|pretrained_file)|data\.init|gmic\.local_init)=.*")
SCALES = {"phantom": "1", "table": "auto", "cbis_ddsm": "1", "mias": "1", "nyu": "0.3"}
"""data.scale of generated folders by data set; 4 for the imitations of all others, whose images have 64 x 48 pixels."""


def quick(name: str, words: Sequence[str]) -> list[str]:
    """The words of a command with small settings.

    Args:
        name: of the command.
        words: as the page gives them.
    """
    if {"--help", "--version", "--cfg", "-h", "-c"} & set(words):
        return list(words)
    changed = []
    for given in words:
        word = given
        for pattern, other in IN_PLACE:
            word = other if re.fullmatch(pattern, word) else word
        changed += word.split() if word != given else [word]
    kept = {word for word in words if word.startswith("quota.") and word.endswith("=0")}
    appended = [word for word in APPENDED.get(name, ()) if f"{word.partition('=')[0]}=0" not in kept]
    return [*changed, *appended, *_by_words(name, words)]


def _by_words(name: str, words: Sequence[str]) -> list[str]:
    """What is appended where the page does not say it itself."""
    added = []
    if name in ("train", "precompute") and not any(WEIGHTS.fullmatch(word) for word in words):
        added.append("data.init=he")
    if name == "train" and "lr_search" in str(words) and not any(word.startswith("trial=") for word in words):
        added.append("trial=0")
    if name == "train" and "figure6" in str(words):
        added += ["backbone=small,densenet121", "backbone.init=he"]
    if name == "ingest" and not any(word.startswith("data.scale=") for word in words):
        source = next((word[5:] for word in words if word.startswith("data=")), "phantom")
        added.append(f"data.scale={SCALES.get(source, '4')}")
    return added


def main(program: str, words: list[str]) -> None:
    """Become the program: mammo and mammo's modules with small settings, everything else as it is."""
    if program == "pip":
        sys.exit(_pip(words))
    if program == "python":
        if words[:1] == ["-m"] and words[1:2] == ["mammo"]:
            words = words[2:]
        elif words[:1] == ["-m"] and words[1:] and words[1].startswith("mammo."):
            words = [words[1].removeprefix("mammo."), *words[2:]]
        else:
            os.execv(sys.executable, [sys.executable, *words])
    words = [*words[:1], *quick(words[0] if words else "", words[1:])]
    if words[:1] == ["demo"]:
        _quicken_stages()
    sys.argv = ["mammo", *words]
    sys.path[0] = str(Path(__file__).resolve().parents[2])  # mammo of this checkout, whatever PYTHONPATH a page sets
    runpy.run_module("mammo", run_name="__main__", alter_sys=True)


def _quicken_stages() -> None:
    """Give the commands of the demo's stages small settings, too."""
    from dataclasses import replace

    from mammo.cli import pipeline

    run_pipeline = pipeline.run_pipeline

    def run_quickly(stages: Sequence[pipeline.Stage], root: Path, preload: Sequence[str] = ()) -> bool:
        changed = []
        for stage in stages:
            commands = []
            for command in stage.commands:
                module, *words = shlex.split(command)
                commands.append(shlex.join([module, *quick(module.removeprefix("mammo."), words)]))
            changed.append(replace(stage, commands=tuple(commands)))
        return run_pipeline(changed, root, preload)

    pipeline.run_pipeline = run_quickly


def _pip(words: Sequence[str]) -> int:
    """Check that what a page installs is here, or is mammo itself; the exit status."""
    missing = []
    for word in words[1:]:
        name = re.split(r"[\[<>=~!]", Path(word).name)[0]
        if word.startswith("-") or name in ("", ".") or re.fullmatch(r"mammo(-.*\.whl)?", name):
            continue
        try:
            distribution(name)
        except PackageNotFoundError:
            missing.append(name)
    if words[:1] != ["install"] or missing:
        print(f"error: pip {shlex.join(words)}: not installed for the tests of the pages: {missing}", file=sys.stderr)
        return 1
    return 0


def write_commands(folder: Path) -> Path:
    """Write the three programs into a folder, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    for program in ("mammo", "python", "pip"):
        file = folder / program
        words = shlex.join([sys.executable, str(Path(__file__).resolve()), program])
        file.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return folder


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
