"""The paper's numbers agree with each other."""

from mammo.paper import MAPS, TABLE_1, TABLE_2, TABLE_3


def test_splits_add_up_to_the_printed_totals() -> None:
    splits = [TABLE_1[split] for split in ("train", "val", "test")]
    assert tuple(map(sum, zip(*splits, strict=True))) == TABLE_1["overall"]


def test_the_text_agrees_with_the_tables() -> None:
    assert TABLE_1["test"][3] + TABLE_1["test"][4] == 600
    assert TABLE_1["test"][1] + TABLE_1["test"][2] - 14 == 534  # images; 14 have both kinds
    assert TABLE_1["overall"][3] + TABLE_1["overall"][4] == 8842
    assert max(TABLE_3, key=lambda maps: TABLE_3[maps][0]) == "sal+emb"
    assert [point.tnr for point in TABLE_2] == sorted(point.tnr for point in TABLE_2)


def test_maps_are_in_table_order_and_canonically_joined() -> None:
    assert MAPS == ("loc", "emb", "sal", "loc+emb", "loc+sal", "sal+emb", "loc+sal+emb")
