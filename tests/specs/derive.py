#!/usr/bin/env python3
"""derive.py FOLDER OUT   Microsoft.CognitiveServices from 2024-10-01 on, whose OpenAPI documents are not at hand, from what was
generated of them: FOLDER/VERSION/bicep-types.json (resources) and, of some versions, FOLDER/VERSION/pandora.json (operations).

OUT has what compact.py would have made of each version: the first one whole, each later one as a merge patch (RFC 7396) of
the one before."""

import json
import pathlib
import sys

from compact import references, write

FIRST = "2024-10-01"
OURS = {
    "CognitiveServicesAccounts", "CognitiveServicesCommitmentPlans", "CommitmentPlans", "CommitmentTiers",
    "DefenderForAISettings", "Deployments", "EncryptionScopes", "ModelCapacities", "Models",
    "NetworkSecurityPerimeterConfigurations", "PrivateEndpointConnections", "PrivateLinkResources", "RaiBlocklists",
    "RaiContentFilters", "RaiPolicies", "Skus", "Usages",
}  # fmt: skip
NOT_OURS = {"Pause", "Resume"}
READ_ONLY, REQUIRED = 2, 1
OPERATIONS = {"$ref": "types.json#/definitions/OperationListResult"}
PLAIN = {
    "String": {"type": "string"}, "Location": {"type": "string"}, "Boolean": {"type": "boolean"}, "Integer": {"type": "integer"},
    "Float": {"type": "number"}, "DateTime": {"type": "string", "format": "date-time"}, "RawObject": {},
    "Tags": {"type": "object", "additionalProperties": {"type": "string"}},
    "Zones": {"type": "array", "items": {"type": "string"}},
    "SystemData": {"$ref": "types.json#/definitions/systemData"}, "SystemAndUserAssignedIdentityMap": {"type": "object"},
}  # fmt: skip


class Bicep:
    """Resources as azapi has them."""

    def __init__(self, file):
        self.types = json.loads(file.read_text())
        self.definitions = {}
        self.resources = {
            item["name"].partition("@")[0].lower(): item["body"] for item in self.types if item["$type"] == "ResourceType"
        }

    def resource(self, name):
        return self.schema(self.resources[name.lower()])

    def schema(self, reference):
        number = int(reference["$ref"].rpartition("/")[2])
        item = self.types[number]
        kind = item["$type"]
        if kind == "UnionType":
            literals = [self.schema(element) for element in item["elements"]]
            return {"type": "string", "enum": [value for literal in literals for value in literal.get("enum", [])]}
        if kind == "StringLiteralType":
            return {"type": "string", "enum": [item["value"]]}
        if kind == "ArrayType":
            return {"type": "array", "items": self.schema(item["itemType"])}
        if kind == "ObjectType":
            return {"$ref": f"#/definitions/{self.object(item, number)}"}
        plain = kind.removesuffix("Type").lower()
        return {"type": plain} if plain in ("string", "integer", "boolean") else {}

    def object(self, item, number):
        name = item["name"].rpartition("/")[2]
        if self.definitions.get(name, {}).get("x-number", number) != number:
            name += "2"
        if name in self.definitions:
            return name
        made = self.definitions[name] = {"type": "object", "properties": {}, "required": [], "x-number": number}
        for member, about in item["properties"].items():
            if member == "apiVersion":  # of the template that names the resource
                continue
            schema = {"type": "string"} if member == "type" else self.schema(about["type"])
            made["properties"][member] = schema | ({"readOnly": True} if about["flags"] & READ_ONLY else {})
            if about["flags"] & REQUIRED:
                made["required"].append(member)
        if "additionalProperties" in item:
            made["additionalProperties"] = self.schema(item["additionalProperties"])
        return name


