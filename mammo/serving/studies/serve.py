"""Runs a reader study: begins it or goes on with it, and serves its page."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mammo.inference.bundle import Bundle
from mammo.inference.bundle_facts import BundleFacts
from mammo.inference.predictor import PredictOptions, Predictor
from mammo.inference.store_scores import scale_warning
from mammo.io import file_lock
from mammo.records import MammoError
from mammo.serving.page_server import serve_page
from mammo.serving.studies.cases import StudyCases
from mammo.serving.studies.journal import opened_journal
from mammo.serving.studies.prepared import ANSWERS, LOCK, Scoring, prepare
from mammo.serving.studies.scores import score_cases
from mammo.serving.studies.settings import Design, Settings
from mammo.serving.studies.study import Study
from mammo.serving.studies.study_app import StudyPage, study_application
from mammo.text import print_text

RUNS = "a mammo serve runs this study already: use its links, or end it"
"""What to do where the study is held."""


def serve_study(
    settings: Settings, bundle: Path, options: PredictOptions, allowed: Sequence[str], host: str, port: int
) -> None:
    """Serve a study until the process is interrupted, and print a link for every reader.

    Args:
        settings: of the study.
        bundle: whose scores are shown.
        options: how lesions are scored.
        allowed: as Predictor.load.
        host: address of this machine.
        port: 0 for any that is free.

    Raises:
        MammoError: the store, the bundle or the study folder cannot be used, another process serves the study, or the
            address cannot be used.
    """
    with opened_study(settings, bundle, options, allowed) as page:
        serve_page(study_application(page), host, port, settings.readers)


@contextmanager
def opened_study(
    settings: Settings, bundle: Path, options: PredictOptions, allowed: Sequence[str] = ()
) -> Iterator[StudyPage]:
    """The page of a study, which is held by this process within the block; the networks are loaded to begin it only.

    Raises:
        MammoError: as serve_study; the cases have all the same label.
    """
    cases = StudyCases.of(settings)
    check_labels(cases)
    with file_lock(settings.output / LOCK, f"study {settings.name}", wait=False, remedy=RUNS):
        facts = BundleFacts.of(Bundle.open(bundle))
        on_phantoms = "phantom" in facts.name.trained_on
        scoring = Scoring(facts.name, on_phantoms, options.n_windows, options.prevalence)
        prepared = prepare(settings, cases, scoring, lambda: _scored(Predictor.load(bundle, options, allowed), cases))
        print_facts(settings, cases, facts)
        with opened_journal(settings.output / ANSWERS) as journal:
            if journal.torn:
                print_text("a line that was never confirmed was removed from the end of the journal")
            yield StudyPage(Study(prepared, journal), cases)


def check_labels(cases: StudyCases) -> None:
    """MammoError where the cases are all malignant or all benign."""
    if len({case.malignant for case in cases.recorded}) < 2:
        raise MammoError(
            "the cases of the study have all the same label, but no AUC is defined without a malignant and a benign "
            "one: list other lesions, or draw more cases"
        )


def _scored(predictor: Predictor, cases: StudyCases) -> list[dict[str, Any]]:
    """The scores of the cases (score_cases); prints what makes them doubtful."""
    if warning := scale_warning(predictor.ensemble.run, cases.manifest):
        print_text(f"warning: {warning}")
    return score_cases(predictor, cases)


def print_facts(settings: Settings, cases: StudyCases, facts: BundleFacts) -> None:
    """Print the size of a study, and what makes its result doubtful; not its labels: a reader can see the terminal."""
    n, n_patients = len(cases.lesions), len({cases.patient(lesion) for lesion in cases.lesions})
    print_text(f"study {settings.name}: {n} cases, {len(settings.readers)} readers")
    if n_patients < n:
        print_text(
            f"warning: the {n} cases are of {n_patients} patients, but most multi-reader analyses take cases as "
            "independent: the key cases draws one lesion of each patient"
        )
    if n_partly := n - sum(map(cases.is_drawn_whole, cases.lesions)):
        print_text(f"warning: outlines with several parts or holes, of which readers see the largest edge: {n_partly}")
    if settings.design is Design.INDEPENDENT and settings.days < 1:
        print_text(
            f"warning: days is {settings.days:g}, less than one: readers can remember cases of the first session"
        )
    images = cases.manifest.images.loc[list(cases.image_ids)]
    if n_seen := sum(facts.images.knows(str(digest)) for digest in images["sha256"]):
        print_text(f"warning: {n_seen} of {len(images)} images were among those that the networks were trained on")
    if flags := Counter(flag for text in images["flags"] for flag in text.split("+") if flag):
        listed = ", ".join(f"{name} {count}" for name, count in sorted(flags.items()))
        print_text(f"warning: some images are flagged, and can show a name or lie upside down, so view them: {listed}")
