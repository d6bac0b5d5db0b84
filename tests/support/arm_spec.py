"""Answers of the control plane held against Microsoft's published specifications (tests/specs)."""

import datetime
import functools
import json
import pathlib
import re

import jsonschema

SPECS = pathlib.Path(__file__).resolve().parents[1] / "specs"
FILES = {
    "types.json": "common-types-v2.json",
    "privatelinks.json": "privatelinks-v2.json",
    "roledefinitions.json": "roledefinitions-2022-04-01.json",
}

# Members of definitions that Azure answers although the specifications lack them.
MORE = {
    # of a deployment and of a model's SKU: which of the two limits it is
    "CallRateLimit": {"key"},
    "AnswerCallRateLimit": {"key"},
    # of a resource that a template names so; specified since 2025-04-01
    "TargetResource": {"symbolicName"},
    # "Operation": in each event
    "EventData": {"channels"},
}
# Members that are required by the specifications alone.
OPTIONAL = {"SubscriptionListResult": {"nextLink"}, "TenantListResult": {"nextLink"}}  # the last page has none
# Azure answers null there for members that are not set.
WITH_NULLS = {"roleassignments", "roledefinitions", "provideroperations"}

# What is served by no path that a specification has: what it answers.
OURS = {
    "paths": {
        # where Azure-AsyncOperation and Location lead, by the Resource Provider Contract
        "/subscriptions/{}/providers/Microsoft.CognitiveServices/locations/{}/operationResults/{}": {
            "get": {"responses": {"200": {"schema": {"$ref": "types.json#/definitions/OperationStatusResult"}}}}
        },
        "/subscriptions/{}/resourcegroups/{}/providers/microsoft.resources/deployments/{}/operationstatuses/{}": {
            "get": {"responses": {"200": {"schema": {"type": "object"}}}}
        },
        "/subscriptions/{}/providers/microsoft.resources/deployments/{}/operationstatuses/{}": {
            "get": {"responses": {"200": {"schema": {"type": "object"}}}}
        },
        "/subscriptions/{}/operationresults/{}": {"get": {"responses": {"200": {}, "202": {}}}},
        # does a resource exist? Specified by Microsoft.Resources of any id, with its own api-version
        "/{scope}": {"head": {"responses": {"204": {}}}},
        # specified of groups and resources only; az and the portal ask at every scope
        "/{scope}/providers/Microsoft.Authorization/permissions": {
            "get": {"responses": {"200": {"schema": {"$ref": "roledefinitions.json#/definitions/PermissionGetResult"}}}}
        },
    }
}

formats = jsonschema.FormatChecker(())


@formats.checks("date-time")
def is_date_time(text):
    try:
        return not isinstance(text, str) or datetime.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def parts_of(path):
    return tuple(part for part in path.partition("?")[0].lower().split("/") if part)


def is_variable(part):
    return part[:1] == "{"


@functools.cache
def load(name):
    return json.loads((SPECS / name).read_text())


