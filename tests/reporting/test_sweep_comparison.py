"""A sweep's comparison selects runs on validation and reports only their test AUC."""

import json
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import pytest

from mammo.records import MammoError
from mammo.reporting.reported_runs import reported_runs
from mammo.reporting.sweep_comparison import comparison_figure, comparison_table
from mammo.sweep import main
from mammo.training.results import read_runs

VAL = {("emb", 0): (0.70, 0.80), ("emb", 1): (0.75, 0.60), ("sal+emb", 0): (0.85, 0.85), ("sal+emb", 1): (None, 0.9)}
TEST = {("emb", 0): (0.99, 0.71), ("emb", 1): (0.72, 0.98), ("sal+emb", 0): (0.81, 0.97), ("sal+emb", 1): (0.96, 0.82)}
SELECTED = {"emb": (0.71, 0.72), "sal+emb": (0.81, 0.82)}


def write(root: Path, name: str, **facts: object) -> None:
    common = {"context": "", "command": "x", "commit": "x", "versions": {}, "seconds": 1, "digest": "d"}
    (root / name).mkdir(parents=True)
    (root / name / "result.json").write_text(json.dumps({**common, "name": name, **facts}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two combinations, two seeds, two trials each, and two f_loc."""
    for (maps, seed), values in VAL.items():
        for trial, val in enumerate(values):
            facts = {"maps": maps, "seed": seed, "trial": trial, "lr": 10.0 ** -(3 + trial), "val_auc": val}
            name = f"fagg-{maps}-s{seed}-t{trial}"
            write(tmp_path / "table3", name, model="fagg", test_auc=TEST[maps, seed][trial], **facts)
    for init in ("he", "imagenet"):
        facts = {"model": "floc", "maps": "", "backbone": "densenet161.tv_in1k", "init": init, "seed": 0, "trial": None}
        write(tmp_path / "figure6", f"floc-{init}", lr=1e-5, val_auc=0.7, test_auc=0.7, **facts)
    return tmp_path


def test_a_cell_holds_the_test_auc_of_the_trials_selected_on_validation(root: Path) -> None:
    table = comparison_table(read_runs(root / "table3")).set_index("cell")
    assert list(table.index) == ["emb", "sal+emb"]
    for cell, tests in SELECTED.items():
        row = table.loc[cell]
        assert (row["n_seeds"], row["n_trials"]) == (2, 4)
        assert row["test_auc_mean"] == pytest.approx(mean(tests))
        assert row["test_auc_sd"] == pytest.approx(stdev(tests))
    assert table.loc["emb", "val_auc"] == pytest.approx(mean((0.80, 0.75)))
    assert table.loc["emb", "lr"] == 1e-4


def test_backbones_and_initializations_are_cells(root: Path) -> None:
    table = comparison_table(read_runs(root / "figure6"))
    assert table["cell"].tolist() == ["densenet161.tv_in1k, he", "densenet161.tv_in1k, imagenet"]


def test_runs_of_a_store_that_was_split_anew_in_between_are_rejected(root: Path) -> None:
    runs = read_runs(root / "table3")
    several = [replace(run, store="before" if run.seed == 0 else "after") for run in runs]
    with pytest.raises(MammoError, match=r"was trained on other images, lesions, splits or folds than .*; train again"):
        comparison_table(several)
    comparison_table([replace(run, store="" if run.seed == 0 else "after") for run in runs])  # some do not say


def test_aucs_over_images_are_marked(root: Path) -> None:
    facts = {"model": "context", "maps": "", "backbone": "", "seed": 0, "trial": None, "lr": 1e-4}
    write(root / "table3", "context-s0", val_auc=0.75, test_auc=0.73, **facts)
    runs = read_runs(root / "table3")
    assert dict(comparison_table(runs)[["model", "auc_of"]].to_numpy()) == {"context": "images", "fagg": "lesions"}
    labels = [tick.get_text() for tick in comparison_figure(runs).axes[0].get_yticklabels()]
    assert [label.endswith("(AUC of images)") for label in labels] == [True, False, False]


def test_reports_use_the_selected_trials(root: Path) -> None:
    found = {(run.maps, run.seed): run.test_auc for run in reported_runs(root / "table3")}
    assert found == {(maps, seed): SELECTED[maps][seed] for maps, seed in VAL}


def test_runs_outside_a_search_must_differ(root: Path) -> None:
    for name in ("a", "b"):
        facts = {"maps": "loc", "seed": 0, "trial": None, "val_auc": 0.5, "test_auc": 0.5}
        write(root / "twins", name, model="fagg", **facts)
    with pytest.raises(MammoError, match="same model, maps and seed"):
        reported_runs(root / "twins")


def test_the_command_writes_the_same_files_each_time(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = root / "comparison" / "table3"
    seen = []
    for _ in range(2):
        assert main(["compare", "table3", str(root)]) == 0
        seen.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert seen[0] == seen[1]
    assert set(seen[0]) == {"table.csv", "comparison.png", "comparison.svg"}
    assert main(["compare", "nothing", str(root)]) == 2
    assert f"{root / 'nothing'}: no such folder" in capsys.readouterr().err


def test_undefined_values_are_named_and_their_cells_are_empty(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for trial in (0, 1):
        facts = {"maps": "emb", "seed": 0, "trial": trial, "val_auc": None, "test_auc": None}
        write(root / "blank", f"t{trial}", model="fagg", lr=10.0 ** -(3 + trial), **facts)
    assert main(["compare", "blank", str(root)]) == 0
    printed = capsys.readouterr().out
    assert "undefined" in printed
    assert "nan" not in printed.lower()
    table = (root / "comparison" / "blank" / "table.csv").read_text()
    assert "emb,lesions,1,2,,,,0.001," in table
    axes = comparison_figure(read_runs(root / "blank")).axes[1]
    assert [text.get_text() for text in axes.texts] == ["undefined"]


def test_the_figure_shows_every_run_and_every_selected_run_once(root: Path) -> None:
    left, right = comparison_figure(read_runs(root / "table3")).axes
    assert sum(len(line.get_xdata()) for line in right.lines) == 8
    dots = [list(line.get_xdata()) for line in left.lines if line.get_marker() == "o"]
    assert dots == [list(SELECTED["emb"]), list(SELECTED["sal+emb"])]


def test_a_higher_validation_auc_is_drawn_higher_within_its_row(root: Path) -> None:
    axes = comparison_figure(read_runs(root / "table3")).axes[1]
    drawn = sorted((rate, height) for line in axes.lines for rate, height in line.get_xydata() if height < 0.5)
    by_rate = sorted((10.0 ** -(3 + trial), VAL["emb", seed][trial]) for seed in (0, 1) for trial in (0, 1))
    assert [rate for rate, _ in drawn] == pytest.approx([rate for rate, _ in by_rate])
    highest, lowest = min(drawn, key=lambda dot: dot[1]), max(drawn, key=lambda dot: dot[1])
    assert (highest[0], lowest[0]) == pytest.approx((1e-4, 1e-4)), "0.80 and 0.60 were both of trial 1"
    assert -0.5 < highest[1] < lowest[1] < 0.5
    assert [text.get_text() for text in axes.texts] == ["0.800\n0.600", "0.900\n0.850"]


def test_no_marker_lies_on_the_edge_of_the_learning_rate_axis(root: Path) -> None:
    axes = comparison_figure(read_runs(root / "table3")).axes[1]
    rates = [rate for line in axes.lines for rate in line.get_xdata()]
    low, high = axes.get_xlim()
    assert low < 0.95 * min(rates)
    assert max(rates) < 0.95 * high


def test_without_a_search_there_is_no_learning_rate_axis(root: Path) -> None:
    assert len(comparison_figure(read_runs(root / "figure6")).axes) == 1
