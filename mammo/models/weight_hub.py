"""Pretrained weights from the network, with an end to waiting for a host that accepts a connection and stays silent."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from torch import nn

from mammo.models.weight_keys import WeightKeys
from mammo.records import MammoError

FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of weights in a repository of the hub, in the order in which timm looks for them."""

SILENT_S = 6.0
"""Longest wait for the next bytes of a host. The hub's library asks six times before it gives up."""

OF_ARGUMENTS = (TypeError, ValueError, AssertionError)
"""Errors of a network's constructor that does not take its arguments."""


def fetched(build: Callable[..., nn.Module], name: str, repository: str | None, keys: WeightKeys) -> nn.Module:
    """Build timm's network with its weights from the local cache, else from the network.

    Args:
        build: timm's constructor of the network.
        name: of the network and its weights.
        repository: on the hub (weights_repository); None where the weights lie elsewhere.
        keys: of the configuration, for messages.

    Raises:
        MammoError: the weights cannot be fetched, or the host does not answer.
        TypeError: an argument is unknown to the network's constructor; ValueError and AssertionError likewise.
    """
    try:
        with _limited_waits():
            if repository is not None:
                _check_hub(repository.partition("@")[0])
            return build(pretrained=True)
    except OF_ARGUMENTS:
        raise
    except Exception as error:  # the libraries that fetch have errors of their own
        raise MammoError(
            f"the ImageNet weights of {name} cannot be downloaded from {_host(name, repository)} "
            f"({type(error).__name__}; HF_HUB_ETAG_TIMEOUT=SECONDS waits longer): give a local file with "
            f"{keys.file}=, or train from scratch with {keys.scratch}"
        ) from error


def _check_hub(repository: str) -> None:
    """Ask the hub once for a repository whose weights are not cached: its library would ask a silent host for minutes.

    Raises:
        ConnectionError: the hub does not answer.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    is_cached = any(isinstance(try_to_load_from_cache(repository, name), str) for name in FILES)
    if is_cached or constants.HF_HUB_OFFLINE:
        return
    try:
        get_hf_file_metadata(hf_hub_url(repository, FILES[0]), timeout=constants.HF_HUB_ETAG_TIMEOUT)
    except HfHubHTTPError:  # an answer: timm reports what is missing, or finds weights of another name
        return
    except Exception as error:
        raise ConnectionError("no answer") from error


@contextmanager
def _limited_waits() -> Iterator[None]:
    """Limit waits for hosts in this block, unless the environment sets the hub's own limit, and send no telemetry."""
    from huggingface_hub import constants

    own: dict[str, object] = {"HF_HUB_DISABLE_TELEMETRY": True}
    if "HF_HUB_DOWNLOAD_TIMEOUT" not in os.environ:
        own["HF_HUB_DOWNLOAD_TIMEOUT"] = int(SILENT_S)
    before, waited = {name: getattr(constants, name) for name in own}, socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(SILENT_S)  # for torch.hub, which sets none
        for name, value in own.items():
            setattr(constants, name, value)
        yield
    finally:
        socket.setdefaulttimeout(waited)
        for name, value in before.items():
            setattr(constants, name, value)


def _host(name: str, repository: str | None) -> str:
    """The host that has a network's weights."""
    if repository is not None:
        from huggingface_hub import constants

        return urlsplit(constants.ENDPOINT).netloc
    import timm  # slow to import: only for networks from timm

    known = timm.get_pretrained_cfg(name)
    return urlsplit(str(known.url)).netloc if known is not None else "its host"
