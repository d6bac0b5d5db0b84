"""A service that takes what a foreign issuer says of workloads (workload identity federation)."""

import contextlib

from fake_issuer import FakeIssuer, identity_file
from service import Lazuli

EXCHANGE = "api://AzureADTokenExchange"


def listed(issuer):
    """The issuer in the operator's list, for federation only."""
    return {"issuer": issuer.url, "federation_only": True}


@contextlib.contextmanager
def federating(folder, arguments=(), **options):
    """With an issuer of its own, whose keys it knows: its `issuer`, listed in its `identity_file`."""
    with FakeIssuer() as issuer:
        file = identity_file(folder, listed(issuer))
        with Lazuli(arguments=["--identity-file", str(file), *arguments], **options) as service:
            service.issuer, service.identity_file = issuer, file
            service.wait_for_log("issuer_keys_fetched")
            yield service
