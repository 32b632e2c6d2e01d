"""The page's application: static files, and requests to open an image, score an outline and download the result."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from fastapi import FastAPI
from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mammo.inference.case_reading import OtherImages
from mammo.inference.cases import Case
from mammo.inference.exams import ExamImage
from mammo.inference.lesion_model import PHANTOMS
from mammo.inference.overlay import overlay_pixels
from mammo.inference.prediction import RESEARCH_USE, LesionPrediction
from mammo.inference.predictor import Predictor
from mammo.intake.object_type import MAX_SPACING_MM
from mammo.limits import parse_json
from mammo.records import Laterality, MammoError, View
from mammo.serving.api_schema import Call, add_routes
from mammo.serving.page_api import PAGE_API
from mammo.serving.page_extras import NO_EXTRAS, Extras
from mammo.serving.page_files import ListedFiles, upload_name
from mammo.serving.page_guard import SESSION
from mammo.serving.page_images import OpenImage, OpenImages, ScoredOutline, open_image
from mammo.serving.page_neighbors import PageNeighbors
from mammo.serving.page_outlines import load_outlines, outlines_name
from mammo.serving.page_results import results_of, send_results, why_no_results, zipped
from mammo.serving.page_scores import answer_json, image_json, predictions_json, score_outline, scored
from mammo.serving.page_words import NAME
from mammo.serving.static_files import application_with
from mammo.serving.worker import Worker
from mammo.text import print_event

LONGEST_NUMBER = 9
"""Digits of the number of a listed file."""


class Page:
    """What the page can ask for.

    Args:
        predictor: the networks of a bundle.
        files: that it lists.
        extras: what else it shows and does.
    """

    def __init__(self, predictor: Predictor, files: ListedFiles, extras: Extras = NO_EXTRAS) -> None:
        self.predictor, self.files, self.extras, self.images = predictor, files, extras, OpenImages()
        self._reader, self._scorer, self._sender = Worker(), Worker(), Worker()

    async def bundle(self) -> dict[str, Any]:
        """What stands on every screen: the bundle, and what its scores are for; and whether there are extras."""
        phantoms = PHANTOMS if self.predictor.ensemble.trained_on_phantoms else ""
        found = {"bundle": asdict(self.predictor.facts.name), "use": RESEARCH_USE, "phantoms": phantoms}
        peer = "" if self.extras.peer is None else str(self.extras.peer)
        return found | {"peer": peer, "has_neighbors": self.extras.neighbors is not None}

    async def listed(self) -> list[dict[str, object]]:
        """The images of the folder of --data."""
        return self.files.as_json()

    async def open(self, request: Request) -> dict[str, Any]:
        """Open an image: the body, or the file of the query's `file`; laterality, view and spacing as in the query."""
        said = request.query_params
        if "file" in said:
            number = said["file"]
            is_number = number.isdecimal() and len(number) <= LONGEST_NUMBER
            return await self._opened(request, *self.files.case(int(number) if is_number else -1))
        with TemporaryDirectory(prefix="mammo-") as folder:
            file = await _received(request, Path(folder), upload_name)
            return await self._opened(request, Case(file.parent, file.name, NAME))

    async def _opened(self, request: Request, case: Case, known: ExamImage | None = None) -> dict[str, Any]:
        described, reader = _described(case, request.query_params), request.scope[SESSION].key
        try:
            image = await self._reader.run(open_image, described, self.predictor.placing, known)
        except MammoError:
            print_event("an image was rejected")
            raise
        self.images.add(reader, image)
        found = (
            image_json(image) | {"no_results": why_no_results(image, self.predictor.facts.name)} | image.among(reader)
        )
        print_event(f"an image was opened ({found['rows']} x {found['cols']} px)")
        return found

    async def outlines(self, request: Request) -> dict[str, Any]:
        """Add the outlines of a file, the body; the query gives its `name`, and that of an uploaded `image`."""
        image, said = self._image(request), request.query_params
        with TemporaryDirectory(prefix="mammo-") as folder:
            file = await _received(request, Path(folder), partial(outlines_name, said.get("name", "")))
            problems = await self._reader.run(load_outlines, image, file, said.get("image", ""))
        print_event("outlines were loaded")
        return {"known": image_json(image)["known"], "problems": problems}

    async def close(self, request: Request) -> Response:
        """Close an image that is no longer shown."""
        self.images.close(request.scope[SESSION].key, request.path_params["key"])
        return Response(status_code=204)

    def _image(self, request: Request) -> OpenImage:
        return self.images.get(request.scope[SESSION].key, request.path_params["key"])

    def _last(self, request: Request) -> tuple[OpenImage, ScoredOutline]:
        """An image, and what was scored last on it, which is that of the query's `score` where it gives one."""
        image = self._image(request)
        return image, scored(image, request.query_params.get("score"))

    async def pixels(self, request: Request) -> Response:
        """Presentation values of an image: uint16 [rows, cols], 0 to 4095, little endian, compressed by gzip."""
        content = self._image(request).pixels
        return Response(content, media_type="application/octet-stream", headers={"content-encoding": "gzip"})

    async def score(self, request: Request) -> dict[str, Any]:
        """Score the outline of the body."""
        image, started, kinds = self._image(request), monotonic(), self.predictor.other_images
        try:
            content = parse_json((await request.body()).decode())
        except ValueError:
            raise MammoError("The outline is not JSON: draw it again.") from None
        beside = self.images.beside(request.scope[SESSION].key, image, kinds) if image.is_upload else None
        answer = await self._scorer.run(self._scored, image, content, beside)
        print_event(f"an outline was scored ({monotonic() - started:.1f} s)")
        return answer

    def _scored(self, image: OpenImage, content: Mapping[str, Any], beside: OtherImages | None) -> dict[str, Any]:
        others = image.read_beside(self.predictor.placing) if beside is None else beside
        found, saves = score_outline(self.predictor, image, content, others), self.extras.saves
        kept = saves.save(image, found.number, predictions_json(self.predictor, image, found)) if saves else ""
        return answer_json(found) | {"not_saved": kept}

    async def prediction(self, request: Request) -> Response:
        """The last score of an image as predictions.json has it, to download.

        Here and below the query can give the number of a `score`, which must be the last.
        """
        image, found = self._last(request)
        content = predictions_json(self.predictor, image, found)
        return JSONResponse(content, headers=_attachment(image, found, "json"))

    async def picture(self, request: Request) -> Response:
        """The picture of an image's last score, as `mammo predict` draws it, to download."""
        image, found = self._last(request)
        content = await self._scorer.run(_picture, self.predictor, image, found.prediction)
        return Response(content, media_type="image/png", headers=_attachment(image, found, "png"))

    async def results(self, request: Request) -> Response:
        """The DICOM results of an image's last score, as `mammo predict --dicom` makes them: a zip archive."""
        image, found = self._last(request)
        files = await self._results(request)
        return Response(zipped(files), media_type="application/zip", headers=_attachment(image, found, "zip"))

    async def send(self, request: Request) -> dict[str, str]:
        """Send these results to the peer."""
        if self.extras.peer is None:
            raise MammoError("This page sends to no DICOM peer: download the results.")
        files = await self._results(request)
        try:
            sent = await self._sender.run(send_results, self.extras.peer, files)
        except MammoError:
            print_event(f"results were not sent to {self.extras.peer}")
            raise
        print_event(f"results were sent to {self.extras.peer}")
        return {"sent": sent}

    async def _results(self, request: Request) -> dict[str, bytes]:
        image, found = self._last(request)
        return await self._scorer.run(results_of, self.predictor, image, found.prediction)

    async def neighbors(self, request: Request) -> dict[str, Any]:
        """The labeled lesions that are most similar to the last one that was scored on an image."""
        image, found = self._last(request)
        return await self._scorer.run(self._neighbors.answer, image, found.prediction)

    async def neighbor(self, request: Request) -> Response:
        """The picture of one of them, by its number."""
        content = await self._reader.run(self._neighbors.picture, request.path_params["number"])
        return Response(content, media_type="image/png")

    @property
    def _neighbors(self) -> PageNeighbors:
        if self.extras.neighbors is None:
            raise MammoError("This page has no store of similar lesions: start it with one.")
        return self.extras.neighbors


