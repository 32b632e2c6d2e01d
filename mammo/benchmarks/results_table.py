"""The benchmarks' objects as one table in Markdown, for people."""

from collections.abc import Mapping, Sequence
from typing import Any

FIXED = ("benchmark", "ours", "limit_ratio", "ratios", "rounds", "machine")
"""What every benchmark tells; the rest stands in the last column."""

COLUMNS = ("benchmark", "CPU time of a unit", "times the limit", "rivals, times ours", "also")


def markdown(told: Sequence[Mapping[str, Any]]) -> str:
    """A table with one row a benchmark.

    Args:
        told: what each returned; one that could not be measured has benchmark and error, a sentence.
    """
    machines = [one["machine"] for one in told if "machine" in one]
    head = [f"{m['cpu']}, {m['cores']} cores, {m['system']}, Python {m['python']}" for m in machines[:1]]
    lines = [_line(COLUMNS), _line(["---"] * len(COLUMNS)), *(_line(_cells(one)) for one in told)]
    return "\n\n".join(["# Benchmarks", *head, "\n".join(lines)]) + "\n"


def _cells(one: Mapping[str, Any]) -> list[str]:
    if "error" in one:
        return [one["benchmark"], "not measured", "", "", one["error"]]
    limits = [_figure(one["limit_ratio"])]
    limits += [f"{key[12:]} {_figure(one[key])}" for key in one if key.startswith("limit_ratio_")]
    names = one.get("syntaxes", {})
    ratios = [f"{names.get(key, key)} {_figure(ratio)}" for key, ratio in one["ratios"].items()]
    rest = [key for key in one if key not in FIXED and not key.startswith("limit_ratio_")]
    also = [f"{key} {_figure(one[key])}" for key in rest if not isinstance(one[key], Mapping)]
    return [one["benchmark"], _time(one["ours"]), ", ".join(limits), ", ".join(ratios), ", ".join(also)]


def _time(seconds: float) -> str:
    """In the unit that leaves one to three digits before the point."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def _figure(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
