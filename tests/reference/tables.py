"""The reference of tables, codes, flags and checks: columns with types and meanings, from where the code has them."""

from collections.abc import Callable, Mapping

from mammo.inference.prediction import CASE_FIELDS, LESION_FIELDS
from mammo.ingestion.quarantine import QUARANTINE
from mammo.intake.adapters._table_columns import FIELDS
from mammo.intake.adapters._table_outlines import FORMS
from mammo.intake.adapters._table_words import SIDES, SOURCES, VIEWS, WORDS, YES_NO
from mammo.intake.outcomes import Flag
from mammo.intake.rejections import Code
from mammo.quality.checks import CHECKS
from mammo.reporting import report_columns
from mammo.scoring import score_columns
from mammo.scoring.trivial_predictors import TRIVIAL_COLUMNS
from mammo.store.columns import IMAGE_COLUMNS, LESION_COLUMNS
from mammo.store.pseudonyms import OWN_IDS
from mammo.training.results import Run
from mammo.training.run_files import SEAL_MEANING
from tests.reference.markdown import cell, code, entries, sections, table

IN_RESULT = {"store": "read_digests.store"}
"""Attributes of Run that result.json has at another place."""


def typed(columns: Mapping[str, tuple[object, str]]) -> str:
    """Columns with a type and a meaning."""
    rows = [[code(name), code(kind), cell(meaning)] for name, (kind, meaning) in columns.items()]
    return table(["column", "type", "meaning"], rows)


def plain(columns: Mapping[str, str], kind: str = "column") -> str:
    """Columns, or fields, with a meaning."""
    return table([kind, "meaning"], [[code(name), cell(meaning)] for name, meaning in columns.items()])


def own_fields() -> str:
    """The fields of own tables, and the column names that give them."""
    rows = [[code(name), cell(meaning), cell(", ".join(names.split()))] for name, (names, meaning) in FIELDS.items()]
    return table(["field", "what a cell holds", "column names"], rows)


def outline_forms() -> str:
    """The names of the columns of boxes and circles."""
    rows = [[code(kind), "; ".join(code(", ".join(names.split())) for names in forms)] for kind, forms in FORMS.items()]
    return table(["form", "column names"], rows)


def own_words() -> str:
    """The words of own tables, and what each is read as."""
    read = [("label", meaning.value, words.split()) for meaning, words in WORDS.items()]
    read += [("label_source", source.value, words.split()) for source, words in SOURCES.items()]
    for field, words in (("laterality", SIDES), ("view", VIEWS), ("high_risk", YES_NO)):
        for value in dict.fromkeys(words.values()):
            shown = {True: "yes", False: "no"}.get(value, str(value))
            read.append((field, shown, [word or "an empty cell" for word in words if words[word] is value]))
    return table(
        ["field", "read as", "words"],
        [[code(field), cell(value), cell(", ".join(words))] for field, value, words in read],
    )


def result_keys() -> str:
    """The keys of result.json, by the attributes of Run."""
    text = dict(sections(Run.__doc__ or ""))["Attributes"]
    found = [(IN_RESULT.get(name, name), meaning) for name, meaning in entries(text) if name != "folder"]
    found.append(("seal", SEAL_MEANING))
    return table(["key", "meaning"], [[code(name), cell(meaning)] for name, meaning in found])


def rejection_codes() -> str:
    """Every rejection code with reason and remedy."""
    rows = [[code(one.value), cell(one.reason), cell(one.remedy)] for one in Code]
    return table(["code", "the file or outline is or has", "what to do"], rows)


def flags() -> str:
    """Every flag with its reason."""
    return table(["flag", "the image has or is"], [[code(flag.value), cell(flag.reason)] for flag in Flag])


def quality_checks() -> str:
    """Every quality check with what it finds and what to do."""
    return table(
        ["check", "what it finds", "what to do"], [[code(n), cell(c.finds), cell(c.remedy)] for n, c in CHECKS.items()]
    )


BLOCKS: Mapping[str, Callable[[], str]] = {
    "store-images": lambda: typed(IMAGE_COLUMNS),
    "store-lesions": lambda: typed(LESION_COLUMNS),
    "quarantine": lambda: plain(QUARANTINE.columns),
    "own-ids": lambda: plain(OWN_IDS.columns),
    "own-fields": own_fields,
    "own-words": own_words,
    "outline-forms": outline_forms,
    "score-lesions": lambda: typed(score_columns.LESION_COLUMNS),
    "score-windows": lambda: typed(score_columns.WINDOW_COLUMNS),
    "score-images": lambda: typed(score_columns.IMAGE_COLUMNS),
    "result": result_keys,
    "predicted-case": lambda: plain(CASE_FIELDS, "field"),
    "prediction": lambda: plain(LESION_FIELDS, "field"),
    "table1": lambda: plain(report_columns.TABLE1_COLUMNS),
    "table2": lambda: plain(report_columns.TABLE2_COLUMNS),
    "table3": lambda: plain(report_columns.TABLE3_COLUMNS),
    "views": lambda: plain(report_columns.VIEWS_COLUMNS),
    "findings": lambda: plain(report_columns.FINDING_COLUMNS),
    "findings-tnr": lambda: plain(report_columns.FINDING_TNR_COLUMNS),
    "figure6": lambda: plain(report_columns.FIGURE6_COLUMNS),
    "other-models": lambda: plain(report_columns.OTHER_COLUMNS),
    "folds": lambda: plain(report_columns.FOLD_COLUMNS),
    "birads": lambda: plain(report_columns.BIRADS_COLUMNS),
    "trivial": lambda: plain(TRIVIAL_COLUMNS),
    "settings": lambda: plain(report_columns.SETTINGS_COLUMNS),
    "comparison": lambda: plain({**report_columns.COMPARISON_COLUMNS, **report_columns.COMPARISON_FOLD_COLUMNS}),
    "rejections": rejection_codes,
    "flags": flags,
    "checks": quality_checks,
}
"""Tables by the name of their block."""
