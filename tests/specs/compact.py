#!/usr/bin/env python3
"""compact.py IN OUT [PATH...]   writes a published specification without what no check of an answer needs: descriptions,
examples, requests, blanks; where paths are named, only theirs, and the definitions that their answers refer to."""

import json
import sys

DROPPED = {"description", "x-ms-examples", "summary", "title", "x-ms-client-name", "x-ms-parameter-location"}


def compact(value, names_are_data=False):
    if isinstance(value, list):
        return [compact(item) for item in value]
    if not isinstance(value, dict):
        return value
    # what stands in "properties" and "definitions" are names of the API, not of the specification language
    return {
        name: compact(item, name in ("properties", "definitions", "parameters"))
        for name, item in value.items()
        if names_are_data or name not in DROPPED
    }


def references(value):
    """The names of the definitions of the same file that a value refers to."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"].rpartition("/")[2]} if str(value.get("$ref", "")).startswith("#/definitions/") else set()
    return own.union(*map(references, value.values()))


def successes(responses):
    """Errors are those of common-types, whatever a specification says of them."""
    return {status: response for status, response in responses.items() if status != "default" and int(status) < 400}


def reduced(specification, paths):
    """The answers of these paths (of all where there are none), and the definitions that they need."""
    kept = {}
    for path, operations in specification["paths"].items():
        if not paths or path.lower() in paths:
            kept[path] = {
                method: {"operationId": operation["operationId"], "responses": successes(operation["responses"])}
                for method, operation in operations.items()
                if method != "parameters"
            }
    needed, new = set(), references(kept)
    while new:
        needed |= new
        new = references([specification["definitions"][name] for name in new]) - needed
    definitions = {name: item for name, item in specification["definitions"].items() if name in needed}
    return {"swagger": "2.0", "info": specification["info"], "paths": kept, "definitions": definitions}


def write(specification, file):
    with open(file, "w") as target:
        json.dump(specification, target, separators=(",", ":"))
        target.write("\n")


if __name__ == "__main__":
    with open(sys.argv[1]) as source:
        whole = compact(json.load(source))
    write(reduced(whole, {path.lower() for path in sys.argv[3:]}) if sys.argv[3:] else whole, sys.argv[2])
