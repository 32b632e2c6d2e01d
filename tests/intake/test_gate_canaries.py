"""No name, identifier, date or path of a DICOM file reaches anything that ingest writes or prints."""

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import FileDataset

from mammo import ingest
from tests.intake.dicom_variants import Variant, sequence

TEXTS = tuple(
    """
    PatientName PatientID OtherPatientNames PatientBirthName PatientMotherBirthName PatientAddress
    CountryOfResidence RegionOfResidence PatientTelephoneNumbers EthnicGroup Occupation
    PatientReligiousPreference MedicalRecordLocator MilitaryRank BranchOfService AdditionalPatientHistory
    PatientComments PatientState Allergies MedicalAlerts SpecialNeeds ReferringPhysicianName
    ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers ConsultingPhysicianName PerformingPhysicianName
    NameOfPhysiciansReadingStudy OperatorsName RequestingPhysician PhysiciansOfRecord RequestingService
    InstitutionName InstitutionAddress InstitutionalDepartmentName StationName AccessionNumber StudyID
    IssuerOfPatientID StudyDescription SeriesDescription ProtocolName ImageComments
    AdmittingDiagnosesDescription AcquisitionDeviceProcessingDescription DeviceSerialNumber PlateID CassetteID
    DetectorID GantryID ManufacturerModelName SoftwareVersions PerformedStationAETitle PerformedStationName
    PerformedLocation PerformedProcedureStepID PerformedProcedureStepDescription
    CommentsOnThePerformedProcedureStep AdmissionID IssuerOfAdmissionID RequestedProcedureDescription
    RequestedContrastAgent StudyComments ServiceEpisodeID ServiceEpisodeDescription CurrentPatientLocation
    PatientInstitutionResidence VisitComments VerifyingObserverName PersonName ContentCreatorName
    ImplementationVersionName TextString DerivationDescription FilterMaterial
    """.split()  # noqa: SIM905 - eighty quoted names are harder to read
)
DATES = tuple(
    """
    PatientBirthDate StudyDate SeriesDate AcquisitionDate ContentDate InstanceCreationDate AdmittingDate
    LastMenstrualDate DateOfLastCalibration PerformedProcedureStepStartDate
    """.split()  # noqa: SIM905 - eighty quoted names are harder to read
)
UIDS = tuple(
    """
    StudyInstanceUID SeriesInstanceUID SOPInstanceUID FrameOfReferenceUID InstanceCreatorUID
    SynchronizationFrameOfReferenceUID DeviceUID
    """.split()  # noqa: SIM905 - eighty quoted names are harder to read
)

TEXT, DATE, UID, FOLDER = "ZZCANARY", "19570313", "2.25.98765432109876", "ZZFOLDER"
ATTRIBUTES = (TEXT, DATE, UID, "9998887776")
"""Values of attributes, none of which must come out; FOLDER is part of the names of files and folders."""


def mark(dataset: FileDataset) -> None:
    """Set every attribute, some to values that their type does not allow, and a private block."""
    for keyword in TEXTS:
        if keyword != "ImplementationVersionName":
            dataset.add_new(tag_for_keyword(keyword) or 0, dictionary_VR(keyword), _text(keyword))
    for keyword in DATES:
        setattr(dataset, keyword, DATE)
    for number, keyword in enumerate(UIDS):
        setattr(dataset, keyword, f"{UID}.{number}")
    dataset.PatientAge = TEXT  # not an age: pydicom's warning quotes it
    dataset.PatientBirthTime = "9998887776"
    dataset.OtherPatientIDsSequence = sequence(PatientID=TEXT, TypeOfPatientID="TEXT")
    dataset.RequestAttributesSequence = sequence(ScheduledProcedureStepDescription=TEXT, RequestedProcedureID=TEXT)
    dataset.private_block(0x0011, TEXT, create=True).add_new(1, "LO", TEXT)
    dataset.preamble = TEXT.encode() * 16


def mark_and_cut(dataset: FileDataset) -> None:
    mark(dataset)
    dataset.PixelData = dataset.PixelData[:-99]


def _text(keyword: str) -> Any:
    return f"{TEXT}^{keyword}" if dictionary_VR(keyword) == "PN" else f"{TEXT} {keyword}"[:16]


def write_source(folder: Path) -> Path:
    source = folder / "source" / FOLDER
    source.mkdir(parents=True)
    variants = {
        "accepted": Variant("", edit=mark),
        "right": Variant("", {"ImageLaterality": "R"}, edit=mark),
        "flagged": Variant("", {"ImageLaterality": "L", "BurnedInAnnotation": "YES"}, edit=mark),
        "rejected": Variant("", edit=mark_and_cut),
        "cut": Variant("", edit=mark, damage=lambda content: content[:900]),
        "view": Variant("", tags={"ViewPosition": "XCC"}, edit=mark),
    }
    tags = {"rejected": {"ViewPosition": "MLO"}, "flagged": {"ViewPosition": "MLO"}}
    for number, (name, variant) in enumerate(variants.items()):
        one = Variant("", tags=variant.tags | tags.get(name, {}), edit=variant.edit, damage=variant.damage)
        content = one.content(number).replace(f"{UID}.2".encode(), f"{UID}.{number}".encode())
        (source / f"{FOLDER} {name} {TEXT}.dcm").write_bytes(content)
    lesion = f'"{FOLDER}/{FOLDER} accepted {TEXT}.dcm",benign,{TEXT},"90,30;90,50;110,50;110,30"'
    (source.parent / "lesions.csv").write_text(f"image,label,lesion_id,outline\n{lesion}\n")
    return source.parent


def written(store: Path) -> dict[str, bytes]:
    """Return the bytes of every file, and the tables as plain text."""
    found = {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}
    for name in ("images", "lesions"):
        found[f"{name} in text"] = pd.read_parquet(store / f"{name}.parquet").to_csv().encode()
    return found


def test_no_value_of_eighty_attributes_and_no_name_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    assert len({*TEXTS, *DATES, *UIDS}) >= 80
    source = write_source(tmp_path)
    capfd.readouterr()
    recwarn.clear()
    monkeypatch.setattr(
        sys, "argv", ["mammo", "data=phantom", f"data.source={source}", f"root={tmp_path}", "processes=2"]
    )
    with pytest.raises(SystemExit) as finished:
        ingest.main()
    assert finished.value.code == 3
    captured = capfd.readouterr()
    found = written(tmp_path / "store")
    assert len(found) > 8
    quarantine = found.pop("quarantine.csv").decode()
    own_ids = found.pop("ids.csv").decode()
    rows = pd.read_csv(tmp_path / "store" / "quarantine.csv")
    assert rows["path"].str.contains(FOLDER).all()
    others = rows.drop(columns=["path", "kept"]).to_csv().encode()
    everything = {**found, "printed": (captured.out + captured.err).encode(), "quarantine": others}
    everything["warnings"] = "\n".join(str(warning.message) for warning in recwarn).encode()
    for name, content in everything.items():
        for canary in (*ATTRIBUTES, FOLDER):
            assert canary.encode() not in content, f"{canary} in {name}"
    for canary in ATTRIBUTES[1:]:
        assert canary not in quarantine + own_ids
