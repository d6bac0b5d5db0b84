"""Published OpenAPI specifications as validators of answers."""

import functools
import json
import pathlib

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "specs" / "inference"


def as_json_schema(value):
    """OpenAPI 3.0 says `nullable` where JSON Schema has a type."""
    if isinstance(value, list):
        return [as_json_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    schema = {key: as_json_schema(item) for key, item in value.items()}
    if schema.pop("nullable", None) is True:
        if isinstance(schema.get("type"), str):
            schema["type"] = [schema["type"], "null"]
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
        else:
            schema = {"anyOf": [schema, {"type": "null"}]}
    return schema


@functools.cache
def specification(version):
    return as_json_schema(json.loads((FOLDER / f"{version}.json").read_text()))


def validator(version, pointer):
    """Of what `pointer` ("/components/schemas/...") names in a specification."""
    resource = Resource.from_contents(specification(version), default_specification=DRAFT4)
    registry = Registry().with_resource(f"urn:{version}", resource)
    return jsonschema.Draft4Validator({"$ref": f"urn:{version}#{pointer}"}, registry=registry)


def escaped(path):
    return path.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def answer_errors(version, operation, status, body):
    """What is wrong with the answer of an operation on a deployment, in words; empty when nothing is."""
    path = escaped(f"/deployments/{{deployment-id}}/{operation}")
    pointer = f"/paths/{path}/post/responses/{status}/content/application~1json/schema"
    return [f"{error.json_path}: {error.message[:200]}" for error in validator(version, pointer).iter_errors(body)]


def schema_errors(version, name, body):
    pointer = f"/components/schemas/{name}"
    return [f"{error.json_path}: {error.message[:200]}" for error in validator(version, pointer).iter_errors(body)]
