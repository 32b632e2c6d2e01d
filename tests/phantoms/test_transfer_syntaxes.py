import pytest

from mammo.phantoms.transfer_syntaxes import SYNTAXES


def test_shares_sum_to_one_and_every_syntax_is_lossless_and_distinct() -> None:
    assert sum(syntax.share for syntax in SYNTAXES) == pytest.approx(1)
    assert len({syntax.uid for syntax in SYNTAXES}) == 6
    assert all(syntax.uid.is_compressed == (syntax.encode is not None) for syntax in SYNTAXES)
