"""The addresses of the page with their parameters, bodies and answers, for /openapi.json."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from mammo.serving.api_schema import BINARY, PIXELS, file_answer, file_body, json_answer, json_body, parameter
from mammo.serving.page_schema import ListedFile, LoadedOutlines, OpenedImage, PageFacts, Sent, SimilarLesions
from mammo.serving.score_schema import Outline, PredictionsFile, ScoreAnswer

IMAGE = parameter("key", "key of an open image, as its opening answers", place="path")
SCORE = parameter("score", "number of a score, which must be the image's last", {"type": "integer", "minimum": 1})
NUMBER = {"type": "integer", "minimum": 0}

SAID = (
    parameter("file", "number of a listed image, which is opened in place of a body", NUMBER),
    parameter("laterality", "breast, where the file does not state it", {"type": "string", "enum": ["L", "R"]}),
    parameter("view", "view, where the file does not state it", {"type": "string", "enum": ["CC", "MLO"]}),
    parameter(
        "spacing", "mm between pixels, where the file does not state it", {"type": "number", "exclusiveMinimum": 0}
    ),
)

PAGE_API: Mapping[str, Mapping[str, Any]] = {
    "GET /api/bundle": json_answer(PageFacts),
    "GET /api/files": json_answer(list[ListedFile]),
    "POST /api/images": json_answer(
        OpenedImage, *SAID, body=file_body("a DICOM, PNG or TIFF file of at most 256 MiB; none with file", False)
    ),
    "DELETE /api/images/{key}": {
        "status_code": 204,
        "response_class": Response,
        "openapi_extra": {"parameters": [IMAGE]},
    },
    "POST /api/images/{key}/outlines": json_answer(
        LoadedOutlines,
        *(IMAGE, parameter("name", "name of the file, whose suffix says what it is")),
        parameter("image", "name of the image's file, by which a table names it"),
        body=file_body("a DICOM SEG object, a COCO file, a table of lesions or a mask"),
    ),
    "POST /api/images/{key}/score": json_answer(ScoreAnswer, IMAGE, body=json_body(Outline)),
    "POST /api/images/{key}/send": json_answer(Sent, IMAGE, SCORE),
    "GET /api/images/{key}/neighbors": json_answer(SimilarLesions, IMAGE, SCORE),
    "GET /api/neighbors/{number:int}.png": file_answer(
        "image/png", "picture of a similar lesion", parameter("number", "its number", NUMBER, "path")
    ),
    "GET /api/images/{key}/pixels": file_answer(BINARY, PIXELS, IMAGE),
    "GET /api/images/{key}/prediction.json": file_answer(
        "application/json", "the last score of the image", IMAGE, SCORE, model=PredictionsFile
    ),
    "GET /api/images/{key}/picture.png": file_answer(
        "image/png", "the picture that mammo predict draws of it", IMAGE, SCORE
    ),
    "GET /api/images/{key}/results.zip": file_answer(
        "application/zip", "the DICOM results that mammo predict writes of it", IMAGE, SCORE
    ),
}
"""By method and address the arguments of add_api_route."""
