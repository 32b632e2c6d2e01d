from pathlib import Path

from mammo.quality.audit import Examination, examine
from mammo.quality.checks import CHECKS, Doubt
from mammo.reporting.quality_page import write_doubts
from mammo.store.manifest import Manifest


def test_the_page_shows_what_is_doubted_and_escapes_it(small_root: Path, tmp_path: Path) -> None:
    store = small_root / "store"
    manifest = Manifest.load(store)
    image = str(manifest.lesions["image_id"].iloc[0])
    doubts = (
        Doubt("wrong_word", "<img src=x>", "view 'ML'"),
        Doubt("blank", image, "", (image, "absent")),
        *(Doubt("few_greys", f"image {number}") for number in range(20)),
    )
    page = write_doubts(tmp_path / "doubts.html", store, Examination(manifest, doubts)).read_text(encoding="utf-8")
    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page
    assert page.count("data:image/png;base64,") == 1
    assert "<strong>22 doubts</strong> by 3 of" in page
    assert "and 8 more" in page
    assert all(check in page for check in CHECKS)
    assert "http" not in page.replace("http-equiv", "")


def test_doubts_are_counted_by_check(small_root: Path) -> None:
    found = examine(small_root / "store")
    assert found.doubts == ()
    counts = Examination(found.manifest, (Doubt("blank", "a"), Doubt("blank", "b"))).counts()
    assert counts.to_dict() == {"blank": 2}
