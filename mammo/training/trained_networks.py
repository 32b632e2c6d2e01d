"""Networks of checkpoints, which are read as data: nothing in one runs code, opens the network or allocates at will.

The constructor's arguments in a checkpoint have the types and ranges of the configuration keys that they come from
(mammo.cli.keys), and the network that they describe may have no more numbers than the checkpoint holds.
"""

import hashlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.modules import module as registration

from mammo.cli.keys import SIMPLE, TRAIN
from mammo.cli.targets import Place, resolve
from mammo.cli.value_types import shown
from mammo.io import runtime_errors_as
from mammo.models.context_network import ContextNetwork
from mammo.models.weight_files import read_weights, weights_of
from mammo.records import MammoError
from mammo.training.configured_classes import plain, read_config
from mammo.training.run_files import verified

GROUPS = {"backbone": "backbone", "frame": "frame", "sizes": "gmic"}
"""The parts of the configuration that a constructor receives as a whole, by the names of its arguments."""

UNTRAINED = {"init": "he", "pretrained_file": None}
"""Where a backbone starts from: not from a file or the hub, because a checkpoint holds every weight."""

TRUNKS = ("local_trunk", "global_trunk")
"""Arguments of the context network that name other files of weights, left out for the same reason."""

SPARE = 1_000_000
"""Numbers that a network may hold beyond twice those of its checkpoint: buffers that are not saved, and layers that the
constructor replaces."""

Arguments = dict[str, Any]


@dataclass(frozen=True, eq=False)
class SavedNetwork:
    """A trained network as data: no code, and nothing that reads another file.

    Attributes:
        where: the file that it comes from, for messages.
        arguments: what the network's constructor received.
        state: its weights by name.
    """

    where: str
    arguments: Arguments
    state: Mapping[str, Tensor]

    @classmethod
    def of_checkpoint(cls, path: Path) -> "SavedNetwork":
        """The network of a checkpoint; MammoError where it cannot be read safely or has no hyperparameters."""
        content = read_weights(verified(path))
        arguments, state = content.get("hyper_parameters"), weights_of(content, path)
        if not isinstance(arguments, dict):
            raise MammoError(f"{path} has no hyper_parameters, of which its network is built: give best.ckpt of a run")
        try:
            return cls(str(path), without_sources(arguments), state)
        except RecursionError:
            raise MammoError(f"{path}: hyper_parameters hold themselves: give best.ckpt of a run") from None

    @classmethod
    def of_network(cls, network: pl.LightningModule) -> "SavedNetwork":
        """A network as data, its weights on the CPU; MammoError where it kept none of its constructor's arguments."""
        arguments = without_sources(network.hparams)
        if not arguments:
            name = type(network).__name__
            raise MammoError(f"{name} keeps no hyperparameters: call save_hyperparameters in its constructor")
        return cls(type(network).__name__, arguments, {key: value.cpu() for key, value in network.state_dict().items()})

    def digest(self) -> str:
        """SHA-256 of the weights, as hex."""
        digest = hashlib.sha256()
        for name in sorted(self.state):
            value = self.state[name].contiguous()
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def built(self, network: type[pl.LightningModule]) -> pl.LightningModule:
        """The network, of this class, in evaluation mode.

        Raises:
            MammoError: an argument is unknown, of another type or out of range, or the weights do not fit.
        """
        _check_arguments(self.where, network, self.arguments)
        content = {"state_dict": dict(self.state), "hyper_parameters": self.arguments}
        try:
            with runtime_errors_as(ValueError):
                made = _built(network, self.arguments, sum(value.numel() for value in self.state.values()))
                made.on_load_checkpoint(content)
                made.load_state_dict(content["state_dict"])
        except MammoError as error:
            raise MammoError(f"{self.where}: hyper_parameters: {error}") from error
        except (
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            IndexError,
            NotImplementedError,
            AssertionError,
        ) as error:
            reason = " ".join(str(error).split())[:400]
            raise MammoError(
                f"{self.where} does not fit {network.__name__} ({type(error).__name__}: {reason}): give the checkpoint "
                "of a run of this network"
            ) from error
        return made.eval()


def load_network(run: Path, base: type[pl.LightningModule], allowed: Sequence[str]) -> pl.LightningModule:
    """The network of a finished run, by its best checkpoint, in evaluation mode.

    Args:
        run: the run folder; its config.yaml names the class, and best.ckpt holds the constructor's arguments.
        base: the class must be a subclass of it.
        allowed: packages that the command line allows.

    Raises:
        MammoError: as read_config; the class is another one, or the checkpoint does not fit it.
    """
    config = plain(read_config(run, allowed))
    cls = class_of(config, f"{run / 'config.yaml'}", base, allowed)
    saved = SavedNetwork.of_checkpoint(run / "best.ckpt")
    own, frame = saved.arguments.get("frame"), config.get("frame")
    if isinstance(own, Mapping) and isinstance(frame, Mapping) and any(own[name] != frame.get(name) for name in own):
        raise MammoError(
            f"{run / 'best.ckpt'} is of the frame {dict(own)}, but {run / 'config.yaml'} has another one: copy the run "
            "again, or train it again"
        )
    return saved.built(cls)


