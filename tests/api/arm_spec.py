"""Answers of the control plane held against Microsoft's published specification (tests/specs)."""

import json
import pathlib
import re

import jsonschema

SPECS = pathlib.Path(__file__).resolve().parents[1] / "specs"
FILES = {"types.json": "common-types-v2.json", "privatelinks.json": "privatelinks-v2.json"}

# Members that the service answers although the specifications lack them: the "key" of a model's rate limits, which Azure
# answers too.
MORE = {"key"}


class Spec:
    def __init__(self, version, name="cognitiveservices"):
        self.version = version
        self.main = SPECS / f"{name}-{version}.json"
        self.documents = {}
        self.paths = {
            tuple(path.lower().strip("/").split("/")): operations
            for path, operations in self.load(self.main)["paths"].items()
        }

    def load(self, file):
        if file not in self.documents:
            self.documents[file] = json.loads(file.read_text())
        return self.documents[file]

    def resolve(self, schema, file):
        """The schema that a $ref names, and its file."""
        while "$ref" in schema:
            name, _, pointer = schema["$ref"].partition("#/")
            if name:
                file = SPECS / FILES[name.rsplit("/", 1)[1]]
            schema = self.load(file)
            for part in pointer.split("/"):
                schema = schema[part]
        return schema, file

    def json_schema(self, schema, file):
        """Of one object, allOf merged into it; unknown members are not allowed."""
        schema, file = self.resolve(schema, file)
        if schema.get("type") == "array":
            return {"type": "array", "items": self.json_schema(schema["items"], file)}
        if "properties" not in schema and "allOf" not in schema:
            kept = {name: schema[name] for name in ("type", "enum", "pattern", "minLength", "maxLength") if name in schema}
            if "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
                kept["additionalProperties"] = self.json_schema(schema["additionalProperties"], file)
            return kept
        properties, required = {}, set()
        for base in schema.get("allOf", []):
            merged = self.json_schema(base, file)
            properties.update(merged.get("properties", {}))
            required.update(merged.get("required", []))
        for name, member in schema.get("properties", {}).items():
            properties[name] = self.json_schema(member, file)
        required.update(schema.get("required", []))
        for name in MORE:
            properties.setdefault(name, {})
        return {
            "type": "object", "properties": properties, "required": sorted(required), "additionalProperties": False,
        }

    def response_schema(self, method, path, status):
        segments = tuple(path.partition("?")[0].lower().strip("/").split("/"))
        for path_segments, operations in self.paths.items():
            pattern = path_segments
            if pattern[0] == "{scope}":  # any number of segments
                pattern = (*segments[: len(segments) - len(pattern) + 1], *pattern[1:])
            if len(pattern) == len(segments) and all(
                re.fullmatch(r"\{.*\}", expected) or expected == got for expected, got in zip(pattern, segments, strict=True)
            ):
                responses = operations[method.lower()]["responses"]
                assert str(status) in responses, f"{status} is no answer to {method} {path}: {sorted(responses)}"
                return responses[str(status)].get("schema")
        raise AssertionError(f"the specification has no path {path}")

    def check(self, method, path, status, body):
        """`body` is the parsed answer, None when there was none."""
        schema = self.response_schema(method, path, status)
        if schema is None:
            assert body is None
            return
        jsonschema.Draft4Validator(self.json_schema(schema, self.main)).validate(body)
