"""A release is checked before it is published, without a stored password, and the changelog has its version."""

import subprocess
from pathlib import Path

import pytest
import yaml

from mammo import __version__

ROOT = Path(__file__).resolve().parent.parent
JOBS = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]


def commands(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_what_is_published_was_tested_built_and_checked_before() -> None:
    assert commands("build")[-4:] == [
        "make test",
        "make test-wheel",
        "pipx run build",
        "pipx run twine check --strict dist/*",
    ]
    assert JOBS["publish"]["needs"] == "build"
    assert commands("publish") == []


def test_only_the_publishing_job_gets_an_identity_and_none_a_secret() -> None:
    assert JOBS["publish"]["permissions"] == {"id-token": "write"}
    assert "permissions" not in JOBS["build"]
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text()


def test_the_newest_section_of_the_changelog_is_this_version() -> None:
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## [")]
    assert headings[0].startswith(f"## [{__version__}] - ")


@pytest.mark.parametrize(
    ("tag", "date", "status"),
    [("v1.2.0", "2026-12-01", 0), ("v1.2.1", "2026-12-01", 1), ("v1.2.0", "unreleased", 1)],
)
def test_a_tag_needs_its_version_and_a_dated_section(tag: str, date: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "mammo").mkdir()
    (tmp_path / "mammo" / "__init__.py").write_text('"""x"""\n\n__version__ = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## [1.2.0] - {date}\n")
    done = subprocess.run(
        ["bash", "-e", "-c", commands("build")[0]], cwd=tmp_path, env={"GITHUB_REF_NAME": tag}, check=False
    )
    assert done.returncode == status
