"""Files are read as data: no call in mammo or in the tests could run code that a file holds."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path for folder in ("mammo", "tests") for path in (ROOT / folder).rglob("*.py"))

SAFE_ARGUMENT = {"load_from_checkpoint": ("weights_only", True), "np.load": ("allow_pickle", False)}
SAFE_ARGUMENT |= {"torch.load": ("weights_only", True), "numpy.load": ("allow_pickle", False)}
"""Calls that are safe with this argument only."""

FORBIDDEN = {
    *("eval", "exec", "pickle.load", "pickle.Unpickler", "pd.read_pickle", "marshal.loads"),
    *("torch.jit.load", "torch.hub.load", "torch.package.PackageImporter", "joblib.load", "dill.load", "shelve.open"),
    *("yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "OmegaConf.unsafe_load", "os.system"),
}
"""Calls that run code, or could."""

FORBIDDEN_IN_MAMMO = {"load_from_checkpoint", "loads"}
"""Last names of calls that only tests make, on what they have written themselves."""

PARSERS = {"json.loads", "plistlib.loads"}
"""Functions of these names that only parse."""


def name_of(node: ast.expr) -> str:
    """The dotted name of what is called."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def unsafe_calls(source: str, is_test: bool = False) -> list[str]:
    """The calls of a module that could run code of a file, as line and name.

    Args:
        source: the module's text.
        is_test: whether it is a test, which may read its own checkpoints.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node.func)
        last = name.rpartition(".")[2]
        needed = SAFE_ARGUMENT.get(name) or SAFE_ARGUMENT.get(last)
        given = {word.arg: word.value.value for word in node.keywords if isinstance(word.value, ast.Constant)}
        loader = yaml_loader(node) if name == "yaml.load" else "SafeLoader"
        is_bare = needed is not None and given.get(needed[0]) is not needed[1]
        is_ours = is_test or name in PARSERS or last not in FORBIDDEN_IN_MAMMO
        if is_bare or name in FORBIDDEN or not is_ours or "Safe" not in loader:
            found.append(f"{node.lineno}: {name}")
    return found


def yaml_loader(node: ast.Call) -> str:
    """The name of the loader of a call of yaml.load."""
    words = [*node.args[1:], *(word.value for word in node.keywords)]
    return name_of(words[0]) if words else ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_call_could_run_the_code_of_a_file(path: Path) -> None:
    assert not unsafe_calls(path.read_text(encoding="utf-8"), is_test="tests" in path.parts)


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=flag)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "FLoc.load_from_checkpoint(path)",
        "FLoc.load_from_checkpoint(path, weights_only=True)",
        "pickle.loads(text)",
        "yaml.load(text, yaml.Loader)",
        "yaml.load(text)",
        "eval(text)",
    ],
)
def test_unsafe_calls_are_found(source: str) -> None:
    assert unsafe_calls(source)


def test_safe_calls_are_not_reported() -> None:
    safe = (
        "torch.load(p, weights_only=True); np.load(p, allow_pickle=False); yaml.safe_load(t); yaml.load(t, SafeLoader)"
    )
    assert not unsafe_calls(safe)
    assert not unsafe_calls("FLoc.load_from_checkpoint(path, weights_only=True)", is_test=True)


def test_torch_reads_files_in_one_module_only() -> None:
    callers = [
        path for path in FILES if "tests" not in path.parts and "torch.load(" in path.read_text(encoding="utf-8")
    ]
    assert [path.name for path in callers] == ["weight_files.py"]
