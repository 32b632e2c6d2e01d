"""What of a JSON value contradicts a schema of /openapi.json, by the keywords that mammo uses."""

from collections.abc import Iterator, Mapping
from typing import Any

TYPES: Mapping[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "integer": int,
    "null": type(None),
}
KNOWN = {"title", "description", "type", "properties", "required", "additionalProperties", "items", "prefixItems"} | {
    *("anyOf", "$ref", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "minItems", "maxItems", "format"),
    *("minProperties", "maxProperties"),
}


def problems(value: Any, schema: Any, document: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """Yield what contradicts a schema of an OpenAPI document."""
    assert set(schema) <= KNOWN, f"{where}: the test does not know {set(schema) - KNOWN}"
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        found = [list(problems(value, one, document, where)) for one in schema["anyOf"]]
        yield from () if [] in found else found[0]
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{where}: {value!r} is no {kind}"
    elif isinstance(value, dict):
        yield from _of_object(value, schema, document, where)
    elif isinstance(value, list):
        yield from _of_list(value, schema, document, where)
    else:
        yield from _of_scalar(value, schema, where)


def _of_object(value: dict[str, Any], schema: Any, document: Any, where: str) -> Iterator[str]:
    fields, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
        yield f"{where}: {len(value)} keys"
    yield from (f"{where}: {name} is missing" for name in schema.get("required", ()) if name not in value)
    for name, one in value.items():
        inner = fields.get(name, others)
        if inner is False:
            yield f"{where}: {name} is unknown"
        elif inner is not True:
            yield from problems(one, inner, document, f"{where}.{name}")


def _of_list(value: list[Any], schema: Any, document: Any, where: str) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{where}: {len(value)} items"
    inner = schema.get("prefixItems", [schema.get("items", {})] * len(value))
    for number, (one, each) in enumerate(zip(value, inner, strict=False)):
        yield from problems(one, each, document, f"{where}[{number}]")


def _of_scalar(value: Any, schema: Any, where: str) -> Iterator[str]:
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        yield f"{where}: {value!r} is not listed"
    if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{where}: {value!r} is out of range"


def answer_schema(document: Mapping[str, Any], method: str, path: str, status: int = 200) -> Any:
    """The schema of a JSON answer."""
    return document["paths"][path][method]["responses"][str(status)]["content"]["application/json"]["schema"]


def body_schema(document: Mapping[str, Any], path: str) -> Any:
    """The schema of the JSON body of a POST."""
    return document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]


def undescribed(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what has no description: a parameter of an address, the field of a body or of an answer, a file."""
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            where = f"{method} {path}"
            said = one.get("parameters", [])
            yield from (f"{where} {each['name']}" for each in said if not each.get("description"))
            yield from (f"{where}: {{{name}}}" for name in _placeholders(path) - {each["name"] for each in said})
            for media, body in one.get("requestBody", {}).get("content", {}).items():
                yield from _fields(body["schema"], f"{where} {media}")
    for name, schema in document["components"]["schemas"].items():
        yield from _fields(schema, name)


def _placeholders(path: str) -> set[str]:
    return {part[1:].partition("}")[0] for part in path.split("/") if part.startswith("{")}


def _fields(schema: Any, where: str) -> Iterator[str]:
    """The fields without a description; the schema itself where it has neither."""
    if not schema.get("description"):
        yield where
    if schema["type"] == "object":
        yield from (where for _ in [0] if not schema.get("properties"))
        yield from (
            f"{where}.{name}" for name, one in schema.get("properties", {}).items() if not one.get("description")
        )
