"""The structured report of a prediction: Comprehensive SR with measurement report template TID 1500 (PS3.16)."""

from collections.abc import Iterator

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    ImageRegion,
    Measurement,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from mammo.dicom_out.codes import (
    ARTIFICIAL_INTELLIGENCE,
    BREAST,
    CODING_SCHEMES,
    COMMENT,
    INTENDED_USE,
    LESION,
    MAMMOGRAPHY,
    NO_UNIT,
    PERCENT,
    PROBABILITY,
    RESEARCH,
    SCORE,
    SCORE_ALONE,
    SCORE_SD,
    SIDES,
    THRESHOLD,
    WARNING,
)
from mammo.dicom_out.origin import Origin
from mammo.dicom_out.polygon import ring_around
from mammo.inference.prediction import RESEARCH_USE, LesionPrediction, ThresholdResult
from mammo.text import counted, percent, printable

LARGEST_PART = (
    "The polygon shows the largest part of the outline, without holes; the segmentation of this study has all of it."
)


def make_report(origin: Origin) -> Dataset:
    """Return the report: a measurement group for each lesion, with its polygon, values and warnings."""
    header = origin.header()
    groups = [_group(origin, header, index) for index in range(len(origin.lesions))]
    report = ComprehensiveSR(
        evidence=[header],
        content=MeasurementReport(
            observation_context=_observer(origin), procedure_reported=MAMMOGRAPHY, imaging_measurements=groups
        ),
        is_complete=True,
        coding_schemes=CODING_SCHEMES,
        **origin.equipment("report"),
    )
    return origin.complete(report)


def _observer(origin: Origin) -> ObservationContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=origin.uid("device"), name="mammo", manufacturer_name="mammo", model_name=printable(origin.bundle.name)
    )
    return ObservationContext(
        observer_device_context=ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)
    )


def _group(origin: Origin, header: Dataset, index: int) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    """The measurement group (TID 1410) of one lesion."""
    lesion, bundle = origin.lesions[index], origin.bundle
    ring = ring_around(lesion.outline)
    side = SIDES[origin.laterality] if origin.laterality else None
    group = PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=origin.uid("lesion", index), identifier=origin.label(index)),
        referenced_region=ImageRegion(
            graphic_type="POLYLINE",
            graphic_data=np.ascontiguousarray(ring.points[:, ::-1]),
            source_image=SourceImageForRegion(header.SOPClassUID, header.SOPInstanceUID),
        ),
        finding_type=LESION,
        finding_sites=[FindingSite(BREAST, laterality=side)],
        algorithm_id=AlgorithmIdentification(
            name="mammo",
            version=bundle.version,
            family=ARTIFICIAL_INTELLIGENCE,
            parameters=[
                f"bundle {printable(bundle.name)}",
                f"bundle SHA-256 {bundle.digest}",
                f"model {printable(bundle.model)}, mean of {counted(bundle.n_members, 'training')}",
                f"trained on {printable(', '.join(bundle.trained_on)) or 'unknown data'}",
            ],
        ),
        measurements=list(_measurements(lesion)),
        qualitative_evaluations=[QualitativeEvaluation(INTENDED_USE, RESEARCH)],
    )
    notes = [(COMMENT, RESEARCH_USE), *_notes(lesion), *([] if ring.exact else [(COMMENT, LARGEST_PART)])]
    group[0].ContentSequence.extend(
        TextContentItem(name=name, value=printable(text), relationship_type=RelationshipTypeValues.CONTAINS)
        for name, text in notes
    )
    return group


def _measurements(lesion: LesionPrediction) -> Iterator[Measurement]:
    """Yield the numbers of a lesion; a probability in percent, scores in [0, 1]."""
    yield Measurement(name=PROBABILITY, value=100 * lesion.probability, unit=PERCENT)
    yield Measurement(name=SCORE, value=lesion.score, unit=NO_UNIT)
    yield Measurement(name=SCORE_SD, value=lesion.score_sd, unit=NO_UNIT)
    if lesion.score_without_context is not None:
        yield Measurement(name=SCORE_ALONE, value=lesion.score_without_context, unit=NO_UNIT)


def _notes(lesion: LesionPrediction) -> Iterator[tuple[CodedConcept, str]]:
    """Yield what is said in sentences: what the probability holds for, thresholds with what they mean, warnings."""
    yield COMMENT, f"The probability holds where {lesion.prevalence:.3g} of the outlined lesions are malignant."
    yield from ((THRESHOLD, threshold_text(each)) for each in lesion.thresholds)
    yield from ((WARNING, warning) for warning in lesion.warnings)


def threshold_text(result: ThresholdResult) -> str:
    """One sentence on a threshold and on which side of it the lesion lies."""
    facts = result.facts
    side = "below" if result.below else "not below"
    return (
        f"The score is {side} {facts.threshold:.6g}, the threshold for a false negative rate of "
        f"{percent(facts.fnr, 0)}; {facts.meaning()}."
    )
