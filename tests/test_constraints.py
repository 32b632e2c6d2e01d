"""The two sets of exact versions: complete, host-free, and the same but for what torch brings."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FILES = ("constraints.txt", "constraints-v100.txt")
TORCH_STACK = re.compile(r"torch|torchvision|triton|nvidia-.+|cuda-.+")


def pins(name: str) -> dict[str, str]:
    """Name to version of every line that is not a comment."""
    lines = [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[a-z0-9.]+", line) for line in lines), "only name==version"
    return dict(line.split("==") for line in lines)


def requirements() -> list[Requirement]:
    """All that pyproject.toml asks for, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("name", FILES)
def test_every_requirement_is_pinned_within_its_range(name: str) -> None:
    found = pins(name)
    for requirement in requirements():
        assert found[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_sets_differ_only_in_what_torch_brings() -> None:
    plain, v100 = (
        {package: version for package, version in pins(name).items() if not TORCH_STACK.fullmatch(package)}
        for name in FILES
    )
    assert plain == v100


def test_v100_gets_the_newest_torch_that_runs_on_it() -> None:
    assert (pins("constraints-v100.txt")["torch"], pins("constraints-v100.txt")["torchvision"]) == ("2.10.0", "0.25.0")
