"""What a synthetic cohort is made from: every parameter of it, checked when it is built."""

from dataclasses import asdict, dataclass, field

from mammo.records import MammoError, is_number, is_whole

FORMAT = 6
"""Number of the recipe: raised whenever the same parameters would give other pixels."""


@dataclass(frozen=True)
class Dials:
    """How much the two kinds of signal tell; 0 tells nothing, larger is easier.

    Attributes:
        local: how far a lesion's own appearance separates malignant from benign.
        context: how far the rest of the breast separates breasts with a malignant lesion from breasts with benign ones.
        division: how far breasts differ in which of the two tells. At 0 both tell in every breast; at 1 one half of
            the breasts tells by its lesions alone and the other half by the rest alone. The means stay as above.
    """

    local: float = 3.3
    context: float = 1.15
    division: float = 0.6

    def __post_init__(self) -> None:
        for name, value in (("local", self.local), ("context", self.context)):
            if not (is_number(value) and 0 <= value <= 100):
                raise MammoError(f"dials.{name}={value} is no signal strength: give a number from 0 to 100")
        if not (is_number(self.division) and 0 <= self.division <= 1):
            raise MammoError(f"dials.division={self.division} is no share: give a number from 0 to 1")


@dataclass(frozen=True)
class Mix:
    """Shares of breasts by their worst lesion; they sum to 1."""

    negative: float = 0.16
    benign: float = 0.42
    malignant: float = 0.42

    def __post_init__(self) -> None:
        shares = asdict(self)
        if not all(is_number(x) and x >= 0 for x in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
            told = ", ".join(f"mix.{name}={share}" for name, share in shares.items())
            raise MammoError(f"{told} are no shares: give three numbers from 0 to 1 that sum to 1")


@dataclass(frozen=True)
class CohortSpec:
    """Everything that decides a cohort; two equal specs give identical files.

    Attributes:
        seed: root of every random draw.
        scale: stored pixels per full-size pixel (3328 x 2560 of 0.07 mm), from 1/8 to 1.
        n_patients: patients, each with one exam of four images.
        dials: signal strengths.
        mix: shares of negative, benign and malignant breasts.

    Raises:
        MammoError: a value is out of range.
    """

    seed: int = 0
    scale: float = 0.125
    n_patients: int = 600
    dials: Dials = field(default_factory=Dials)
    mix: Mix = field(default_factory=Mix)

    def __post_init__(self) -> None:
        if not (is_whole(self.seed) and self.seed >= 0):
            raise MammoError(f"seed={self.seed} is no seed: give 0 or a positive whole number")
        if not (is_number(self.scale) and 0.125 <= self.scale <= 1):
            raise MammoError(f"scale={self.scale} is no scale: give a number from 0.125 (416 x 320 px) to 1")
        if not (is_whole(self.n_patients) and 1 <= self.n_patients <= 9999):
            raise MammoError(f"n_patients={self.n_patients} is no number of patients: give 1 to 9999")

    def recipe(self) -> dict[str, object]:
        """The parameters as plain values, for dials.json and for unique identifiers."""
        numbers = {"dials": _floats(asdict(self.dials)), "mix": _floats(asdict(self.mix)), "scale": float(self.scale)}
        return {"format": FORMAT, **asdict(self), **numbers}


def _floats(values: dict[str, float]) -> dict[str, float]:
    """The same numbers however they were written: 1 and 1.0 are one recipe."""
    return {name: float(value) for name, value in values.items()}
