"""Who made the detector, as one of a closed list of words: nothing else of Manufacturer (0008,0070) is kept."""

VENDORS = {
    "hologic": "hologic",
    "lorad": "hologic",
    "ge medical": "ge",
    "ge healthcare": "ge",
    "siemens": "siemens",
    "fuji": "fujifilm",
    "philips": "philips",
    "sectra": "philips",
    "agfa": "agfa",
    "carestream": "carestream",
    "kodak": "carestream",
    "planmed": "planmed",
    "ims": "ims",
    "internazionale medico": "ims",
    "metaltronica": "metaltronica",
    "konica": "konica",
    "mammo phantom a": "phantom_a",
    "mammo phantom b": "phantom_b",
}
"""What the tag's text contains, in small letters, and the word for it."""


def vendor_of(manufacturer: str) -> str:
    """The vendor's word, "other" for one that is not listed, empty where the tag is."""
    text = manufacturer.lower()
    return next((word for part, word in VENDORS.items() if part in text), "other" if text.strip() else "")
