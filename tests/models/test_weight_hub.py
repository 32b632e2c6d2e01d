"""Hosts of pretrained weights that accept a connection and never answer."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from torch import nn

from mammo.models import weight_hub
from mammo.models.weight_hub import fetched
from mammo.models.weight_keys import BACKBONE
from mammo.records import MammoError


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_silent_hub_is_named_before_its_library_waits(
    silent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("HF_HUB_OFFLINE", False), ("ENDPOINT", f"http://{silent}"), ("HF_HUB_ETAG_TIMEOUT", 0.3)):
        monkeypatch.setattr(constants, name, value)
    template = f"http://{silent}/{{repo_id}}/resolve/{{revision}}/{{filename}}"  # made from ENDPOINT at the import
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    started = time.monotonic()
    with pytest.raises(MammoError, match=rf"from {silent} .*HF_HUB_ETAG_TIMEOUT.*pretrained_file="):
        fetched(lambda **_: nn.Identity(), "resnet18.tv_in1k", "timm/resnet18.tv_in1k", BACKBONE)
    assert time.monotonic() - started < 20


def test_a_silent_host_beside_the_hub_has_an_end_too(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_hub, "SILENT_S", 0.3)

    def build(pretrained: bool) -> nn.Module:
        with socket.create_connection(silent.split(":")) as connection:  # type: ignore[arg-type]
            connection.recv(1)
        return nn.Identity()

    with pytest.raises(MammoError, match=r"cannot be downloaded from its host \(TimeoutError"):
        fetched(build, "resnet0.x", None, BACKBONE)
    assert socket.getdefaulttimeout() is None


def test_cached_weights_need_no_hub(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("HF_HUB_OFFLINE", False), ("ENDPOINT", f"http://{silent}")):
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: "/cache/model.safetensors")
    assert isinstance(
        fetched(lambda **_: nn.Identity(), "resnet18.tv_in1k", "timm/resnet18.tv_in1k", BACKBONE), nn.Identity
    )
