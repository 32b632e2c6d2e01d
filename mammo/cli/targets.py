"""Classes that a configuration names by `_target_`: found, checked and built; nothing else is ever called.

A configuration may come from someone else. A target is therefore looked up only in LIBRARIES and in the packages that
the user allows on the command line (allow_targets), and it must be a subclass of what its place in the configuration
needs. Functions (os.system, builtins.eval, torch.load) and other classes (subprocess.Popen) are rejected.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from traceback import walk_tb
from types import ModuleType

from mammo.cli.target_arguments import check_known, check_types, parameters_of
from mammo.records import MammoError, did_you_mean

LIBRARIES = ("mammo", "torch", "pytorch_lightning", "albumentations")
"""Packages whose classes any configuration may name: those that conf/ names. Classes of others may download."""

SPECIAL = ("_target_", "_args_", "_convert_")
"""Hydra's keys that are understood; `_convert_` changes nothing, because arguments are always plain values."""

TRACEBACK = "MAMMO_TRACEBACK=1 before the command shows where"
"""How to see the traceback of an error in a class of the user's own."""

Bases = tuple[type, ...]


@dataclass(frozen=True)
class Place:
    """A place in the configuration where a class may be named.

    Attributes:
        key: the key, as in "callbacks.early_stopping".
        bases: the class must be a subclass of one of these.
        inner: the same for the targets among its arguments, at any depth.
        offered: arguments that are passed if the constructor has parameters of these names and the configuration does
            not set them.
    """

    key: str
    bases: Bases
    inner: Bases = ()
    offered: Mapping[str, object] = field(default_factory=dict)


def resolve(node: Mapping[str, object], place: Place, allowed: Sequence[str] = ()) -> type:
    """The class that node["_target_"] names; it is imported, not called.

    Raises:
        MammoError: it is outside LIBRARIES and allowed, private in the former, does not exist, or is not a subclass of
            the place's bases.
    """
    parts, where = _parts(node, place.key), f"{place.key}._target_={node.get('_target_')}"
    if not _permitted(".".join(parts), allowed):
        raise MammoError(
            f"{where} is rejected: classes come from {', '.join(LIBRARIES)}; to use one of your own package, add "
            f"allow_targets=[{parts[0]}] to the command line"
        )
    if parts[0] in LIBRARIES and any(part.startswith("_") for part in parts):
        raise MammoError(f"{where} is rejected: give the public name of a class of {parts[0]}")
    found = _find(parts, where)
    if not isinstance(found, type) or not issubclass(found, place.bases):
        needed = " or ".join(f"{base.__name__} ({base.__module__.split('.')[0]})" for base in place.bases)
        raise MammoError(f"{where} is rejected: a subclass of {needed} is needed here")
    if not _permitted(f"{found.__module__}.{found.__qualname__}", allowed):
        raise MammoError(f"{where} is rejected: it is defined in {found.__module__}, outside the allowed packages")
    return found


def check(node: object, place: Place, allowed: Sequence[str] = ()) -> None:
    """Check every target of a part of the configuration, nested ones too, without calling any.

    Raises:
        MammoError: as resolve, a key of Hydra's is not supported, or an argument of a class of the user's own has
            another type than its constructor's annotation.
    """
    for key, inner, is_outer in _nodes(node, place.key):
        for name in map(str, inner):
            if name.startswith("_") and name.endswith("_") and name not in SPECIAL:
                raise MammoError(f"{key}.{name} is not supported: give _target_ and the arguments of its constructor")
        cls = resolve(inner, place if is_outer else Place(key, place.inner), allowed)
        if _is_own(cls):
            check_types(cls, {str(name): value for name, value in inner.items()}, key)


def build(node: Mapping[str, object], place: Place, allowed: Sequence[str] = ()) -> object:
    """The object that a part of the configuration describes, nested targets built first; check is implied.

    Raises:
        MammoError: as check; an argument is unknown to the constructor, or the constructor raises an error.
    """
    check(node, place, allowed)
    cls = resolve(node, place, allowed)
    given = {str(key): _plain(value, f"{place.key}.{key}", place.inner, allowed) for key, value in node.items()}
    positional = given.get("_args_", [])
    if not isinstance(positional, list):
        raise MammoError(f"{place.key}._args_={positional}: give a list")
    named = {key: value for key, value in given.items() if key not in SPECIAL}
    named |= {key: value for key, value in place.offered.items() if key not in named and takes(cls, key)}
    check_known(cls, positional, named, place.key)
    try:
        return cls(*positional, **named)
    except MammoError:
        raise
    except Exception as error:  # every library has errors of its own
        if _is_own(cls):
            raise own_failure(place.key, cls, error) from error
        message = " ".join(str(error).split()) or type(error).__name__
        raise MammoError(f"{place.key}: {cls.__name__} rejects its arguments ({message})") from error


def own_failure(key: str, cls: type, error: Exception, where: str = TRACEBACK) -> MammoError:
    """The sentence on an error in a class of the user's own.

    Args:
        key: of the configuration that names the class.
        cls: the class.
        error: the error.
        where: how to see its traceback.
    """
    name, message = f"{cls.__module__}.{cls.__qualname__}", " ".join(str(error).split())
    return MammoError(f"{key}: {name} fails ({type(error).__name__}: {message}); {where}")


