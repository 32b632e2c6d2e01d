import hmac
import stat
from pathlib import Path

from mammo.intake.pseudonyms import Pseudonyms


def test_every_store_has_its_own_private_key(tmp_path: Path) -> None:
    first = Pseudonyms.of_store(tmp_path / "a")
    assert Pseudonyms.of_store(tmp_path / "a") == first
    assert Pseudonyms.of_store(tmp_path / "b") != first
    assert stat.S_IMODE((tmp_path / "a" / ".key").stat().st_mode) == 0o600


def test_pseudonyms_depend_on_key_and_kind() -> None:
    names = Pseudonyms(b"k" * 32)
    assert names.of("patient", "7") == hmac.new(b"k" * 32, b"patient\x007", "sha256").hexdigest()[:20]
    assert names.of("patient", "7") != names.of("exam", "7")


def test_two_sources_may_use_the_same_keys() -> None:
    pseudonyms = Pseudonyms(bytes(32))
    names = {one.of("patient", "1") for one in (pseudonyms, pseudonyms.of_source("a"), pseudonyms.of_source("b"))}
    assert len(names) == 3
    assert pseudonyms.of_source("a").of("patient", "1") == pseudonyms.of_source("a").of("patient", "1")
