"""The page's modules are typed: TypeScript's compiler checks the types in their comments."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import mammo

pytestmark = pytest.mark.browser

SOURCES = Path(mammo.__file__).parent / "serving" / "page"
STRICT = ("--noEmit", "--allowJs", "--checkJs", "--strict", "--target", "es2022", "--module", "es2022")
LIBRARIES = ("--lib", "es2023,dom,dom.iterable")


def test_tsc_finds_no_error() -> None:
    program = os.environ.get("MAMMO_TSC") or shutil.which("tsc")
    if not program:
        pytest.skip("tsc is not installed: npm install typescript in any folder, and name its bin/tsc in MAMMO_TSC")
    sources = sorted(map(str, SOURCES.glob("*.js")))
    found = subprocess.run([program, *STRICT, *LIBRARIES, *sources], capture_output=True, text=True, check=False)
    assert found.stdout + found.stderr == ""
    assert found.returncode == 0
