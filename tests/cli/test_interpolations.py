"""The count of what references stand for, against values resolved by OmegaConf, and names that cannot be counted."""

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from mammo.cli.hydra_app import CONF
from mammo.cli.interpolations import check_references
from mammo.records import MammoError


def written(folder: Path, **contents: Any) -> dict[Path, object]:
    """Files of a folder, and their contents."""
    files = {folder / f"{name}.yaml": content for name, content in contents.items()}
    for path, content in files.items():
        path.write_text(yaml.safe_dump(content))
    return files


def size(node: object) -> int:
    """How many values a resolved configuration holds; a long text counts as several."""
    if isinstance(node, dict):
        return sum(map(size, node.values()))
    return sum(map(size, node)) if isinstance(node, list) else 1 + len(str(node)) // 100


def drawn(rng: random.Random) -> dict[str, Any]:
    """A configuration of values that each refer to later ones, by several kinds of references."""
    names = "abcdefgh"[-rng.randrange(3, 9) :]
    forms = ["${%s}", "x${%s}-${%s}", "${m.a}${%s}", "${oc.select:%s}", "${oc.dict.values:m}", "${oc.env:NO,${%s}}"]

    def value(later: str, depth: int = 0) -> Any:
        kind = rng.randrange(3 if depth < 2 else 1)
        if kind and later:
            inner = [value(later, depth + 1) for _ in range(rng.randrange(2, 4))]
            return inner if kind == 1 else {f"k{number}": each for number, each in enumerate(inner)}
        text = rng.choice(forms)
        return text % tuple(rng.choice(later) for _ in range(text.count("%s"))) if later else rng.randrange(9)

    return {name: value(names[number + 1 :]) for number, name in enumerate(names)} | {"m": {"a": 1, "b": 2}}


def test_no_count_is_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, sizes = random.Random(0), []
    for _ in range(50):
        content = drawn(rng)
        sizes.append(size(OmegaConf.to_container(OmegaConf.create(content), resolve=True)))
        monkeypatch.setattr("mammo.cli.interpolations.YAML_VALUES", sizes[-1] - 1)
        with pytest.raises(MammoError):
            check_references(written(tmp_path, a=content), [])
    assert max(sizes) > 100


def test_our_own_configuration_copied_by_a_user_is_no_problem(tmp_path: Path) -> None:
    ours = {path.relative_to(CONF): yaml.safe_load(path.read_text()) for path in CONF.rglob("*.yaml")}
    files = {}
    for path, content in ours.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text((CONF / path).read_text())
        files[tmp_path / path] = content
    check_references(files, list(ours.values()))


GOOD = {
    "passed on": {"model": {name: f"${{{name}}}" for name in ("lr", "seed", "name")}, "lr": 1, "seed": 2, "name": "x"},
    "many experiments": {f"e{number}": {"name": "${group}-${seed}", "seed": number} for number in range(200)},
    "from the environment": {"a": "${oc.decode:${oc.env:LIST}}", "b": "${oc.env:HOME,${root}}"},
    "our functions": {"lr": "${log_uniform:${lr_range},${seed},${trial}}", "px": "${full_px:${size}}"},
    "a part by number": {"seeds": [1, 2], "a": "${seeds.0}${seeds[1]}"},
    "commands": {"commands": ["mammo.train root=${root} seed=${seeds.0} group=${group}"] * 100},
}


@pytest.mark.parametrize("name", GOOD)
def test_usual_references_are_few(name: str, tmp_path: Path) -> None:
    check_references(written(tmp_path, a=GOOD[name]), [])


BAD: dict[str, tuple[dict[str, Any], ...]] = {
    "a large part often": ({"m": dict.fromkeys(map(str, range(200)), 1), "l": ["${m}"] * 100},),
    "a long text often": ({"t": "x" * 10_000, "l": ["${t}"] * 200},),
    "a chain in its own group": ({f"a{n}": f"${{a{n + 1}}}${{a{n + 1}}}" for n in range(14)} | {"a14": "${lr}"},),
    "two files": (
        {f"a{n}": f"${{a{n + 1}}}" * 3 for n in range(5)},
        {f"a{n}": f"${{a{n + 1}}}" * 3 for n in range(5, 10)},
    ),
    "a part that two files hold": (
        {f"m{n}": {"x": f"${{m{n + 1}}}"} for n in range(15)},
        {f"m{n}": {"y": f"${{m{n + 1}}}"} for n in range(15)},
    ),
    "through another": ({f"p{n}": f"${{p{n + 1}.x}}${{p{n + 1}.x}}" for n in range(14)} | {"p14": {"x": 1}},),
}


@pytest.mark.parametrize("name", BAD)
def test_what_stands_for_much_is_rejected(name: str, tmp_path: Path) -> None:
    files = written(tmp_path, **{f"f{number}": content for number, content in enumerate(BAD[name])})
    with pytest.raises(MammoError, match=r"f0\.yaml stands for more than 10,000 values, with what its"):
        check_references(files, [])


@pytest.mark.parametrize(
    "text",
    [
        "${oc.select:a${n}}",
        "${${n}}",
        "${a.${n}}",
        "${oc.decode:${t}}",
        "${oc.create:'${t}'}",
        "${oc.decode:'${d}{t}'}",
    ],
)
def test_names_made_of_other_values_are_rejected(text: str, tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"f\.yaml has a \$\{\.\.\.\} within another one"):
        check_references(written(tmp_path, f={"n": "1", "x": [{"y": text}]}), [])