class Pandora:
    """Operations as HashiCorp's SDK has them, and the bodies that are no resources."""

    def __init__(self, file, bicep):
        self.services = json.loads(file.read_text())
        self.bicep = bicep
        self.definitions = {}

    def schema(self, service, about):
        kind = about["type"]
        if kind == "List":
            return {"type": "array", "items": self.schema(service, about["nestedItem"])}
        if kind == "Dictionary":
            return {"type": "object", "additionalProperties": self.schema(service, about["nestedItem"])}
        if kind != "Reference":
            return PLAIN[kind]
        name = about["referenceName"]
        if name in service.get("Constant", {}):
            return {"type": "string", "enum": [value["value"] for value in service["Constant"][name]["values"]]}
        if f"Answer{name}" not in self.definitions:
            made = self.definitions[f"Answer{name}"] = {"type": "object", "properties": {}}
            for field in service["Model"][name]["fields"]:
                made["properties"][field["jsonName"]] = self.schema(service, field["objectDefinition"])
        return {"$ref": f"#/definitions/Answer{name}"}

    def body(self, service, operation, path):
        about = operation.get("responseObject")
        if not about:
            return None
        words = path.partition("/providers/")[2].split("/")
        kind = "/".join([words[0], *(word for word in words[1:] if "{" not in word)]).lower()
        owned = kind if kind in self.bicep.resources else kind.rpartition("/")[0]
        if kind.endswith("/deletedaccounts"):
            owned = "microsoft.cognitiveservices/accounts"
        if owned in self.bicep.resources and about.get("referenceName") in {
            "Account", "Deployment", "CommitmentPlan", "CommitmentPlanAccountAssociation", "DefenderForAISetting",
            "EncryptionScope", "NetworkSecurityPerimeterConfiguration", "PrivateEndpointConnection", "RaiBlocklist",
            "RaiBlocklistItem", "RaiContentFilter", "RaiPolicy",
        }:  # fmt: skip
            item = self.bicep.resource(owned)
        else:
            item = self.schema(service, about)
        if "fieldContainingPaginationDetails" not in operation:
            return item
        members = {"value": {"type": "array", "items": item}, "nextLink": {"type": "string"}}
        return {"type": "object", "properties": members}

    def paths(self):
        operations = {"operationId": "Operations_List", "responses": {"200": {"schema": OPERATIONS}}}
        made = {"/providers/Microsoft.CognitiveServices/operations": {"get": operations}}
        for name in sorted(OURS & self.services.keys()):
            service = self.services[name]
            for label, operation in service["Operation"].items():
                if label in NOT_OURS:
                    continue
                root = service["ResourceId"].get(operation.get("resourceIdName"), {}).get("id", "")
                path = root + operation.get("uriSuffix", "")
                body = self.body(service, operation, path)
                responses = {
                    str(status): {"schema": body} if body and status in (200, 201) else {}
                    for status in operation["expectedStatusCodes"]
                }
                made.setdefault(path, {})[operation["httpMethod"].lower()] = {
                    "operationId": f"{name}_{label}", "responses": responses,
                }  # fmt: skip
        return made


def document(folder, version, operations):
    bicep = Bicep(folder / version / "bicep-types.json")
    pandora = Pandora(folder / operations / "pandora.json", bicep)
    paths = pandora.paths()
    definitions = bicep.definitions | pandora.definitions
    assert references([paths, definitions]) <= definitions.keys()
    for item in definitions.values():
        item.pop("x-number", None)
        if not item.get("required"):
            item.pop("required", None)
    return {"swagger": "2.0", "info": {"version": version}, "paths": paths, "definitions": definitions}


def patch(old, new):
    """What makes `new` of `old` (RFC 7396)."""
    made = {name: None for name in old if name not in new}
    for name, value in new.items():
        if name not in old or (value != old[name] and not (isinstance(value, dict) and isinstance(old[name], dict))):
            made[name] = value
        elif value != old[name]:
            made[name] = patch(old[name], value)
    return made


def main():
    folder = pathlib.Path(sys.argv[1])
    last, made, operations = {}, {}, None
    for version in sorted(path.parent.name for path in folder.glob("*/bicep-types.json")):
        if version < FIRST:
            continue
        if (folder / version / "pandora.json").exists():
            operations = version
        new = document(folder, version, operations)
        made[version] = patch(last, new)
        last = new
    write(made, sys.argv[2])


main()
