#!/usr/bin/env python3
"""compact.py IN OUT   writes a published specification without what no check needs: descriptions, examples, blanks."""

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


with open(sys.argv[1]) as source, open(sys.argv[2], "w") as target:
    json.dump(compact(json.load(source)), target, separators=(",", ":"))
    target.write("\n")
