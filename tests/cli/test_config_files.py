"""Configuration files are parsed once, and again when they have changed; what Hydra gets is Hydra's own."""

import os
from pathlib import Path

import pytest
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError
from omegaconf import DictConfig, OmegaConf

import mammo.cli.hydra_app  # noqa: F401  (registers it)
from mammo.cli.config_files import FileConfigSource


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The files that are parsed from now on."""
    found: list[object] = []
    whole = OmegaConf.load
    monkeypatch.setattr(OmegaConf, "load", lambda file: found.append(file.name) or whole(file))
    return found


def source(folder: Path) -> FileConfigSource:
    return FileConfigSource("main", f"file://{folder}")


def test_hydra_reads_files_by_it() -> None:
    Plugins.instance()
    assert SourcesRegistry.instance().resolve("file") is FileConfigSource


def test_a_file_is_parsed_once_and_again_when_it_has_changed(tmp_path: Path, loads: list[object]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("# @package _global_\ndefaults: [b]\nx: ${y}\ny: ???\nz: [1, 2]\n")
    first = source(tmp_path).load_config("a")
    assert isinstance(first.config, DictConfig)
    first.config.pop("defaults")
    first.config.z.append(3)
    again = FileConfigSource("other", f"file://{tmp_path}").load_config("a.yaml")
    assert len(loads) == 1
    assert OmegaConf.to_container(again.config) == {"defaults": ["b"], "x": "${y}", "y": "???", "z": [1, 2]}
    assert (again.header["package"], again.provider, again.path) == ("_global_", "other", f"file://{tmp_path}")
    before = file.stat()
    file.write_text(file.read_text().replace("2", "7"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    changed = source(tmp_path).load_config("a").config
    assert isinstance(changed, DictConfig)
    assert changed.z == [1, 7]
    assert len(loads) == 2


def test_a_file_that_is_gone_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("x: 1\n")
    source(tmp_path).load_config("a")
    (tmp_path / "a.yaml").unlink()
    with pytest.raises(ConfigLoadError, match=r"a\.yaml"):
        source(tmp_path).load_config("a")


@pytest.mark.parametrize(("text", "content"), [("", {}), ("[1, {a: 2}]", [1, {"a": 2}])])
def test_empty_files_and_lists_are_as_hydra_reads_them(tmp_path: Path, text: str, content: object) -> None:
    (tmp_path / "a.yaml").write_text(text)
    for _ in range(2):
        assert OmegaConf.to_container(source(tmp_path).load_config("a").config) == content
