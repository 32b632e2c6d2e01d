"""Benchmark results as one table in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

COMMON_KEYS = ("benchmark", "ours", "limit_ratio", "ratios", "rounds", "machine")
"""Keys that every result has; the others are listed in the last column."""

COLUMNS = ("benchmark", "CPU time per unit", "times the limit", "baselines, times ours", "other results")


def markdown(results: Sequence[Mapping[str, Any]]) -> str:
    """A table with one row per benchmark.

    Args:
        results: result of each benchmark; for one that could not run, its name and error.
    """
    machines = [result["machine"] for result in results if "machine" in result]
    head = [f"{m['cpu']}, {m['cores']} cores, {m['system']}, Python {m['python']}" for m in machines[:1]]
    lines = [_line(COLUMNS), _line(["---"] * len(COLUMNS)), *(_line(_cells(result)) for result in results)]
    return "\n\n".join(["# Benchmarks", *head, "\n".join(lines)]) + "\n"


def _cells(result: Mapping[str, Any]) -> list[str]:
    if "error" in result:
        return [result["benchmark"], "not measured", "", "", result["error"]]
    limits = [_number(result["limit_ratio"])]
    limits += [f"{key[12:]} {_number(result[key])}" for key in result if key.startswith("limit_ratio_")]
    names = result.get("syntaxes", {})
    ratios = [f"{names.get(key, key)} {_number(ratio)}" for key, ratio in result["ratios"].items()]
    other_keys = [key for key in result if key not in COMMON_KEYS and not key.startswith("limit_ratio_")]
    other = [f"{key} {_number(result[key])}" for key in other_keys if not isinstance(result[key], Mapping)]
    return [result["benchmark"], _time(result["ours"]), ", ".join(limits), ", ".join(ratios), ", ".join(other)]


def _time(seconds: float) -> str:
    """The time in s, ms or µs, with one to three digits before the point."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def _number(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
