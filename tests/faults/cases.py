"""Which cases of a fault are run: a seeded sample by default, with FULL=1 all, in as many attempts as it takes.

With FULL=1 each finished case is a line of runs/faults/NAME.jsonl, of one state of the code, so that the next attempt
goes on behind it. The totals are printed as `NAME: cases, failures`.
"""

import json
import os
import random
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

FULL = bool(os.environ.get("FULL"))
HERE = Path(__file__).resolve().parents[2]
SEED = 0

Case = TypeVar("Case")


def check_cases(name: str, cases: Mapping[str, Case], check: Callable[[Case], object], n_sampled: int) -> None:
    """Check the cases of a fault, print how many failed, and fail with the first of them.

    Args:
        name: of the fault.
        cases: by a name that says what each is.
        check: raises AssertionError where a case fails.
        n_sampled: number of cases without FULL=1.
    """
    chosen = list(cases) if FULL else sorted(random.Random(SEED).sample(list(cases), min(n_sampled, len(cases))))
    results = HERE / "runs" / "faults" / f"{name}-{_code_digest()}.jsonl"
    failures = _read(results) if FULL else {}
    for case in chosen:
        if failures.get(case, "not run") == "":
            continue
        try:
            check(cases[case])
            failures[case] = ""
        except AssertionError as error:
            failures[case] = str(error) or repr(error)
            print(f"{name}: {case}: {failures[case]}", flush=True)
        if FULL:
            results.parent.mkdir(parents=True, exist_ok=True)
            with results.open("a", encoding="utf-8") as file:
                file.write(json.dumps([case, failures[case]]) + "\n")
    failed = {case: failures[case] for case in chosen if failures[case]}
    print(f"{name}: {len(chosen)} cases, {len(failed)} failures")
    assert not failed, "\n".join(f"{case}: {message[:2000]}" for case, message in list(failed.items())[:20])


def _read(results: Path) -> dict[str, str]:
    """The message of each finished case, empty where it passed."""
    if not results.exists():
        return {}
    return dict(json.loads(line) for line in results.read_text(encoding="utf-8").splitlines() if line.endswith("]"))


def _code_digest() -> str:
    """Digest of mammo's code and configuration and of these tests."""
    digest = sha256()
    for folder in ("mammo", "conf", "tests/faults"):
        for path in sorted((HERE / folder).rglob("*")):
            if path.suffix in (".py", ".yaml", ".j2"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
