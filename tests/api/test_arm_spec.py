"""What holds every answer of the control plane against the specifications."""

import pytest

from arm_spec import families, problems

GROUP = "/subscriptions/s/resourceGroups/g"
ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/a"


@pytest.mark.parametrize(
    "method, path, version, status, body, wrong",
    [
        ("GET", GROUP, "2021-04-01", 200, {"id": GROUP, "name": "g"}, "'location' is a required property"),
        ("GET", GROUP, "2021-04-01", 200, {"location": "l", "colour": "blue"}, "'colour' was unexpected"),
        ("GET", GROUP, "2021-04-01", 201, {"location": "l"}, "has no answer 201"),
        ("DELETE", GROUP, "2021-04-01", 202, {"location": "l"}, "has no body"),
        ("GET", f"{GROUP}/colours", "2021-04-01", 200, {}, "no specification has this operation"),
        ("GET", ACCOUNT, "2023-05-01", 200, {"tags": {"a": 1}}, "$.tags.a: 1 is not of type 'string'"),
        ("GET", ACCOUNT, "2026-05-01", 200, {"properties": {"networkAcls": {"bypass": "All"}}}, "'All' is not one of"),
        ("GET", f"{ACCOUNT}/deployments/d", "2026-05-01", 200, {"properties": {"serviceTier": 1}}, "1 is not"),
        ("GET", f"{ACCOUNT}/providers/Microsoft.Authorization/locks", "2020-05-01", 200, {"value": [{}]}, "'properties' is a"),
        ("GET", "/subscriptions", "2022-12-01", 200, {"value": [{"state": "On"}]}, "'On' is not one of"),
        ("GET", GROUP, "2021-04-01", 404, {"code": "a", "message": "b"}, "'error' is a required property"),
        ("GET", GROUP, "2021-04-01", 404, {"error": {"code": "a", "inner": 1, "message": "b"}}, "'inner' was unexpected"),
        ("GET", GROUP, "2021-04-01", 404, {"error": {"code": "a"}}, "'message' is a required property"),
    ],
)
def test_it_sees_what_is_wrong(method, path, version, status, body, wrong):
    assert wrong in " ".join(problems(method, path, version, status, body))


def test_a_member_belongs_to_its_versions():
    """Of two specifications, the one that the request asks by."""
    body = {"name": "d", "properties": {"model": {"name": "gpt-4"}, "spilloverDeploymentName": "other"}}
    assert "unexpected" in problems("GET", f"{ACCOUNT}/deployments/d", "2023-05-01", 200, body)[0]
    assert problems("GET", f"{ACCOUNT}/deployments/d", "2025-06-01", 200, body) == []


def test_times_are_checked():
    path = "/subscriptions/s/providers/Microsoft.Insights/eventtypes/management/values"
    for text, count in (("2024-01-01T00:00:00Z", 0), ("2024-01-01T00:00:00", 1), ("yesterday", 1)):
        assert len(problems("GET", path, "2015-04-01", 200, {"value": [{"eventTimestamp": text}]})) == count


def test_every_definition_can_be_understood():
    for versions in families().values():
        for _, spec in versions:
            for operations in spec.document["paths"].values():
                for operation in operations.values():
                    for answer in operation["responses"].values():
                        if "schema" in answer:
                            spec.validator(answer["schema"]).check_schema(spec.definitions)
