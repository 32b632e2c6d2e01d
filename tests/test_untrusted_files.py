"""Files are read as data: no call in mammo or in the tests could run code that a file holds."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path for folder in ("mammo", "tests") for path in (ROOT / folder).rglob("*.py"))

SAFE_ARGUMENT = {
    "load_from_checkpoint": ("weights_only", True),
    "torch.load": ("weights_only", True),
    "torch.serialization.load": ("weights_only", True),
    "numpy.load": ("allow_pickle", False),
}
"""Functions that are safe where they are called with this argument."""

FORBIDDEN = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "subprocess.getoutput", "runpy.run_path"),
    *("pickle.load", "pickle.Unpickler", "pandas.read_pickle", "marshal.load", "marshal.loads", "shelve.open"),
    *("torch.jit.load", "torch.export.load", "torch.package.PackageImporter", "joblib.load", "dill.load"),
    *("torch.hub.load", "torch.hub.load_state_dict_from_url", "torch.utils.model_zoo.load_url"),
    *("torch.utils.cpp_extension.load", "torch.serialization.add_safe_globals", "torch.serialization.safe_globals"),
    *("yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "omegaconf.OmegaConf.unsafe_load"),
}
"""Functions that run code, or could; those of files that torch reads by itself, too."""

FORBIDDEN_IN_MAMMO = {"load_from_checkpoint", "loads"}
"""Last names of functions that only tests call, on what they have written themselves."""

PARSERS = {"json.loads", "plistlib.loads"}
"""Functions of these names that only parse."""

EXPECTED = {
    "mammo/intake/adapters/nyu.py": {"pickle.Unpickler"},  # the base of a reader that finds no class
    "tests/hostile/checkpoints.py": {"os.system", "eval"},  # never called: what its pickles would call
}
"""Uses of forbidden functions, by file."""

Names = dict[str, str]
"""What names of a module stand for, as dotted names from elsewhere."""


def imported(tree: ast.AST) -> Names:
    """The imports of a module, under the names that it gives them."""
    found: Names = {}
    for node in ast.walk(tree):
        for one in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            if isinstance(node, ast.ImportFrom):
                found[one.asname or one.name] = f"{'.' * node.level}{node.module or ''}.{one.name}"
            elif one.asname:
                found[one.asname] = one.name
    return found


def name_of(node: ast.expr, names: Names) -> str:
    """The dotted name of an expression, from where it was imported; also of getattr with a text."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value, names)}.{node.attr}"
    if isinstance(node, ast.Call) and name_of(node.func, names) == "getattr" and len(node.args) > 1:
        word = node.args[1]
        return f"{name_of(node.args[0], names)}.{word.value if isinstance(word, ast.Constant) else ''}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def unsafe_calls(source: str, is_test: bool = False) -> list[str]:
    """The uses of functions in a module that could run code of a file, as line and name.

    Args:
        source: the module's text.
        is_test: whether it is a test, which may read its own checkpoints.
    """
    tree = ast.parse(source)
    names = imported(tree)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute | ast.Call) and isinstance(
            getattr(node, "ctx", ast.Load()), ast.Load
        ):
            name = name_of(node, names)
            if name and not is_safe(name, calls.get(id(node)), names, is_test):
                found.append(f"{node.lineno}: {name}")
    return found


def is_safe(name: str, call: ast.Call | None, names: Names, is_test: bool) -> bool:
    """Whether a function may be used like this; a call that is None stands for any, as where it is passed on."""
    last = name.rpartition(".")[2]
    needed = SAFE_ARGUMENT.get(name) or SAFE_ARGUMENT.get(last)
    if name in FORBIDDEN or (last in FORBIDDEN_IN_MAMMO and name not in PARSERS and not is_test):
        return False
    if name == "yaml.load":
        return call is not None and "Safe" in yaml_loader(call, names)
    given = (
        {word.arg: word.value.value for word in call.keywords if isinstance(word.value, ast.Constant)} if call else {}
    )
    return needed is None or given.get(needed[0]) is needed[1]


def yaml_loader(node: ast.Call, names: Names) -> str:
    """The name of the loader of a call of yaml.load."""
    words = [*node.args[1:], *(word.value for word in node.keywords)]
    return name_of(words[0], names) if words else ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_call_could_run_the_code_of_a_file(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    found = unsafe_calls(path.read_text(encoding="utf-8"), is_test=name.startswith("tests/"))
    assert {one.partition(": ")[2] for one in found} == EXPECTED.get(name, set()), found


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=flag)",
        "import numpy as np; np.load(path)",
        "import numpy as np; np.load(path, allow_pickle=True)",
        "from torch import load; load(path)",
        "from torch import load as read; read(path)",
        "import torch as t; t.load(path)",
        "from torch import serialization; serialization.load(path)",
        "partial(torch.load, map_location='cpu')",
        "read = torch.load",
        "getattr(torch, 'load')(path)",
        "torch.load(path, **given)",
        "map(pickle.load, files)",
        "from pickle import Unpickler as Reader\nclass Mine(Reader): pass",
        "import pandas as pd; pd.read_pickle(path)",
        "from omegaconf import OmegaConf as O; O.unsafe_load(path)",
        "__import__('os').system('x')",
        "torch.hub.load_state_dict_from_url(url)",
        "torch.export.load(path)",
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
        "import numpy as np; torch.load(p, weights_only=True); np.load(p, allow_pickle=False); yaml.safe_load(t); "
        "yaml.load(t, SafeLoader); network.eval(); re.compile(x); json.loads(t)"
    )
    assert not unsafe_calls(safe)
    assert not unsafe_calls("FLoc.load_from_checkpoint(path, weights_only=True)", is_test=True)


def test_torch_reads_files_in_one_module_only() -> None:
    callers = [
        path for path in FILES if "tests" not in path.parts and "torch.load(" in path.read_text(encoding="utf-8")
    ]
    assert [path.name for path in callers] == ["weight_files.py"]