def merge(old, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    made = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = merge(made.get(name), value)
    return made


class Spec:
    """One document. `nulls`: Azure answers null for members that are not set."""

    def __init__(self, name, document, nulls=False):
        self.name, self.document, self.nulls = name, document, nulls
        self.paths = {parts_of(path): operations for path, operations in document["paths"].items()}
        self.definitions = {}

    def responses(self, method, path):
        """By status, of the operation; None when the document does not have it."""
        segments = parts_of(path)
        for path_segments, operations in self.paths.items():
            pattern = path_segments
            if pattern[0] == "{scope}":  # any number of segments
                pattern = (*segments[: max(0, len(segments) - len(pattern) + 1)], *pattern[1:])
            elif len(pattern) == 1 and is_variable(pattern[0]):
                continue  # any id
            fits = (is_variable(expected) or expected == got for expected, got in zip(pattern, segments, strict=False))
            if len(pattern) == len(segments) and all(fits) and method.lower() in operations:
                return operations[method.lower()]["responses"]
        return None

    def validator(self, schema):
        """Of JSON that the OpenAPI schema describes, where members that it does not name are wrong."""
        top = self.translate(schema, self.document)
        return jsonschema.Draft4Validator(top | {"definitions": self.definitions}, format_checker=formats)

    def translate(self, schema, document):
        if "$ref" in schema:
            file, _, pointer = schema["$ref"].partition("#/definitions/")
            if "/v1/" in file and pointer == "ErrorResponse":  # what is an ErrorDetail since v2
                pointer = "ErrorDetail"
            if file:
                document = load(FILES[file.rpartition("/")[2]])
            name = f"{'common.' if file or document is not self.document else ''}{pointer}"
            if name not in self.definitions:
                self.definitions[name] = {}  # it may refer to itself
                self.definitions[name].update(self.describe(document["definitions"][pointer], document, pointer))
            return {"$ref": f"#/definitions/{name}"}
        return self.describe(schema, document)

    def describe(self, schema, document, name=None):
        if schema.get("type") == "array":
            return {"type": "array", "items": self.translate(schema["items"], document)}
        if "properties" in schema or "allOf" in schema:
            members = {}
            required = self.members(schema, document, members) - OPTIONAL.get(name, set())
            members = {key: {} for key in MORE.get(name, ())} | members
            if self.nulls:
                members = {
                    key: value if key in required else {"anyOf": [value, {"type": "null"}]} for key, value in members.items()
                }
            more = schema.get("additionalProperties", False)
            made = {"type": "object", "properties": members, "required": sorted(required)}
            return made | {"additionalProperties": self.translate(more, document) if isinstance(more, dict) else more}
        kept = ("type", "enum", "pattern", "minLength", "maxLength", "format")
        made = {key: schema[key] for key in kept if key in schema}
        if isinstance(schema.get("additionalProperties"), dict):
            made["additionalProperties"] = self.translate(schema["additionalProperties"], document)
        return made

    def members(self, schema, document, members):
        """Adds the members of a schema and of those that it is made of; returns the names of the required ones."""
        required = set(schema.get("required", ()))
        for reference in schema.get("allOf", ()):
            base, owner = reference, document
            while "$ref" in base:
                file, _, pointer = base["$ref"].partition("#/definitions/")
                owner = load(FILES[file.rpartition("/")[2]]) if file else owner
                base = owner["definitions"][pointer]
            required |= self.members(base, owner, members)
        for name, member in schema.get("properties", {}).items():
            members[name] = self.translate(member, document)
        return required


@functools.cache
def families():
    """The versions of each specification, oldest first."""
    found = {}
    for file in sorted(SPECS.glob("*-20??-??-??*.json")):
        name, version = re.fullmatch(r"(\w+)-(.*)", file.stem).groups()
        found.setdefault(name, []).append((version, Spec(file.stem, load(file.name), nulls=name in WITH_NULLS)))
    last = {}
    for version, patch in load("cognitiveservices-later.json").items():
        last = merge(last, patch)
        found["cognitiveservices"].append((version, Spec(f"cognitiveservices-{version}", last)))
    found["ours"] = [("2000-01-01", Spec("ours", OURS))]
    return found


def find(method, path, version):
    """The responses of an operation, and its specification: the newest one that is not newer than the request's."""
    for versions in families().values():
        known = [spec for of, spec in versions if of <= version] or [versions[0][1]]
        responses = known[-1].responses(method, path)
        if responses:
            return responses, known[-1]
    return None, None


@functools.cache
def error_validator():
    """Of the envelope that the Resource Provider Contract has: with code and message, which the schema leaves open."""
    error = Spec("errors", {"paths": {}}).validator({"$ref": "types.json#/definitions/ErrorResponse"})
    error.schema["definitions"]["common.ErrorResponse"]["required"] = ["error"]
    error.schema["definitions"]["common.ErrorDetail"]["required"] = ["code", "message"]
    return error


def problems(method, path, version, status, body):
    """What is wrong with an answer, in words; empty when nothing is. `body` is parsed, None when there was none."""
    if status >= 400:
        if method == "HEAD":
            return []
        validator, name = error_validator(), "errors"
    else:
        responses, spec = find(method, path, version)
        if not responses:
            return ["no specification has this operation"]
        if str(status) not in responses:
            return [f"{spec.name} has no answer {status}, but {sorted(responses)}"]
        schema, name = responses[str(status)].get("schema"), spec.name
        if schema is None or (spec.name == "ours" and body is None):
            return [] if body is None else [f"{name} has no body: {body}"]
        validator = spec.validator(schema)
    return [f"{name} {error.json_path}: {error.message[:300]}" for error in validator.iter_errors(body)]
