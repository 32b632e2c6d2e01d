"""What an adapter found, beside the numbers that are published for the data set."""

from collections.abc import Iterator

from mammo.records import Cohort, Count

CLOSE = 0.01
"""A found number this near to the published one is no cause for doubt."""


def published_lines(cohort: Cohort) -> Iterator[str]:
    """A line for every published number, one for every kind of outline that was left out, and the adapter's notes."""
    for count in cohort.counts:
        yield f"{count.what}: {count.found:,} found, {count.published:,} published{_doubt(count)}"
    reasons = [lesion.reason for lesion in cohort.left_out]
    for reason in sorted(set(reasons)):
        yield f"{reasons.count(reason)} lesions left out: {reason}"
    yield from cohort.notes


def _doubt(count: Count) -> str:
    off = abs(count.found - count.published) / max(count.published, 1)
    return f" (differs by {off:.0%}: a part of the data set, or files are missing)" if off > CLOSE else ""