def takes(cls: type, name: str) -> bool:
    """Whether a class's constructor has a parameter of this name.

    A class of the user's own that passes **arguments on to its base class has those of that constructor, too.
    """
    return name in parameters_of(cls, follows=_is_own(cls))


def targets(config: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Every part of a configuration that names a class, and its key; not those among the arguments of another."""
    for key, node, is_outer in _nodes(config, ""):
        if is_outer:
            yield key, node


def failed_class(config: object, error: BaseException) -> tuple[str, type] | None:
    """The class of the user's own in whose file an error was raised, or whose method the error names, and its key.

    Args:
        config: the configuration, checked.
        error: the error, with its traceback.

    Returns:
        None where no class of the user's own is at fault.
    """
    own = [
        (key, cls)
        for key, node, _ in _nodes(config, "")
        if is_foreign(str(node["_target_"])) and isinstance(cls := _find(_parts(node, key), key), type)
    ]
    named = next((one for one in own if f"{one[1].__qualname__}." in str(error)), None)
    if named is not None and isinstance(error, TypeError):  # a call that does not fit, raised by the caller
        return named
    for frame, _ in reversed(list(walk_tb(error.__traceback__))):
        here = [(key, cls) for key, cls in own if _file_of(cls) == frame.f_code.co_filename]
        if here:
            return next((one for one in here if isinstance(frame.f_locals.get("self"), one[1])), here[0])
    return named


def _file_of(cls: type) -> str:
    return str(getattr(sys.modules.get(cls.__module__), "__file__", ""))


def is_foreign(name: str) -> bool:
    """Whether a target names a class outside LIBRARIES."""
    return not _permitted(name, ())


def check_names(config: object) -> None:
    """Check the targets of a configuration that is only read: a name of the standard library cannot be right.

    Raises:
        MammoError: a target is such a name, or not the dotted name of a class.
    """
    for key, node, _ in _nodes(config, ""):
        _parts(node, key)


def _parts(node: Mapping[str, object], key: str) -> list[str]:
    """The parts of the dotted name of a target."""
    name = node.get("_target_")
    parts = name.split(".") if isinstance(name, str) else []
    if len(parts) < 2 or not all(part.isidentifier() and not part.startswith("__") for part in parts):
        raise MammoError(f"{key}._target_={name}: give the dotted name of a class, as in torch.nn.CrossEntropyLoss")
    if parts[0] in sys.stdlib_module_names:
        raise MammoError(f"{key}._target_={name} is rejected: no configuration builds anything of the standard library")
    return parts


def _permitted(name: str, allowed: Sequence[str]) -> bool:
    return any(name.startswith(f"{package}.") for package in (*LIBRARIES, *allowed))


def _is_own(cls: type) -> bool:
    """Whether a class is of a package of the user's own."""
    return is_foreign(f"{cls.__module__}.")


def _find(parts: Sequence[str], where: str) -> object:
    """What a dotted name stands for: attributes before submodules, which are imported on the way."""
    found: object = None
    for number, part in enumerate(parts):
        try:
            if number == 0 or (isinstance(found, ModuleType) and not hasattr(found, part)):
                found = import_module(".".join(parts[: number + 1]))
            else:
                found = getattr(found, part)
        except Exception as error:  # a package of the user's own may raise anything
            raise MammoError(f"{where}: {_missing(found, parts[: number + 1], error)}") from error
    return found


def _missing(found: object, parts: Sequence[str], error: Exception) -> str:
    """What is wrong where the last of these parts of a dotted name could not be found in what the others stand for."""
    missing, parent = ".".join(parts), ".".join(parts[:-1])
    is_absent = isinstance(error, AttributeError) or (isinstance(error, ModuleNotFoundError) and error.name == missing)
    if is_absent and parent:
        modules = [each.name for each in iter_modules(getattr(found, "__path__", None) or [])]
        known = [name for name in (*dir(found), *modules) if not name.startswith("_")]
        return f"{parent} has no {parts[-1]}{did_you_mean(parts[-1], known)}"
    if is_absent:
        return f"{missing} cannot be found ({error}); its folder must be on PYTHONPATH"
    return f"{missing} cannot be imported ({type(error).__name__}: {error}); {TRACEBACK}"


def _nodes(node: object, key: str, is_outer: bool = True) -> Iterator[tuple[str, Mapping[str, object], bool]]:
    """Every mapping with a target: its key, itself, and whether it lies in no other one."""
    if isinstance(node, Mapping):
        has_target = "_target_" in node
        if has_target:
            yield key, node, is_outer
        for name, value in node.items():
            yield from _nodes(value, f"{key}.{name}".lstrip("."), is_outer and not has_target)
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for number, value in enumerate(node):
            yield from _nodes(value, f"{key}.{number}", is_outer)


def _plain(value: object, key: str, bases: Bases, allowed: Sequence[str]) -> object:
    """An argument with the targets in it built."""
    if isinstance(value, Mapping):
        if "_target_" in value:
            return build(value, Place(key, bases, bases), allowed)
        return {str(name): _plain(each, f"{key}.{name}", bases, allowed) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each, f"{key}.{number}", bases, allowed) for number, each in enumerate(value)]
    return value
