"""The whole report, written by the command from made-up runs."""

import base64
import csv
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score

from mammo.paper import MAPS, TABLE_3
from mammo.report import main
from mammo.reporting import result_figures
from mammo.reporting.evaluation import evaluate
from mammo.reporting.figure_list import ReportFigure
from mammo.reporting.page import Origin, _fresh_folder, write_report
from mammo.reporting.paper_tables import table1
from mammo.reporting.reported_runs import reported_runs
from mammo.reporting.result_figures import roc_figure
from mammo.reporting.summary import tradeoff_sentence
from mammo.scoring.score_tables import read_lesion_table, write_image_table, write_lesion_table
from mammo.scoring.trivial_predictors import PREDICTORS

EVIL = "<img src=x onerror=alert(1)>"
N = 60


def write_run(
    root: Path,
    model: str,
    maps: str,
    seed: int,
    score: ArrayLike,
    malignant: NDArray[np.int64],
    first_id: str = EVIL,
    context: str = "",
    data: str = "phantom",
    reads: Mapping[str, str] | None = None,
) -> Path:
    folder = root / "table3" / f"{model}-{maps}{context}-s{seed}"
    folder.mkdir(parents=True)
    ids = [first_id, *(f"L{i:03d}" for i in range(1, N))]
    if model != "context":
        table = pd.DataFrame(
            {
                "lesion_id": ids,
                "image_id": "I",
                "finding_id": "",
                "exam_id": "E",
                "source": "table",
                "patient_id": [f"P{i // 2}" for i in range(N)],
                "label": np.where(malignant == 1, "malignant", "benign"),
                "malignant": malignant,
                "label_source": "biopsy",
                "birads": [("4A", "4C", "")[i % 3] for i in range(N)],
                "pathology_type": "",
                "high_risk": 0,
                "finding": "",
                "laterality": "L",
                "view": "CC",
                "vendor": "",
                "density": "",
                "size_px": 100.0,
                "split": "test",
                "fold": -1,
                "score": score,
                "score_sd": 0.1,
                "n_windows": 100,
                **dict.fromkeys(PREDICTORS, 0.5),
                "trivial_size": np.linspace(0.1, 0.9, N),
            }
        )
        write_lesion_table(table, folder / "lesions.parquet")
    result = {
        "name": folder.name,
        "model": model,
        "maps": maps,
        "context": context,
        "backbone": "small" if model == "floc" else "",
        "init": "he" if model == "floc" else "",
        "seed": seed,
        "selected_by": "val_auc",
        "val_auc": 0.7,
        "test_auc": None,
        "command": "python -m mammo.train <b>",
        "commit": "abc",
        "versions": {"torch": "2.14.1"},
        "precision": "bf16-mixed",
        "seconds": 60.0,
        "digest": "d" * 64,
        "reads": dict(reads or {}),
    }
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "config.yaml").write_text(f"data: {{name: {data}}}\nseed: {seed}\n")
    return folder


def write_runs(root: Path, malignant: NDArray[np.int64], maps: Sequence[str] = MAPS) -> None:
    rng = np.random.default_rng(0)
    for seed in range(2):
        for name in maps:
            score = np.clip(0.5 + 0.2 * (malignant - 0.5) + 0.2 * rng.normal(size=N), 0, 1)
            score[0] = 0.0 if malignant[0] else 1.0  # the lesion EVIL has the largest error: it is shown
            reads = {"floc": f"../floc-s{seed}"} if "emb" in name else {}  # an f_loc of each seed, one context network
            reads |= {"context": "../context-s0/best.ckpt"} if "sal" in name else {}
            write_run(root, "fagg", name, seed, score, malignant, reads=reads)
        write_run(root, "floc", "", seed, rng.random(N), malignant)
        write_images(write_run(root, "context", "", seed, None, malignant), seed)


def write_images(folder: Path, seed: int) -> None:
    labels, scores = np.random.default_rng(0), np.random.default_rng(seed)
    table = pd.DataFrame({"image_id": [f"I{i}" for i in range(40)], "patient_id": [f"P{i // 4}" for i in range(40)]})
    table = table.assign(exam_id=table["patient_id"], laterality="L", view="CC", split="test", fold=-1)
    for label in ("malignant", "benign"):
        table[label] = labels.integers(0, 2, 40)
        table[f"score_{label}"] = scores.uniform(size=40)
    write_image_table(table, folder / "images.parquet")


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


