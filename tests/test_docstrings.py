"""Docstrings of public functions that take or return arrays state their shapes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ARRAYS = {"NDArray", "ndarray", "ArrayLike", "Tensor"}
"""Names of array types; aliases of them are found in the modules."""

LEAST_SHARE = 0.95
"""Share of the public functions with arrays whose docstring must state a shape."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def names_in(node: ast.AST) -> set[str]:
    """Every name and attribute in an expression, also within strings that quote a type."""
    found = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    found |= {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            found |= set(re.findall(r"\w+", part.value))
    return found


def array_types(trees: list[ast.Module]) -> set[str]:
    """The array types and every module-level alias of one, for example Floats = NDArray[np.float64]."""
    types, size = set(ARRAYS), 0
    while size != len(types):
        size = len(types)
        for tree in trees:
            for node in tree.body:
                if isinstance(node, ast.Assign) and names_in(node.value) & types and not calls(node.value):
                    types |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return types


def calls(node: ast.AST) -> bool:
    """Whether an expression computes a value, so that it is no type."""
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


def public_functions(tree: ast.Module) -> Iterator[Function]:
    """Functions of a module and methods of its public classes whose names have no leading underscore."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from (part for part in node.body if isinstance(part, Function) and not part.name.startswith("_"))
        elif isinstance(node, Function) and not node.name.startswith("_"):
            yield node


def takes_or_returns(function: Function, types: set[str]) -> bool:
    """Whether an annotation of the signature names one of the types."""
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    annotations = [argument.annotation for argument in given if argument is not None] + [function.returns]
    return any(names_in(annotation) & types for annotation in annotations if annotation is not None)


def states_a_shape(text: str) -> bool:
    """Whether a text holds a bracketed shape such as [N, 2], [H, W] or [n_lesions]; [0, 1] is a range of values."""
    dimension = r"[\w.+*/ -]+"
    shapes = re.findall(rf"\[({dimension}(?:, {dimension})*)\]", text)
    return any(
        re.search(r"[A-Za-z]|\.\.\.", shape) or re.fullmatch(r"[1-9]\d*(?:, [1-9]\d*)*", shape) for shape in shapes
    )


def functions_with_arrays() -> list[tuple[str, bool]]:
    """Name of every public function with arrays in its signature, and whether its docstring states a shape."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "mammo").rglob("*.py"))}
    types = array_types(list(trees.values()))
    return [
        (f"{path.relative_to(ROOT)}:{function.name}", states_a_shape(ast.get_docstring(function) or ""))
        for path, tree in trees.items()
        for function in public_functions(tree)
        if takes_or_returns(function, types)
    ]


def test_public_functions_with_arrays_state_shapes() -> None:
    functions = functions_with_arrays()
    silent = [name for name, stated in functions if not stated]
    assert len(functions) > 100, "the search finds the package's functions"
    assert len(silent) <= (1 - LEAST_SHARE) * len(functions), f"no shape in the docstring of {silent}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patches uint16 [B, 1, P, P].", True),
        ("Scores [n_lesions] in [0, 1].", True),
        ("The matrix [2, 3].", True),
        ("A share in [0, 1].", False),
        ("The mask of a lesion.", False),
    ],
)
def test_a_shape_is_no_range(text: str, expected: bool) -> None:
    assert states_a_shape(text) is expected


def test_aliases_of_arrays_count_and_other_types_do_not() -> None:
    tree = ast.parse("Floats = NDArray[float]\nPair = tuple[Floats, Floats]\nLOW = Floats(3)\nWords = list[str]\n")
    assert {"Floats", "Pair"} <= array_types([tree])
    assert not {"LOW", "Words"} & array_types([tree])
