"""Command lines that end with an error, in which every input is a canary: its name, its identifiers and its text."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from tests.faults.canaries import TYPED
from tests.faults.command_lines import FLOC, QUICK, STAGES, TRAIN, TRAINER, CommandLine
from tests.faults.planted import Planted


def rejected(name: str, *words: str, statuses: tuple[int, ...] = (2,)) -> CommandLine:
    """A command that ends with one of these statuses; its words may also name the inputs of `make_inputs`."""
    return CommandLine(name, words, statuses=statuses)


PREDICT = ("predict", "{root}/fagg.bundle")
PRETRAINED = "backbone.init=imagenet"
NEW = ("-o", "{root}/new")

FAILING = (
    rejected("phantom into a file", "phantom", "root={text}", "n_patients=3"),
    rejected("phantom of a word", "phantom", f"n_patients={TYPED}"),
    rejected("ingest of a folder that is missing", "ingest", "root={root}/x", "data=table", "data.source={missing}"),
    rejected(
        "ingest of a text", "ingest", "root={root}/x", "data=table", "data.source={source}", "data.lesions={text}"
    ),
    rejected("ingest of another table", "ingest", "root={root}/x", "data=table", "data.source={cases}"),
    rejected("ingest into the store of another source", "ingest", "root={root}", "data=table", "data.source={cases}"),
    rejected("ingest of unknown data", "ingest", "root={root}/x", f"data={TYPED}"),
    rejected("split of no store", "split", "root={missing}", "fractions=[0.4,0.3,0.3]"),
    rejected("split into a word", "split", "root={root}", f"fractions={TYPED}"),
    rejected("verify of no store", "verify", "{missing}"),
    rejected("verify of a text", "verify", "{text}"),
    rejected("train from a text", *FLOC, "ckpt_path={text}", "seed=9"),
    rejected("train from a missing file", *FLOC, "ckpt_path={missing}", "seed=9"),
    rejected(
        "train with the weights of a text",
        *TRAIN,
        "model=floc",
        "backbone.pretrained_file={text}",
        PRETRAINED,
        "seed=9",
    ),
    rejected("train on maps of a missing run", *TRAIN, "maps=[emb,sal]", "context.run={missing}", "seed=9"),
    rejected("train of a run that is a text", *TRAIN, "maps=emb", "model.floc={text}", "seed=9"),
    rejected("train of an experiment", *FLOC, f"experiment={TYPED}"),
    rejected("train of a foreign file", *FLOC, "--config-dir={conf}", f"experiment={TYPED}"),
    rejected("train of a foreign class", *FLOC, f"model.loss._target_=mammo.{TYPED}"),
    rejected(
        "a sweep whose jobs fail", *FLOC, "--multirun", "seed=8,9", "ckpt_path={text}", "group=x", statuses=(1, 2)
    ),
    rejected("precompute with a text", "precompute", "what=saliency", "root={root}", *TRAINER, "run={text}"),
    rejected("precompute with a missing run", "precompute", "what=embeddings", "root={root}", "run={missing}"),
    rejected("sweep status of no root", "sweep", "status", "{missing}"),
    rejected("sweep compare of no group", "sweep", "compare", TYPED, "{root}"),
    rejected("score with a missing run", "score", "root={root}", "run={missing}"),
    rejected("score with a text", "score", "root={root}", "run={text}"),
    rejected("score into a file", "score", "root={root}", "run={floc}", "n_windows=2", "own_ids=true", "out={text}"),
    rejected("bundle of a text", "bundle", "{text}", "-o", "{root}/x.bundle"),
    rejected("bundle into a file", "bundle", "{floc}", "-o", "{text}/x.bundle", "--sensitivity-lesions", "0"),
    rejected("bundle over a file", "bundle", "{floc}", "-o", "{text}", "--sensitivity-lesions", "0"),
    rejected("bundle of a text, shown", "bundle", "--show", "{text}"),
    rejected("predict with a text", "predict", "{text}", "{cut}", *NEW, *QUICK),
    rejected("predict a text", *PREDICT, "{text}", *NEW, *QUICK, statuses=(3,)),
    rejected("predict with a mask that is a text", *PREDICT, "{cut}", *NEW, "--mask", "{text}", statuses=(3,)),
    rejected("predict a damaged image", *PREDICT, "{cut}", *NEW, *QUICK, statuses=(3,)),
    rejected("predict wrong rows", *PREDICT, "{cases}", *NEW, "--windows", "2", "--no-changes", statuses=(3,)),
    rejected("predict into a file", *PREDICT, "{cases}", "-o", "{text}", "--windows", "2"),
    rejected("compare texts", "compare", "{text}", "{text}"),
    rejected("compare wrong labels", "compare", "{scores}"),
    rejected("compare with own ids", "compare", "{scores}", "--own-ids", "--store", "{missing}"),
    rejected("report of no root", "report", "{missing}"),
    rejected("report of a figure", "report", "{root}", "--only", TYPED),
    rejected("report of an image", "report", "{root}", "--figure2", TYPED),
    rejected("report of wrong scores", "report", "{root}", "--scores", "{scores}"),
    rejected("report of a group", "report", "{root}", "--group", TYPED),
    rejected("demo into a file", "demo", "root={text}", f"stages={STAGES}"),
    rejected(
        "demo of a word", "demo", "root={root}/x", f"stages=[{{name: {TYPED}, share: 1, commands: ['{TYPED}.x']}}]"
    ),
    rejected("weights of a text", "weights", "import-gmic", "{text}", "{root}/x.ckpt"),
    rejected("weights into a file", "weights", "import-gmic", "{root}/official.p", "{text}/x.ckpt"),
    rejected("weights out of a text", "weights", "export-gmic", "{text}", "{root}/x.p"),
    rejected("runs of no root", "runs", "{missing}"),
    rejected("runs pruned in a text", "runs", "prune", "{text}", "--yes"),
    rejected("benchmark of a word", "benchmark", TYPED),
    rejected("benchmark into a file", "benchmark", "evaluate", "--rounds", "1", "--table", "{text}/x.md"),
    rejected(
        "serve a text", "serve", "{text}", "--dicom", "--queue", "{root}/node", "--accept", "A", "--peer", "P@x:1"
    ),
    rejected("serve to no address", "serve", "{root}/fagg.bundle", "--dicom", "--queue", "{text}", "--peer", TYPED),
    rejected(
        "serve a missing bundle", "serve", "{missing}", "--dicom", "--queue", "q", "--accept", "A", "--peer", "P@x:1"
    ),
    rejected("status of no queue", "serve", "--status", "{missing}"),
)
"""At least one of each command. What is typed is a canary, too."""


def make_inputs(planted: Planted, folder: Path) -> dict[str, Path]:
    """Make the inputs that fail, in a folder whose name is a canary; their places, by the names in FAILING."""
    new = planted.canaries.new
    home = folder / new(TYPED)
    made = {name: home / new(TYPED) for name in ("text", "missing", "cases", "conf")}
    made |= {"scores": home / f"{new(TYPED)}.csv", "cut": home / f"{new(TYPED)}.dcm", "source": planted.source}
    home.mkdir()
    made["text"].write_text(f"{new()}\n" * 9)
    rows = [(new(), new(), new(), 0.5) for _ in range(9)]
    pd.DataFrame(rows, columns=["lesion_id", "patient_id", "malignant", "score"]).to_csv(made["scores"], index=False)
    (made["conf"] / "experiment").mkdir(parents=True)
    (made["conf"] / "experiment" / f"{TYPED}.yaml").write_text(f"# @package _global_\n{new()}: {new()}\n")
    cut = next(path for path in planted.source.rglob("*.dcm") if path.stem.endswith("cut"))
    made["cut"].write_bytes(cut.read_bytes())
    made["cases"].mkdir()
    cases = [(f"{new()}.dcm", new(), new(), "1;2", new()) for _ in range(9)]
    (made["cases"] / cases[0][0]).write_bytes(cut.read_bytes())
    columns = ["image", "lesion_id", "view", "outline", "label"]
    pd.DataFrame(cases, columns=columns).to_csv(made["cases"] / "lesions.csv", index=False)
    return made


def filled(line: CommandLine, root: Path, places: Mapping[str, Path]) -> list[str]:
    """The words of a command on a root, with the places of the inputs."""
    words = line.words(root)
    for name, place in places.items():
        words = [word.replace(f"{{{name}}}", str(place)) for word in words]
    return words