async def _received(request: Request, folder: Path, name_of: Callable[[bytes], str]) -> Path:
    """Write the body of a request into a folder; returns the file, which is named by its first bytes."""
    part, head = folder / "received", b""
    with part.open("wb") as file:
        async for chunk in request.stream():
            head = head if len(head) >= 8 else head + chunk[:8]
            file.write(chunk)
    if not head:
        raise MammoError("The file is empty: choose another.")
    return part.rename(folder / name_of(head))


def _described(case: Case, said: Any) -> Case:  # noqa: ANN401  (query parameters of starlette)
    """A case with what the reader says about it where its folder says nothing; MammoError where a word is unknown."""
    try:
        laterality = Laterality(said["laterality"]) if said.get("laterality") else None
        view = View(said["view"]) if said.get("view") else None
        spacing = float(said["spacing"]) if said.get("spacing") else None
    except ValueError:
        raise MammoError("Breast is L or R, view is CC or MLO, and pixel spacing a number in mm.") from None
    if spacing is not None and not 0 < spacing <= MAX_SPACING_MM:
        raise MammoError(f"The pixel spacing is {spacing:g} mm: give one above 0 and at most {MAX_SPACING_MM:g}.")
    return replace(
        case,
        laterality=case.laterality or laterality,
        view=case.view or view,
        spacing_mm=case.spacing_mm or spacing,
    )


def _picture(predictor: Predictor, image: OpenImage, prediction: LesionPrediction) -> bytes:
    file = BytesIO()
    Image.fromarray(overlay_pixels(prediction, image.image, predictor.facts.name)).save(file, format="png")
    return file.getvalue()


def _attachment(image: OpenImage, found: ScoredOutline, suffix: str) -> dict[str, str]:
    """The name of a download: one for each score, from the SHA-256 of the image's file, which names no patient."""
    name = f"mammo-{image.image.sha256[:8]}-score-{found.number:04}.{suffix}"
    return {"content-disposition": f'attachment; filename="{name}"'}


def application(page: Page) -> FastAPI:
    """The application; /openapi.json describes its addresses."""
    app = application_with("index.html")
    calls: dict[str, Call] = {
        "GET /api/bundle": page.bundle,
        "GET /api/files": page.listed,
        "POST /api/images": page.open,
        "DELETE /api/images/{key}": page.close,
        "POST /api/images/{key}/outlines": page.outlines,
        "POST /api/images/{key}/score": page.score,
        "POST /api/images/{key}/send": page.send,
        "GET /api/images/{key}/neighbors": page.neighbors,
        "GET /api/neighbors/{number:int}.png": page.neighbor,
    }
    files = {"pixels": page.pixels, "prediction.json": page.prediction, "picture.png": page.picture}
    of_image = {f"GET /api/images/{{key}}/{name}": call for name, call in files.items()}
    add_routes(app, PAGE_API, calls | of_image | {"GET /api/images/{key}/results.zip": page.results})
    return app
