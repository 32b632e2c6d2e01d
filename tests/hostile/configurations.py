"""Configurations that were made to harm: payloads at every place where a configuration may name a class."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAYLOADS: dict[str, dict[str, Any]] = {
    "numpy.save": {"file": "{file}", "arr": [1, 2]},
    "numpy.DataSource": {"destpath": "{file}"},
    "pathlib.Path.touch": {"self": "{file}"},
    "pathlib.PosixPath": {"_args_": ["{file}"]},
    "os.mkdir": {"path": "{file}"},
    "os.system": {"command": "touch {file}"},
    "subprocess.Popen": {"args": ["touch", "{file}"]},
    "shutil.rmtree": {"path": "{file}"},
    "builtins.open": {"file": "{file}", "mode": "w"},
    "torch.hub.download_url_to_file": {"url": "http://127.0.0.1:9/x", "dst": "{file}"},
    "torchvision.datasets.utils.download_url": {"url": "http://127.0.0.1:9/x", "root": "{file}"},
    "torchmetrics.text.BERTScore": {"model_name_or_path": "evil/model"},
    "torch.save": {"obj": [1], "f": "{file}"},
    "torch.os.system": {"command": "touch {file}"},
    "torch.serialization.os.mkdir": {"path": "{file}"},
    "mammo.io.os.mkdir": {"path": "{file}"},
    "mammo.io.os.remove": {"path": "{file}"},
    "mammo.io.atomic_write": {"path": "{file}"},
    "mammo.store.pseudonyms.Pseudonyms.write_key": {"self": "x", "store": "{file}"},
    "mammo.training.prune.main": {},
    "mammo.phantoms.cohort.write_cohort": {"root": "{file}"},
    "mammo.models.weight_files.write_weights": {"content": {}, "path": "{file}"},
    "pytorch_lightning.utilities.cloud_io.os.system": {"command": "touch {file}"},
    "pytorch_lightning.trainer.connectors.signal_connector.subprocess.run": {"args": ["touch", "{file}"]},
    "torch.testing._internal.common_utils.TestCase": {},
    "torch.nn.modules.loss._Loss": {},
    "functools.partial": {"_args_": [], "func": {"_target_": "os.mkdir", "path": "{file}"}},
    "hydra.utils.instantiate": {"config": {"_target_": "os.mkdir", "path": "{file}"}},
    "hydra._internal.instantiate._instantiate2.instantiate": {"config": {"_target_": "os.mkdir", "path": "{file}"}},
    "logging.FileHandler": {"filename": "{file}"},
    "my_package.Anything": {},
}
"""Targets that are not classes of the place's kind, with arguments; {file} is a path in the canary folder."""

PLACES = (
    "model",
    "model.loss",
    "callbacks.evil",
    "logger.evil",
    "intensity",
    "trainer.profiler",
    "trainer.strategy",
    "hydra.callbacks.evil",
    "hydra.launcher",
    "hydra.sweeper",
)
"""Keys at which a configuration names a class."""


def filled(value: Any, file: Path) -> Any:
    """Arguments with the canary's path."""
    if isinstance(value, dict):
        return {key: filled(each, file) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, file) for each in value]
    return value.format(file=file) if isinstance(value, str) else value


def node(target: str, file: Path) -> dict[str, Any]:
    """The part of a configuration that names a payload."""
    return {"_target_": target, **filled(PAYLOADS[target], file)}


def at(key: str, value: Any) -> dict[str, Any]:
    """A configuration with a value at a dotted key."""
    for name in reversed(key.split(".")):
        value = {name: value}
    return dict(value)


def of_hydra(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield further parts of Hydra's node that act before a command begins, by what they do."""
    touch = {"()": "os.system", "command": f"touch {file}"}
    for name in ("job_logging", "hydra_logging"):
        yield f"{name} factory", {name: {"version": 1, "handlers": {"a": touch}, "root": {"handlers": ["a"]}}}
        yield f"{name} formatter", {name: {"version": 1, "formatters": {"a": touch}}}
        yield f"{name} class", {name: {"version": 1, "handlers": {"a": {"class": "os.system", "command": "x"}}}}
        opened = {"class": "logging.FileHandler", "filename": str(file)}
        yield f"{name} file", {name: {"version": 1, "handlers": {"a": opened}, "root": {"handlers": ["a"]}}}
        stream = {"class": "logging.StreamHandler", "stream": "ext://os.environ"}
        yield f"{name} ext", {name: {"version": 1, "handlers": {"a": stream}}}
        inner = {"class": "logging.StreamHandler", ".": {"terminator": "x"}}
        yield f"{name} attribute", {name: {"version": 1, "handlers": {"a": inner}}}
    yield "env_set", {"job": {"env_set": {"LD_PRELOAD": str(file), "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}}}
    yield "run.dir", {"run": {"dir": str(file)}}
    yield "sweep.dir", {"sweep": {"dir": str(file)}}
    yield "sweep.subdir", {"sweep": {"subdir": "../../x"}}
    yield "output_subdir", {"output_subdir": str(file)}
    yield "chdir", {"job": {"chdir": True}}
    yield "launcher setup", {"launcher": {"setup": [f"touch {file}"]}}
    yield "launcher argument", {"launcher": {"a": {"b": [{"_target_": "os.mkdir", "path": str(file)}]}}}
    yield "launcher folder", {"launcher": {"submitit_folder": str(file)}}
    yield "sweeper argument", {"sweeper": {"params": {"_target_": "os.mkdir", "path": str(file)}}}
    yield (
        "callback partial",
        {"callbacks": {"a": {"_target_": "mammo.training.sweep_callback.SweepCallback", "_partial_": True}}},
    )
    yield (
        "callback argument",
        {
            "callbacks": {
                "a": {
                    "_target_": "mammo.training.sweep_callback.SweepCallback",
                    "x": {"_target_": "os.mkdir", "path": "x"},
                }
            }
        },
    )
    yield "callback interpolated", {"callbacks": {"a": "${oc.create:{_target_: os.mkdir, path: x}}"}}
    yield "callback by parts", {"callbacks": {"a": {"_target_": "o${oc.decode:s}.mkdir", "path": str(file)}}}
    yield (
        "callback that pickles",
        {"callbacks": {"a": {"_target_": "hydra.experimental.callbacks.PickleJobInfoCallback"}}},
    )
    yield "callback pickle", {"callbacks": {"a": {"_target_": "hydra.core.utils.run_job"}}}
