from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from mammo.phantoms.elements import Elements, element, encoded

CODE: Elements = {"CodeValue": "76752008", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Breast"}
VALUES: Elements = {
    "Rows": 416,
    "PixelIntensityRelationshipSign": -1,
    "PatientName": "odd",
    "PatientBirthDate": "",
    "SOPInstanceUID": "2.25.7",
    "ImageType": "DERIVED\\PRIMARY",
    "AnatomicRegionSequence": [{**CODE, "ViewModifierCodeSequence": []}, CODE],
    "AcquisitionContextSequence": [],
}


def by_pydicom(values: Elements) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        items = isinstance(value, list)
        setattr(dataset, keyword, [by_pydicom(item) for item in value] if items else value)
    return dataset


@pytest.mark.parametrize("explicit", [True, False])
def test_elements_are_the_bytes_that_pydicom_writes(explicit: bool) -> None:
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, not explicit
    write_dataset(out, by_pydicom(VALUES))
    assert encoded(VALUES, explicit) == out.getvalue()


@pytest.mark.parametrize("explicit", [True, False])
def test_an_undefined_length_ends_with_its_delimiter(explicit: bool) -> None:
    items = b"\xfe\xff\x00\xe0\x02\0\0\0ab"
    whole = element(0x7FE00010, "OB", items, explicit, undefined=True) + encoded({"Rows": 1}, explicit)
    read = read_dataset(BytesIO(whole), is_implicit_VR=not explicit, is_little_endian=True)
    assert read.PixelData == items
    assert read.Rows == 1


def test_an_unknown_keyword_is_refused() -> None:
    with pytest.raises(KeyError, match="PatientNam is no keyword"):
        encoded({"PatientNam": "x"}, explicit=True)
