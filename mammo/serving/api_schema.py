"""How requests and answers are described in /openapi.json, for scripts. An answer with other keys is an error."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

BINARY = "application/octet-stream"

PIXELS = "presentation values, uint16 [rows, cols], 0 to 4095, little endian, by gzip"

Call = Callable[..., Awaitable[Any]]
"""Answers a request."""

Point = tuple[float, float]
Digest = str


class Described(BaseModel):
    """A JSON object whose keys are the fields of the class, each described by the text below it."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Problem(Described):
    """Why a request has no other answer."""

    detail: str
    """One sentence: what is wrong, and what to do."""


ERRORS: Mapping[int | str, dict[str, Any]] = {
    403: {
        "description": "no session, or a request that another page has sent; the sentence is text",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    },
    422: {"model": Problem, "description": "what was sent cannot be used"},
    429: {"model": Problem, "description": "too many requests within a minute"},
    507: {"model": Problem, "description": "a disk of the server is full"},
}


def parameter(name: str, description: str, schema: Mapping[str, Any] | None = None, place: str = "query") -> Any:  # noqa: ANN401
    """A parameter of an address; one of the path is required, one of the query is not.

    Args:
        name: of the parameter.
        description: what it is.
        schema: of its values; None for text.
        place: path or query.
    """
    found = {"name": name, "in": place, "required": place == "path", "description": description}
    return found | {"schema": dict(schema or {"type": "string"})}


def json_body(model: type[Described]) -> dict[str, Any]:
    """The body of a request that is a JSON object."""
    schema = model.model_json_schema()
    for field in schema["properties"].values():
        field.pop("default", None)  # a field without a value is left out
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def file_body(description: str, required: bool = True) -> dict[str, Any]:
    """The body of a request that is the content of a file."""
    schema = {"type": "string", "format": "binary", "description": description}
    return {"required": required, "content": {BINARY: {"schema": schema}}}


def add_routes(app: FastAPI, api: Mapping[str, Mapping[str, Any]], calls: Mapping[str, Call]) -> None:
    """Add addresses to an application.

    Args:
        app: the application.
        api: by method and address the arguments of add_api_route.
        calls: by method and address what answers.
    """
    for address, call in calls.items():
        method, _, path = address.partition(" ")
        app.add_api_route(path, call, methods=[method], **api[address])


def json_answer(model: Any, *parameters: Any, body: Mapping[str, Any] | None = None) -> dict[str, Any]:  # noqa: ANN401
    """Arguments of add_api_route where the answer is JSON of a model, which every answer is checked against."""
    extra = {"parameters": list(parameters)} | ({"requestBody": body} if body else {})
    return {"response_model": model, "openapi_extra": extra, "responses": dict(ERRORS)}


def file_answer(media: str, description: str, *parameters: Any, model: Any = None) -> dict[str, Any]:  # noqa: ANN401
    """Arguments of add_api_route where the answer is a file.

    Args:
        media: its type.
        description: of the file.
        parameters: of the address.
        model: of its content, where it is JSON.
    """
    good = {"description": description, "content": {media: {"schema": {"type": "string", "format": "binary"}}}}
    if model:
        good = {"description": description, "model": model}
    extra = {"parameters": list(parameters)}
    return {"response_class": Response, "openapi_extra": extra, "responses": {200: good, **ERRORS}}