def class_of(
    config: Mapping[str, Any], where: str, base: type[pl.LightningModule], allowed: Sequence[str]
) -> type[pl.LightningModule]:
    """The class of the network that a run's configuration names, a subclass of base.

    Args:
        config: the resolved configuration.
        where: its file, for messages.
        base: the class must be a subclass of it.
        allowed: packages that the command line allows.

    Raises:
        MammoError: as mammo.cli.targets.resolve.
    """
    model = config.get("model")
    cls: type[pl.LightningModule] = resolve(
        model if isinstance(model, dict) else {}, Place(f"{where}: model", (base,)), allowed
    )
    return cls


def load_context_network(path: Path) -> ContextNetwork:
    """The context network of a checkpoint, in evaluation mode.

    Raises:
        MammoError: it cannot be read safely, or it is not a checkpoint of a context network.
    """
    network = SavedNetwork.of_checkpoint(path).built(ContextNetwork)
    assert isinstance(network, ContextNetwork)
    return network


def without_sources(arguments: Mapping[Any, Any]) -> Arguments:
    """Arguments of a constructor without those that name files or the hub to start from, and with lists for tuples."""
    found = {str(key): _as_lists(value) for key, value in arguments.items() if key not in TRUNKS}
    if isinstance(backbone := found.get("backbone"), dict):
        found["backbone"] = backbone | UNTRAINED
    return found


def _check_arguments(where: str, cls: type, arguments: Arguments) -> None:
    """Check arguments from a checkpoint against the constructor's signature and the types and ranges of their keys.

    Raises:
        MammoError: one is unknown, of another type or out of range.
    """
    parameters = inspect.signature(cls).parameters.values()
    known = [each.name for each in parameters]
    takes_any = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)
    for key, value in arguments.items():
        if key not in known and not takes_any:
            raise MammoError(
                f"{where}: hyper_parameters.{key} is not an argument of {cls.__name__}, which has {', '.join(known)}: "
                "give the checkpoint of a run of this network"
            )
        if problem := next(_problems(key, value), None):
            raise MammoError(f"{where}: hyper_parameters: {problem}; give the checkpoint of a finished run")


def _as_lists(value: object) -> object:
    """A value with its tuples as lists, as a configuration has them."""
    if isinstance(value, Mapping):
        return {name: _as_lists(each) for name, each in value.items()}
    return [_as_lists(each) for each in value] if isinstance(value, list | tuple) else value


def _problems(name: str, value: object) -> Iterator[str]:
    """Yield what is wrong with the value of an argument."""
    part = GROUPS.get(name)
    if part is None:
        values, types = {f"model.{name}": value}, {f"model.{name}": TRAIN.get(f"model.{name}", SIMPLE)}
    elif isinstance(value, Mapping):
        values = {f"{part}.{inner}": each for inner, each in value.items()}
        types = {key: kind for key, kind in TRAIN.items() if key.startswith(f"{part}.")}
    else:
        yield f"{name}={shown(value)}: give a dictionary of the keys of conf/{part}"
        return
    for key, each in values.items():
        if key not in types:
            yield f"{shown(key)} is not a key of conf/{part}"
        elif problem := types[key].problem(key, each):
            yield problem


def _built(cls: type[pl.LightningModule], arguments: Arguments, n_numbers: int) -> pl.LightningModule:
    """The network, built once without memory, to see how large it is, and then with it."""
    try:
        with _at_most(n_numbers), torch.random.fork_rng(devices=[]), torch.device("meta"):
            cls(**arguments)
    except NotImplementedError:  # the constructor reads its own weights, which do not exist there
        pass
    with _at_most(n_numbers):
        return cls(**arguments)


@contextmanager
def _at_most(n_numbers: int) -> Iterator[None]:
    """Stop the construction of a network, in this block, once it is larger than its checkpoint."""
    found = 0

    def count(_: torch.nn.Module, __: str, value: Tensor | None) -> None:
        nonlocal found
        found += 0 if value is None else value.numel()
        if found > 2 * n_numbers + SPARE:
            raise MammoError(
                f"they describe a larger network than the {n_numbers:,} numbers of state_dict: copy the checkpoint "
                "again, or train the run again"
            )

    hooks = [
        registration.register_module_parameter_registration_hook(count),
        registration.register_module_buffer_registration_hook(count),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
