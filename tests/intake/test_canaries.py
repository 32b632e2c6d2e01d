"""No name, identifier, date or path of a DICOM file reaches anything that ingest writes or prints."""

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import FileDataset

from mammo import ingest
from tests.intake.traps import Trap, sequence

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
    """.split()  # noqa: SIM905 - eighty names in quotes tell no more
)
DATES = tuple(
    """
    PatientBirthDate StudyDate SeriesDate AcquisitionDate ContentDate InstanceCreationDate AdmittingDate
    LastMenstrualDate DateOfLastCalibration PerformedProcedureStepStartDate
    """.split()  # noqa: SIM905 - eighty names in quotes tell no more
)
UIDS = tuple(
    """
    StudyInstanceUID SeriesInstanceUID SOPInstanceUID FrameOfReferenceUID InstanceCreatorUID
    SynchronizationFrameOfReferenceUID DeviceUID
    """.split()  # noqa: SIM905 - eighty names in quotes tell no more
)

TEXT, DATE, UID, FOLDER = "ZZCANARY", "19570313", "2.25.98765432109876", "ZZFOLDER"
ATTRIBUTES = (TEXT, DATE, UID, "9998887776")
"""What stands in attributes, in any of which it must not be found; FOLDER stands in names of files and folders."""


def mark(dataset: FileDataset) -> None:
    """Set every attribute, some with values that their type does not allow, and a private block."""
    for keyword in TEXTS:
        if keyword != "ImplementationVersionName":
            dataset.add_new(tag_for_keyword(keyword) or 0, dictionary_VR(keyword), _text(keyword))
    for keyword in DATES:
        setattr(dataset, keyword, DATE)
    for number, keyword in enumerate(UIDS):
        setattr(dataset, keyword, f"{UID}.{number}")
    dataset.PatientAge = TEXT  # no age: pydicom's warning quotes it
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
    traps = {
        "accepted": Trap("", edit=mark),
        "right": Trap("", {"ImageLaterality": "R"}, edit=mark),
        "flagged": Trap("", {"ImageLaterality": "L", "BurnedInAnnotation": "YES"}, edit=mark),
        "refused": Trap("", edit=mark_and_cut),
        "cut": Trap("", edit=mark, damage=lambda content: content[:900]),
        "view": Trap("", tags={"ViewPosition": "XCC"}, edit=mark),
    }
    tags = {"refused": {"ViewPosition": "MLO"}, "flagged": {"ViewPosition": "MLO"}}
    for number, (name, trap) in enumerate(traps.items()):
        one = Trap("", tags=trap.tags | tags.get(name, {}), edit=trap.edit, damage=trap.damage)
        content = one.content(number).replace(f"{UID}.2".encode(), f"{UID}.{number}".encode())
        (source / f"{FOLDER} {name} {TEXT}.dcm").write_bytes(content)
    lesion = f'"{FOLDER}/{FOLDER} accepted {TEXT}.dcm",benign,{TEXT},"90,30;90,50;110,50;110,30"'
    (source.parent / "lesions.csv").write_text(f"image,label,lesion_id,outline\n{lesion}\n")
    return source.parent


def written(store: Path) -> dict[str, bytes]:
    """The bytes of every file, tables in plain text too."""
    found = {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}
    for name in ("images", "lesions"):
        found[f"{name} in text"] = pd.read_parquet(store / f"{name}.parquet").to_csv().encode()
    return found


def test_nothing_of_eighty_attributes_and_names_comes_out(
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
    told = capfd.readouterr()
    found = written(tmp_path / "store")
    assert len(found) > 8
    quarantine = found.pop("quarantine.csv").decode()
    rows = pd.read_csv(tmp_path / "store" / "quarantine.csv")
    assert rows["path"].str.contains(FOLDER).all()
    others = rows.drop(columns=["path", "kept"]).to_csv().encode()
    everything = {**found, "printed": (told.out + told.err).encode(), "quarantine": others}
    everything["warnings"] = "\n".join(str(warning.message) for warning in recwarn).encode()
    for name, content in everything.items():
        for canary in (*ATTRIBUTES, FOLDER):
            assert canary.encode() not in content, f"{canary} in {name}"
    for canary in ATTRIBUTES[1:]:
        assert canary not in quarantine
