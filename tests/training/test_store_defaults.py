"""Training reads the frame and the data set of its store; what the user gives wins, unless it contradicts the store."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from mammo.cli.hydra_app import completed, composed
from mammo.geometry import Frame
from mammo.records import MammoError
from mammo.store.store_header import DataSet, StoreHeader, write_store_header
from mammo.training.store_defaults import store_defaults

QUARTER = Frame(736, 480, 16)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The head of a store in a frame of its own, of a data set with a blank in its name."""
    write_store_header(tmp_path, StoreHeader(QUARTER, (DataSet("own 'set'", "table", "eighth"),)), {})
    return tmp_path


@pytest.mark.parametrize("command", ["train", "precompute"])
def test_a_command_is_completed_by_its_store(command: str, store: Path) -> None:
    needed = ["what=saliency"] if command == "precompute" else ["model=context"]
    cfg = composed(command, [f"store={store}", *needed], store_defaults)
    assert (cfg.frame.height, cfg.frame.width, cfg.frame.cell_px) == (736, 480, 16)
    assert (cfg.frame.crops.patch_px, cfg.gmic.widths) == (64, [16, 32, 32])
    assert cfg.data == {"name": "own 'set'", "init": "imagenet"}
    assert OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)


def test_what_the_user_gives_is_kept(store: Path) -> None:
    overrides = ["data.init=he", "frame.crops.patch_px=32", "gmic=full", f"store={store}"]
    cfg = composed("train", overrides, store_defaults)
    assert (cfg.data.init, cfg.frame.crops.patch_px, cfg.gmic.blocks, cfg.frame.height) == ("he", 32, 2, 736)
    assert composed("train", ["frame=full", f"store={store}"], store_defaults).frame.height == 2944


@pytest.mark.parametrize("place", ["root=null", "store=null", "store=7"])
def test_a_place_that_is_no_path_is_an_error(place: str) -> None:
    with pytest.raises(MammoError, match=rf"^{place}: give a word or a path, or leave {place.split('=')[0]}= out$"):
        completed("train", [place], store_defaults)


def test_phantoms_start_from_he(tmp_path: Path) -> None:
    write_store_header(tmp_path, StoreHeader(QUARTER, (DataSet("phantom", "table", "eighth"),)), {})
    assert composed("train", ["model=floc", f"store={tmp_path}"], store_defaults).backbone.init == "he"
