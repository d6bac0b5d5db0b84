"""az monitor activity-log: what has been written, by whom, and what came of it."""


def test_activity_log(az, lazuli, group):
    here = ("--name", f"{group}-account", "--resource-group", group)
    az("cognitiveservices", "account", "create", *here, "--location", "eastus", "--kind", "OpenAI", "--sku", "S0", "--yes")
    az.refused(
        "DeploymentModelNotSupported", "cognitiveservices", "account", "deployment", "create", *here,
        "--deployment-name", "none", "--model-name", "none", "--model-version", "1", "--model-format", "OpenAI",
    )  # fmt: skip
    refused, made, _ = az("monitor", "activity-log", "list", "--resource-group", group)  # the latest first; the group's last
    assert refused["operationName"]["value"] == "Microsoft.CognitiveServices/accounts/deployments/write"
    assert (refused["status"]["value"], refused["level"]) == ("Failed", "Error")
    assert "DeploymentModelNotSupported" in refused["properties"]["statusMessage"]
    assert made["operationName"]["value"] == made["authorization"]["action"] == "Microsoft.CognitiveServices/accounts/write"
    assert (made["status"]["value"], made["level"]) == ("Succeeded", "Informational")
    assert made["caller"] == lazuli.variables["AZURE_CLIENT_ID"]
    assert made["httpRequest"]["clientIpAddress"] == "127.0.0.1"
    assert made["resourceId"].endswith(f"/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{here[1]}")
    words = ("--resource-id", made["resourceId"], "--select", "eventDataId", "--max-events", "1")
    (short,) = az("monitor", "activity-log", "list", *words)
    assert short == {"eventDataId": refused["eventDataId"]}  # what belongs to the resource counts, too
