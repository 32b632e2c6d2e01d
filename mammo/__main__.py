"""`mammo NAME ...` and `python -m mammo NAME ...`, the same as `python -m mammo.NAME ...`."""

import runpy
import sys

from mammo.cli.commands import COMMANDS, run, usage
from mammo.text import print_text


def main() -> None:
    """Run the command that the first argument names, or print the list; exit status 2 where it names none."""
    run(_run_named)


def _run_named() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("--help", "-h"):
        print_text(usage())
        return 0
    if name not in COMMANDS:
        from mammo.records import did_you_mean  # imports NumPy, which the list of commands needs not wait for

        hint = did_you_mean(name, COMMANDS) or f": choose from {', '.join(COMMANDS)}"
        print_text(f"error: {name!r} is not a command{hint}; mammo --help lists them", file=sys.stderr)
        return 2
    del sys.argv[1]
    runpy.run_module(f"mammo.{name}", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    main()
