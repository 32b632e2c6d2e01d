from pathlib import Path

from mammo.quality.audit import Audit, audit
from mammo.quality.checks import CHECKS, Issue
from mammo.reporting.quality_page import write_quality_page
from mammo.store.manifest import Manifest


def test_the_page_shows_the_issues_and_escapes_them(small_root: Path, tmp_path: Path) -> None:
    store = small_root / "store"
    manifest = Manifest.load(store)
    image = str(manifest.lesions["image_id"].iloc[0])
    issues = (
        Issue("wrong_word", "<img src=x>", "view 'ML'"),
        Issue("blank", image, "", (image, "absent")),
        *(Issue("few_gray_values", f"image {number}") for number in range(20)),
    )
    page = write_quality_page(tmp_path / "quality.html", store, Audit(manifest, issues)).read_text(encoding="utf-8")
    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page
    assert page.count("data:image/png;base64,") == 1
    assert "<strong>22 issues</strong> from 3 of" in page
    assert "and 8 more" in page
    assert all(check in page for check in CHECKS)
    assert "http" not in page.replace("http-equiv", "")


def test_issues_are_counted_by_check(small_root: Path) -> None:
    found = audit(small_root / "store")
    assert found.issues == ()
    counts = Audit(found.manifest, (Issue("blank", "a"), Issue("blank", "b"))).counts()
    assert counts.to_dict() == {"blank": 2}
