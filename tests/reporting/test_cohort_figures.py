"""The report's figures of a cohort are drawn one by one from the store and the runs."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from mammo.geometry import Frame
from mammo.models.context_network import official_checkpoint
from mammo.models.gmic import Gmic, GmicSizes
from mammo.records import MammoError
from mammo.reporting.cohort_figures import cohort_figures, write_saliency_figures
from mammo.store.manifest import Manifest

SIZE_GROUPS = OmegaConf.load(Path(__file__).parents[2] / "conf" / "gmic" / "eighth.yaml")
RUN = "fagg-emb-s0-0"


@pytest.fixture(scope="module")
def runs(reported_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run and a small context network beside it."""
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(reported_root / "table3" / RUN, folder / RUN)
    (folder / "context-s0-1").mkdir()
    (folder / "context-s0-1" / "result.json").write_text("{}")
    torch.manual_seed(0)
    sizes = GmicSizes(**{key: OmegaConf.to_container(SIZE_GROUPS)[key] for key in asdict(GmicSizes())})
    torch.save(official_checkpoint(Gmic(sizes, Frame(368, 240, 8))), folder / "context-s0-1" / "best.ckpt")
    return folder


def test_a_cohort_has_its_figures_in_the_papers_order(reported_root: Path, runs: Path) -> None:
    figures = list(cohort_figures(reported_root / "store", runs / RUN))
    saliency = [figure.name for figure in figures if figure.number == "2"]
    assert saliency == [f"figure2-{number}" for number in range(1, len(saliency) + 1)]
    names = ["figure1", *saliency, "figure3", "figure5-benign", "figure5-malignant"]
    assert [figure.name for figure in figures] == names
    assert all(figure.caption.endswith(".") and figure.figure.findobj() for figure in figures)


def test_without_a_context_network_there_are_no_saliency_maps(reported_root: Path) -> None:
    figures = cohort_figures(reported_root / "store", reported_root / "table3" / RUN)
    assert [figure.number for figure in figures] == ["1", "3", "5", "5"]


def test_a_configuration_of_another_version_is_rejected_with_its_path(reported_root: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("frame: {crops: {side_px: '${missing}'}}\n")
    with pytest.raises(MammoError, match=r"config\.yaml: not the configuration of a run \(it has an interpolation"):
        next(cohort_figures(reported_root / "store", tmp_path))


def test_saliency_figures_are_written_by_image_id(reported_root: Path, runs: Path, tmp_path: Path) -> None:
    store, checkpoint = reported_root / "store", runs / "context-s0-1" / "best.ckpt"
    first, second = Manifest.load(store).images.index[:2]
    paths = write_saliency_figures(tmp_path / "figure2", store, checkpoint, [first, second])
    assert paths == [tmp_path / "figure2" / f"{image_id}.png" for image_id in (first, second)]
    names = {f"{image_id}.{suffix}" for image_id in (first, second) for suffix in ("png", "svg")}
    assert {path.name for path in (tmp_path / "figure2").iterdir()} == names
    with pytest.raises(MammoError, match=r"image nowhere is neither an id in .*images\.parquet nor a path"):
        write_saliency_figures(tmp_path / "figure2", store, checkpoint, ["nowhere"])
