"""Configuration files, parsed once: Hydra parses each file again for every configuration that it composes.

A command composes two configurations and a sweep two for every job; parsing is a quarter of that.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins import file_config_source
from hydra._internal.sources_registry import SourcesRegistry
from hydra.plugins.config_source import ConfigResult
from omegaconf import OmegaConf

_parsed: dict[Path, tuple[tuple[int, int, int], ConfigResult, Any]] = {}
"""By path: which file it was, what Hydra read of it, and its content as plain values."""


class FileConfigSource(file_config_source.FileConfigSource):
    """Hydra's source of configuration files, which parses a file again only after it has changed.

    It has the name of Hydra's own, which registers itself in every process unless one of its name is there. Importing
    this module registers it.
    """

    def load_config(self, config_path: str) -> ConfigResult:
        """The content of a file, new each time: Hydra changes what it gets."""
        path = Path(self.path, self._normalize_file_name(config_path))
        try:
            found = path.stat()
        except OSError:
            return super().load_config(config_path)  # which says so
        stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
        if path not in _parsed or _parsed[path][0] != stamp:
            read = super().load_config(config_path)
            _parsed[path] = (stamp, read, OmegaConf.to_container(read.config))
        _, read, content = _parsed[path]
        return replace(read, config=OmegaConf.create(content), header=dict(read.header), provider=self.provider)


SourcesRegistry.instance().register(FileConfigSource)
