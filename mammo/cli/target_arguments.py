"""Arguments of classes that a configuration names: which a constructor takes, and of what type its annotations say.

A value of the wrong type would otherwise fail deep inside the class, or hours later.
"""

import inspect
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Union, get_args, get_origin

from mammo.cli.value_types import shown
from mammo.records import MammoError, did_you_mean

VAR_POSITIONAL, VAR_KEYWORD = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
"""Kinds of parameters that stand for any number of arguments: *values and **arguments."""

EMPTY = inspect.Parameter.empty

SIMPLE: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    NoneType: "null",
}
"""Types of annotations that values are checked against, and what they are called."""

BY_NAME = {"None": NoneType, **{each.__name__: each for each in SIMPLE}}


def parameters_of(cls: type, follows: bool) -> dict[str, inspect.Parameter]:
    """The parameters of a class's constructor by name.

    Args:
        cls: the class.
        follows: whether those of the base class, which the constructor passes **arguments on to, are among them.
    """
    found = dict(inspect.signature(cls).parameters)
    for base in cls.__mro__[1:] if follows else ():
        if not any(each.kind is VAR_KEYWORD for each in found.values()):
            break
        if "__init__" in vars(base) and base is not object:
            inherited = dict(inspect.signature(vars(base)["__init__"]).parameters)
            own = {key: each for key, each in found.items() if each.kind is not VAR_KEYWORD}
            found = inherited | own
    return found


def check_known(cls: type, positional: Sequence[object], named: Mapping[str, object], key: str) -> None:
    """Reject a name that the constructor lacks, with those that it has, and a parameter that has no value.

    Args:
        cls: the class.
        positional: the values of `_args_`.
        named: the arguments by name.
        key: of the configuration, as in "model.loss".

    Raises:
        MammoError: as described.
    """
    parameters = parameters_of(cls, follows=False)
    kinds = {each.kind for each in parameters.values()}
    known = [name for name, each in parameters.items() if each.kind not in (VAR_KEYWORD, VAR_POSITIONAL)]
    for name in named if VAR_KEYWORD not in kinds else ():
        if name not in known:
            raise MammoError(
                f"{key}.{name}: {cls.__name__} has no such argument{did_you_mean(name, known)}; it has "
                f"{', '.join(known)}; to leave a key of a file out, add '~{key}.{name}' to the command line"
            )
    needed = [name for name in known if parameters[name].default is EMPTY and name not in named]
    if not positional and needed:
        raise MammoError(f"{key}: {cls.__name__} needs a value for {needed[0]}: give {key}.{needed[0]}")


def check_types(cls: type, named: Mapping[str, object], key: str) -> None:
    """Check values against annotations of a constructor of the user's own: bool, int, float, str, and None beside them.

    Args:
        cls: the class.
        named: values by name, which the constructor need not have.
        key: of the configuration, as in "model.loss".

    Raises:
        MammoError: a value has another type; key, value and what the constructor takes.
    """
    parameters = parameters_of(cls, follows=True)
    for name in named.keys() & parameters.keys():
        parameter, value = parameters[name], named[name]
        kinds = _simple(parameter.annotation)
        if kinds and not any(_fits(value, kind) for kind in kinds) and value != parameter.default:
            wanted = " or ".join(SIMPLE[kind] for kind in kinds)
            raise MammoError(f"{key}.{name}={shown(value)}: {cls.__name__} takes {wanted} here")


def _simple(annotation: object) -> tuple[type, ...]:
    """The types of an annotation, if all of them are in SIMPLE; else nothing."""
    if isinstance(annotation, str):  # of a module with `from __future__ import annotations`
        inner = annotation.removeprefix("typing.").removeprefix("Optional[")
        names = [name.strip() for name in inner.removesuffix("]").split("|")]
        kinds = [BY_NAME.get(name) for name in (*names, *(["None"] if inner.endswith("]") else []))]
    else:
        kinds = list(get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,))
    found = tuple(kind for kind in kinds if isinstance(kind, type) and kind in SIMPLE)
    return found if len(found) == len(kinds) else ()


def _fits(value: object, kind: type) -> bool:
    """Whether a value of a configuration is one of a type: a whole number is a number, too, and true is neither."""
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))
