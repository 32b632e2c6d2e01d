"""Coded terms of the results: those of DICOM and SNOMED CT, and mammo's own where neither has one."""

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept

from mammo.records import Laterality

SCHEME = "99MAMMO"
"""Coding scheme of mammo's own terms; 99 marks a private scheme."""

CODING_SCHEMES = [
    CodingSchemeIdentificationItem(designator=SCHEME, name="mammo", responsible_organization="mammo, open source")
]

PROBABILITY = CodedConcept("111047", "DCM", "Probability of cancer")
COMMENT = CodedConcept("121106", "DCM", "Comment")
LESION = CodedConcept("52988006", "SCT", "Lesion")
ABNORMAL = CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure")
BREAST = CodedConcept("76752008", "SCT", "Breast")
SIDES = {
    Laterality.LEFT: CodedConcept("7771000", "SCT", "Left"),
    Laterality.RIGHT: CodedConcept("24028007", "SCT", "Right"),
}
MAMMOGRAPHY = CodedConcept("71651007", "SCT", "Mammography")
PERCENT = CodedConcept("%", "UCUM", "Percent")
NO_UNIT = CodedConcept("1", "UCUM", "no units")
ARTIFICIAL_INTELLIGENCE = CodedConcept("123110", "DCM", "Artificial Intelligence")

SCORE = CodedConcept("SCORE", SCHEME, "Lesion score")
SCORE_SD = CodedConcept("SCORE_SD", SCHEME, "Standard deviation of the lesion score over windows")
SCORE_ALONE = CodedConcept("SCORE_ALONE", SCHEME, "Lesion score without context")
THRESHOLD = CodedConcept("THRESHOLD", SCHEME, "Lesion score threshold")
WARNING = CodedConcept("WARNING", SCHEME, "Warning about the lesion score")
INTENDED_USE = CodedConcept("INTENDED_USE", SCHEME, "Intended use of the result")
RESEARCH = CodedConcept("RESEARCH", SCHEME, "For research use only, not a medical device")
