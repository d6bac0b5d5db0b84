"""What the tests have of az: the one that requirements.txt names, with a configuration of its own."""

import pathlib

REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")


def test_version(signed_out):
    versions = signed_out("version")
    assert f"azure-cli=={versions['azure-cli']}\n" == REQUIREMENTS.read_text()
    assert versions["extensions"] == {}


def test_configuration_of_its_own(signed_out, tmp_path):
    assert "lazuli" not in [cloud["name"] for cloud in signed_out("cloud", "list")]
    assert list((tmp_path / "az").iterdir()), "az keeps its configuration elsewhere"