@pytest.fixture(scope="module", autouse=True)
def coarse_figures() -> Iterator[None]:
    """Draws figures at a low resolution; other tests check what they show."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result_figures, "DPI", 30)
        yield


def blank(figure: object, folder: Path, name: str) -> None:
    """Replaces result_figures.save where figures do not matter; drawing them takes most of a report's time."""
    for suffix in ("png", "svg"):
        (folder / f"{name}.{suffix}").write_bytes(b"")


@pytest.fixture(autouse=True)
def blank_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the figures in the reports of single tests; the shared report has real ones."""
    monkeypatch.setattr("mammo.reporting.page.save", blank)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs") / "demo"
    write_runs(root, np.tile([1, 0], N // 2))
    assert main([str(root)]) == 0
    assert main([str(root)]) == 0  # a second report replaces the first
    return root / "report"


def test_the_folder_holds_the_report_and_nothing_else(report: Path) -> None:
    tables = ["birads.csv", "figure6.csv", "table2.csv", "table3.csv", "trivial.csv"]
    assert sorted(path.name for path in report.iterdir()) == sorted(["figures", "report.html", "report.md", *tables])
    names = {path.name for path in (report / "figures").iterdir()}
    shown = ("table3-dots", "roc", "figure6", "figure7", "calibration")
    assert names == {f"{n}.{s}" for n in shown for s in ("png", "svg")}
    assert {path.name for path in report.parent.iterdir() if path.name.startswith(".")} == {".report.lock"}


def test_biopsies_avoided_are_shown_by_birads_category(report: Path) -> None:
    for name in ("report.html", "report.md"):
        text = (report / name).read_text(encoding="utf-8")
        assert "Biopsies avoided by BI-RADS category" in text
        assert text.index("4A") < text.index("4C") < text.index("not stated")
    table = pd.read_csv(report / "birads.csv")
    assert list(table["birads"]) == ["4A", "4C", "not stated"]
    assert table[["n_benign", "n_malignant"]].to_numpy().sum() == N


def test_trivial_predictors_stand_beside_the_models(report: Path) -> None:
    table = pd.read_csv(report / "trivial.csv")
    assert list(table["predictor"]) == ["size of the outline"]
    for page in ("report.html", "report.md"):
        text = (report / page).read_text()
        assert "Trivial predictors" in text
        assert f"{table['auc'][0]:.3f}" in text
    assert "Not shown to be better than the best trivial predictor (size of the outline" in text
    assert "f_loc alone (" in text.replace("\\_", "_")


def test_the_precision_of_every_run_is_shown(report: Path) -> None:
    assert (report / "report.html").read_text().count('<td class="t">bf16-mixed</td>') >= 2
    rows = [line for line in (report / "report.md").read_text().splitlines() if line.startswith("| fagg-")]
    assert rows
    assert all("| bf16-mixed |" in row for row in rows)


def test_no_character_is_printed_as_an_escape(report: Path) -> None:
    for name in ("report.html", "report.md"):
        page = re.sub(r"(?s)<script.*?</script>", "", (report / name).read_text(encoding="utf-8"))
        assert "\\x" not in page
        assert "\\u" not in page
    assert "\u00a0%" in (report / "report.html").read_text(encoding="utf-8")


def test_no_p_value_is_printed_as_0(report: Path) -> None:
    values = re.findall(r"p (?:=|&lt;|<) ([\d.]+)", (report / "report.md").read_text())
    assert values
    assert min(float(p) for p in values) > 0


def test_the_page_loads_nothing_from_the_network(report: Path) -> None:
    html = (report / "report.html").read_text()
    found = Page(html)
    assert not re.search(r"https?:|//[a-z]", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html))
    assert {tag for tag, _ in found.tags} & {"script", "link", "iframe", "object", "form", "b"} == set()
    links = [attrs["href"] for tag, attrs in found.tags if tag == "a"]
    assert links
    assert {link[1:] for link in links if link[0] == "#"} == {"seed-mean"}, "links lead to places of the page alone"
    assert "seed-mean" in {attrs.get("id") for _, attrs in found.tags}
    sources = [attrs["src"] for tag, attrs in found.tags if tag == "img"]
    assert len(sources) == 5
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not [attrs for _, attrs in found.tags if "style" in attrs or any(name.startswith("on") for name in attrs)]


def test_the_policy_allows_only_the_pages_own_style(report: Path) -> None:
    html = (report / "report.html").read_text()
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(a["content"] for t, a in Page(html).tags if t == "meta" and "http-equiv" in a)
    assert policy.startswith(f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_table3_has_the_documented_columns(report: Path) -> None:
    with (report / "table3.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = "maps auc_mean auc_sd n_seeds auc_low auc_high n_lesions n_malignant paper_auc"
    assert list(rows[0]) == columns.split()
    assert [row["maps"] for row in rows] == list(MAPS)
    assert [float(row["paper_auc"]) for row in rows] == [TABLE_3[maps][0] for maps in MAPS]
    assert {(row["n_seeds"], row["n_lesions"], row["n_malignant"]) for row in rows} == {("2", "60", "30")}
    varied = {maps: "f_loc and f_agg" if "emb" in maps else "f_agg" for maps in MAPS}
    markdown = (report / "report.md").read_text().replace("\\_", "_")
    html = (report / "report.html").read_text()
    for maps, words in {**varied, "f_loc alone": "f_loc"}.items():
        assert re.search(rf"\| {re.escape(maps)} \|[^\n]*\| 2 \| {words} \|", markdown), maps
        assert re.search(rf'<td>{re.escape(maps)}</td>[^\n]*<td>2</td><td class="t">{words}</td>', html), maps


def test_the_cohort_is_printed_beside_the_papers_and_captions_are_escaped(report: Path, tmp_path: Path) -> None:
    images = pd.DataFrame({"split": ["train"] * 1234 + ["val", "test"], "fold": -1}, index=range(1236))
    images = images.assign(malignant=images.index == 0, benign=images.index == 1235, unplaced=False)
    lesions = pd.DataFrame({"image_id": [0, 1235], "label": ["malignant", "benign"]})
    evaluation = evaluate(reported_runs(report.parent / "table3"))
    figures = [ReportFigure("p", f"A {EVIL}.", Figure())]
    cohort, origin = table1(images, lesions), Origin("c", "t", "h")
    written = write_report(tmp_path / "report", evaluation, cohort, figures, None, origin)
    page = Page(written.read_text())
    (source,) = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert source.startswith("data:image/png;base64,")
    assert f"A {EVIL}." in page.text
    assert EVIL not in written.with_suffix(".md").read_text()
    text = page.text
    markdown = written.with_suffix(".md").read_text().splitlines()
    assert re.search(r"train\s+1,233\s+0\s+1\s+0\s+1\s", text)
    start = markdown.index("| train | 1,233 | 0 | 1 | 0 | 1 |")  # a table breaks at an empty line
    assert markdown[start + 6] == "| overall | 1,234 | 1 | 1 | 1 | 1 |"
    assert markdown[start + 7].endswith("s overall | 992,819 | 6,307 | 1,874 | 6,788 | 2,054 |")
    assert pd.read_csv(written.parent / "table1.csv")["paper_lesions_malignant"].tolist() == [1790, 128, 136, 2054]


def test_html_and_markdown_say_the_same(report: Path) -> None:
    html, markdown = Page((report / "report.html").read_text()).text, (report / "report.md").read_text()
    for phrase in (
        "Phantoms test the software, not the method",
        "±",
        "f_loc alone",
        "torch 2.14.1",
        "\N{MINUS SIGN}0.005",
    ):
        assert phrase in html
        assert phrase.replace("_", r"\_") in markdown
    numbers = [set(re.findall(r"0\.\d{3}", page)) for page in (html, markdown)]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("label", [0, 1])
def test_metrics_of_one_class_are_undefined(tmp_path: Path, label: int, capsys: pytest.CaptureFixture[str]) -> None:
    write_runs(tmp_path, np.full(N, label), maps=["emb", "sal+emb"])
    scores = write_other(tmp_path / "mine.csv", np.full(N, label), np.linspace(0, 1, N))
    assert main([str(tmp_path), "--scores", str(scores)]) == 0
    assert_no_number_is_nan(tmp_path / "report")
    text = Page((tmp_path / "report" / "report.html").read_text()).text
    missing = "malignant" if label == 0 else "benign"
    assert re.search(rf"No metric is defined on these 60 synthetic test lesions .*: no {missing} lesion\.", text)
    assert f"No metric is defined: no {missing} lesion." in text
    table = pd.read_csv(tmp_path / "report" / "table3.csv")
    assert table[["auc_mean", "auc_sd", "auc_low", "auc_high"]].isna().all(axis=None)
    assert "Not run, so not in the table: loc, sal, loc+emb, loc+sal, loc+sal+emb." in text


def test_what_one_seed_and_one_patient_of_a_class_leave_open_is_undefined(tmp_path: Path) -> None:
    malignant = np.zeros(N, dtype=np.int64)
    malignant[:2] = 1  # two lesions of one patient: no interval
    write_run(tmp_path, "fagg", "emb", 0, np.linspace(0, 1, N), malignant)
    write_run(tmp_path, "fagg", "sal+emb", 0, np.linspace(1, 0, N), malignant)
    assert main([str(tmp_path)]) == 0
    assert_no_number_is_nan(tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "(95 % interval undefined)" in page
    assert "Two AUCs" not in page, "one seed has one AUC"
    assert "#seed-mean" not in page


def assert_no_number_is_nan(report: Path) -> None:
    """Checks that no page or table of a report shows the names that Python has for numbers without a value."""
    for path in (*report.glob("*.md"), *report.glob("*.csv")):
        assert not re.search(r"\b(nan|inf|NaN|None)\b", path.read_text()), path.name
    text = Page((report / "report.html").read_text()).text
    assert not re.search(r"\b(nan|inf|NaN)\b", text.split('"use strict"')[0])
    assert "undefined to undefined" not in text


def write_other(path: Path, malignant: NDArray[np.int64], score: ArrayLike) -> Path:
    """Writes another model's scores of the lesions of write_run, last lesion first."""
    ids = [EVIL, *(f"L{i:03d}" for i in range(1, N))]
    table = pd.DataFrame({"lesion_id": ids, "patient_id": [f"P{i // 2}" for i in range(N)], "malignant": malignant})
    table.assign(score=score)[::-1].to_csv(path, index=False)
    return path


