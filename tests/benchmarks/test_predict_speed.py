"""The predict benchmark: it times bundles that mammo predict reads, stage by stage."""

from mammo.benchmarks.predict_speed import STAGES, measure_predict


def test_the_result_has_every_stage() -> None:
    result = measure_predict(1, frame="eighth", backbone="small", n_windows=4)
    assert set(result["ratios"]) == {"float32"}  # type: ignore[call-overload]
    assert all(result[key] > 0 for key in ("ours", "limit_ratio", "bundle_mb", "load_cold", "first"))  # type: ignore[operator]
    assert all(result[stage] >= 0 for stage in STAGES)  # type: ignore[operator]
