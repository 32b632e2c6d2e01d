"""No runtime dependency may have a license that binds this project's users: GPL or AGPL."""

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
BINDING = re.compile(r"(?<!Lesser )(?<!Library )(General Public License|(?<![A-Z])A?GPL)", re.IGNORECASE)
"""GPL and AGPL by name or number, without the LGPL, which permits linking."""


def installed(requirements: Iterable[str]) -> dict[str, Distribution]:
    """Every installed distribution of the requirements and of their own requirements."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(text), "") for text in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:  # meant for another platform
            continue
        for inner in {"", *requirement.extras} - {known for other, known in seen if other == name}:
            seen.add((name, inner))
            waiting += [(Requirement(text), inner) for text in found[name].requires or []]
    return found


def license_texts(package: Distribution) -> list[str]:
    """The license statements of a distribution: the expression, the classifiers, the free field's first line.

    The free field often holds a whole text that mentions other licenses, so only its title counts.
    """
    meta = package.metadata
    classifiers = [text for text in meta.get_all("Classifier") or [] if text.startswith("License ::")]
    texts = [meta.get("License-Expression") or "", *classifiers, (meta.get("License") or "").strip().split("\n")[0]]
    return [text for text in texts if text]


def binds(text: str) -> bool:
    """Whether a license statement is GPL or AGPL without a choice or an exception for linking."""
    choices = re.split(r"\s+OR\s+", text)
    return all(BINDING.search(choice) and " WITH " not in choice for choice in choices)


def test_no_dependency_is_under_the_gpl() -> None:
    dependencies = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    found = installed(dependencies)
    assert {Requirement(text).name for text in dependencies} <= set(found)
    statements = {name: license_texts(package) for name, package in found.items()}
    assert not {name: texts for name, texts in statements.items() if any(map(binds, texts))}


def test_no_extra_for_users_brings_the_gpl() -> None:
    """As far as they are installed."""
    extras = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    found = installed(text for name in ("dicom", "serve", "slurm", "optuna") for text in extras[name])
    statements = {name: license_texts(package) for name, package in found.items()}
    assert not {name: texts for name, texts in statements.items() if any(map(binds, texts))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GPLv3", True),
        ("AGPL-3.0-only", True),
        ("GPL-3.0-or-later", True),
        ("GNU General Public License v3", True),
        ("License :: OSI Approved :: GNU Affero General Public License v3", True),
        ("BSD-3-Clause AND GPL-2.0-only", True),
        ("LGPL-2.1-or-later", False),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", False),
        ("MIT OR GPL-2.0-only", False),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", False),
        ("Apache-2.0", False),
    ],
)
def test_licenses_that_bind(text: str, expected: bool) -> None:
    assert binds(text) is expected