def test_another_models_scores_stand_beside_the_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    malignant = np.tile([1, 0], N // 2)
    write_runs(tmp_path, malignant, maps=["emb", "sal+emb"])
    score = np.clip(0.5 + 0.3 * (malignant - 0.5) + 0.2 * np.random.default_rng(7).normal(size=N), 0, 1)
    mine = write_other(tmp_path / "mine.csv", malignant, score)
    assert main([str(tmp_path), "--scores", str(mine)]) == 0
    (row,) = pd.read_csv(tmp_path / "report" / "other_models.csv").to_dict("records")
    evaluation = evaluate(reported_runs(tmp_path / "table3"))
    assert (row["model"], row["auc"]) == ("mine.csv", pytest.approx(roc_auc_score(malignant, score)))
    assert row["gain"] == pytest.approx(evaluation.performance.auc.value - row["auc"])
    assert row["gain_low"] < row["gain"] < row["gain_high"]
    for name in ("report.html", "report.md"):
        text = (tmp_path / "report" / name).read_text()
        assert text.count("mine.csv") >= 3, "in the command, in Table 3 and among other models"
        assert f"{row['auc_low']:.3f} to {row['auc_high']:.3f}" in text
    roc = roc_figure({**evaluation.mean_scores, "mine.csv": score}, malignant)
    assert f"mine.csv  AUC {row['auc']:.3f}" in [text.get_text() for text in roc.axes[0].get_legend().get_texts()]
    capsys.readouterr()
    lines = mine.read_text().splitlines()
    (tmp_path / "short.csv").write_text("\n".join(lines[:-1]) + "\n")
    error = error_of(capsys, tmp_path, "--scores", tmp_path / "short.csv")
    assert "is not in" in error
    assert "short.csv" in error
    assert "is given twice" in error_of(capsys, tmp_path, "--scores", mine, mine)
    assert "does not exist" in error_of(capsys, tmp_path, "--scores", tmp_path / "absent.csv")


def test_the_page_says_why_the_mean_score_has_another_auc(report: Path) -> None:
    found = evaluate(reported_runs(report.parent / "table3"))
    mean = found.table3.set_index("maps").loc["sal+emb", "auc_mean"]
    text = Page((report / "report.html").read_text()).text
    assert f"AUC of that mean score is {found.performance.auc.value:.3f}" in text
    assert f"the mean of these is {mean:.3f}" in text
    assert (report / "report.html").read_text().count('href="#seed-mean"') == 2, "from the summary and from Table 3"
    assert (report / "report.md").read_text().count("](#two-aucs)") == 2


def test_a_raw_score_is_not_called_a_probability(report: Path) -> None:
    for name in ("report.html", "report.md"):
        text = (report / name).read_text()
        assert not re.search(r"(probability|chance) of (malignancy|cancer)", text, re.IGNORECASE)


def test_the_control_is_reported_outside_table_3(tmp_path: Path) -> None:
    malignant = np.tile([1, 0], N // 2)
    write_runs(tmp_path, malignant, maps=["emb", "sal+emb"])
    before = evaluate(reported_runs(tmp_path / "table3"))
    assert before.gain_over_shuffled is None
    for seed in range(2):
        noise = np.random.default_rng(seed).random(N)
        write_run(tmp_path, "fagg", "sal+emb", seed, noise, malignant, context="shuffled")
    after = evaluate(reported_runs(tmp_path / "table3"))
    pd.testing.assert_frame_equal(before.table3, after.table3)
    assert after.difference == before.difference
    assert after.gain_over_shuffled is not None
    assert after.shuffled_gain is not None
    assert after.difference is not None
    gain = after.difference.auc_difference.value
    assert after.gain_over_shuffled.auc_difference.value == pytest.approx(
        gain - after.shuffled_gain.auc_difference.value
    )
    assert main([str(tmp_path)]) == 0
    for page in ("report.html", "report.md"):
        text = (tmp_path / "report" / page).read_text()
        assert "Is context used?" in text
        assert "a malignant lesion" in text


def test_without_an_image_store_the_report_says_what_is_left_out(report: Path) -> None:
    sentence = (
        f"The image store {report.parent / 'store'} is missing, so Table 1, the figures of images and the gallery"
    )
    assert sentence in " ".join(Page((report / "report.html").read_text()).text.split())
    assert sentence in (report / "report.md").read_text().replace("\\", "")


def test_figures_have_the_papers_numbers_or_no_number(report: Path) -> None:
    for page, bold in (
        ("report.html", r"<strong>Figure (\d+)\.</strong> ([A-Z]\w+)"),
        ("report.md", r"\*\*Figure (\d+)\.\*\* (\w+)"),
    ):
        assert re.findall(bold, (report / page).read_text()) == [("6", "Test"), ("7", "Biopsies")]


def error_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_missing_runs_are_reported_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "does not exist" in error_of(capsys, tmp_path / "nowhere")
    (tmp_path / "table3").mkdir()
    assert "no finished run" in error_of(capsys, tmp_path)
    write_images(write_run(tmp_path, "context", "", 0, None, np.tile([1, 0], N // 2)), 0)
    assert "no finished f_loc or f_agg run" in error_of(capsys, tmp_path)
    assert not (tmp_path / "report").exists()


def test_runs_of_f_loc_alone_make_a_report(tmp_path: Path) -> None:
    malignant = np.tile([1, 0], N // 2)
    score = np.clip(0.5 + 0.3 * (malignant - 0.5) + 0.2 * np.random.default_rng(0).normal(size=N), 0, 1)
    write_run(tmp_path, "floc", "", 0, score, malignant)
    main([str(tmp_path)])
    page = (tmp_path / "report" / "report.html").read_text()
    wins = (score[malignant == 1][:, None] > score[malignant == 0]).mean()
    ties = (score[malignant == 1][:, None] == score[malignant == 0]).mean()
    assert f"f_loc alone separates malignant from benign lesions with an AUC of {wins + ties / 2:.3f}" in page
    assert "Table 3. AUC" not in page
    assert "Not run" not in page
    assert not (tmp_path / "report" / "table3.csv").exists()


def test_of_several_networks_without_maps_the_best_in_validation_opens_the_report(tmp_path: Path) -> None:
    malignant = np.tile([1, 0], N // 2)
    for seed, (init, val_auc) in enumerate((("he", 0.6), ("imagenet", 0.7))):
        folder = write_run(tmp_path, "floc", "", seed, np.random.default_rng(seed).random(N), malignant)
        result = json.loads((folder / "result.json").read_text()) | {"init": init, "val_auc": val_auc}
        (folder / "result.json").write_text(json.dumps(result))
    evaluation = evaluate(reported_runs(tmp_path / "table3"))
    assert evaluation.main == "f_loc alone, small, imagenet"
    assert [run.seed for run in evaluation.main_runs] == [1]
    assert set(evaluation.mean_scores) == {"f_loc alone, small, he", "f_loc alone, small, imagenet"}


def test_the_only_group_of_runs_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no finished run to report; train f_loc" in error_of(capsys, tmp_path)
    write_run(tmp_path, "fagg", "emb", 0, np.linspace(0, 1, N), np.tile([1, 0], N // 2))
    (tmp_path / "table3").rename(tmp_path / "mine")
    assert main([str(tmp_path), "--lesions", "0"]) == 0
    assert f"{tmp_path} --group mine" in (tmp_path / "report" / "report.html").read_text()
    capsys.readouterr()
    shutil.copytree(tmp_path / "mine", tmp_path / "other")
    assert main([str(tmp_path), "--lesions", "0"]) == 0
    printed = capsys.readouterr().out
    assert "Groups: mine (1 run)." in printed
    assert "Left out other: it has runs of f_agg emb, as mine does; --group other reports it." in printed
    assert "same model, maps and seed as" in error_of(capsys, tmp_path, "--group", "mine", "other")
    assert re.search(r"no such folder \(did you mean .*other\?\)", error_of(capsys, tmp_path, "--group", "othr"))


def test_runs_with_different_lesions_are_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    malignant = np.tile([1, 0], N // 2)
    write_run(tmp_path, "fagg", "emb", 0, np.linspace(0, 1, N), malignant, first_id="L000")
    write_run(tmp_path, "fagg", "sal", 0, np.linspace(0, 1, N), malignant, first_id="other")
    assert "did not score the same lesions" in error_of(capsys, tmp_path)


def test_the_page_opens_with_the_result_and_the_biopsies_avoided_per_cancer_missed(report: Path) -> None:
    opening = Page((report / "report.html").read_text()).text.split("Phantoms test the software")[0]
    found = evaluate(reported_runs(report.parent / "table3")).performance
    assert "sal+emb (mean score of 2 seeds of f_loc and f_agg) separates malignant from benign" in opening
    assert f"lesions with an AUC of {found.auc.value:.3f}" in opening
    point = found.chosen_here[0.02]
    assert "test lesions (chosen on these lesions, so optimistic)" in opening
    assert f"{round(point.tnr.value * 30)} of 30 benign biopsies would be avoided" in opening


def test_only_phantoms_are_called_synthetic(report: Path, tmp_path: Path) -> None:
    malignant = np.tile([1, 0], N // 2)
    write_run(tmp_path, "fagg", "emb", 0, malignant * 0.9, malignant, data="cbis_ddsm")
    assert main([str(tmp_path)]) == 0
    for folder, synthetic in ((report, True), (tmp_path / "report", False)):
        for page in ("report.html", "report.md"):
            text = (folder / page).read_text()
            assert ("Synthetic phantoms: these results test the software" in text) == synthetic
            assert ("Not a medical device" in text) != synthetic
            assert ("check for leakage" in text) != synthetic


def test_single_tables_and_figures_are_written_by_name(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "demo"
    shutil.copytree(report.parent, root)
    assert main([str(root), "--only", "table2", "figure6", "roc"]) == 0
    made = [root / "exhibits" / name for name in ("table2.csv", "figure6.csv", "figure6.png", "roc.png")]
    assert capsys.readouterr().out.splitlines() == ["Groups: table3 (18 runs).", *map(str, made)]
    assert {path.name for path in (root / "exhibits").iterdir()} == {path.name for path in made} | {
        "figure6.svg",
        "roc.svg",
    }
    complaint = error_of(capsys, root, "--only", "figure9")
    assert "figure9 is not a table or figure of these runs" in complaint
    assert "choose from birads, calibration, figure6, figure7, roc, table2, table3, table3-dots, trivial; " in complaint
    assert f"figures of images need the image store {root / 'store'}" in complaint


def test_lesions_of_another_split_and_patients_in_two_splits_are_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    malignant = np.tile([1, 0], N // 2)
    run = write_run(tmp_path, "fagg", "emb", 0, malignant * 0.9, malignant)
    tested = read_lesion_table(run / "lesions.parquet")
    write_lesion_table(tested.assign(split="train"), run / "lesions.parquet")
    assert "is of split train, not test (60 of 60 are)" in error_of(capsys, tmp_path)
    write_lesion_table(tested, run / "lesions.parquet")
    write_lesion_table(tested.assign(split="val"), run / "lesions-val.parquet")
    assert "the test set was used for selection" in error_of(capsys, tmp_path)
    validation = tested.assign(split="val", patient_id=tested["patient_id"] + "v", lesion_id=tested["lesion_id"] + "v")
    write_lesion_table(validation.assign(split="test"), run / "lesions-val.parquet")
    assert "is of split test, not val (60 of 60 are): models and thresholds must be selected" in error_of(
        capsys, tmp_path
    )
    write_lesion_table(validation, run / "lesions-val.parquet")
    found = evaluate(reported_runs(tmp_path / "table3")).performance
    assert found.transferred.keys() == found.chosen_here.keys()
    assert "of the malignant validation lesions" in tradeoff_sentence(found)


def change_result(folder: Path, **facts: object) -> None:
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**result, **facts}))


def test_runs_selected_on_the_test_split_are_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    malignant = np.tile([1, 0], N // 2)
    write_runs(tmp_path, malignant, maps=["emb", "sal+emb"])
    assert not any("selected" in warning for warning in evaluate(reported_runs(tmp_path / "table3")).warnings)
    change_result(tmp_path / "table3" / "context--s1", selected_by="test_auc")
    assert "context--s1: its checkpoint was selected by test_auc, not by" in error_of(capsys, tmp_path)
    change_result(tmp_path / "table3" / "context--s1", selected_by="")
    (warning,) = (each for each in evaluate(reported_runs(tmp_path / "table3")).warnings if "selected" in each)
    assert warning.startswith("1 of 8 runs (for example context--s1) do not record the metric that selected")


def test_a_run_that_reads_a_run_of_another_split_is_flagged(tmp_path: Path) -> None:
    malignant = np.tile([1, 0], N // 2)
    run = write_run(tmp_path, "fagg", "emb", 0, malignant * 0.9, malignant)
    floc = write_run(tmp_path / "elsewhere", "floc", "", 3, malignant * 0.9, malignant)
    imported = tmp_path / "mine.ckpt"
    imported.touch()
    reads = {"floc": os.path.relpath(floc, run), "context": os.path.relpath(imported, run)}
    change_result(run, reads=reads, read_digests={"store": "old"})
    for digest, flagged in (("old", 0), ("new", 1)):
        change_result(floc, read_digests={"store": digest})
        warnings = evaluate(reported_runs(tmp_path / "table3")).warnings
        assert sum(f"{floc.name} was trained on other images or another split" in each for each in warnings) == flagged


def test_what_a_killed_report_left_is_removed_and_a_report_moved_aside_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    (tmp_path / ".report-half").mkdir()
    (tmp_path / ".old-report-x" / "report").mkdir(parents=True)
    (tmp_path / ".old-report-x" / "report" / "report.html").write_text("the last one")
    with pytest.raises(RuntimeError, match="killed"), _fresh_folder(folder):
        raise RuntimeError("killed")
    assert (folder / "report.html").read_text() == "the last one"
    assert {path.name for path in tmp_path.iterdir()} == {"report", ".report.lock"}
