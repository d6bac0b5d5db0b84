"""That a report of the sanitizers fails the test whose service it is about: what leaks does so without anybody's asking."""

import pytest

from compiled import preloaded
from service import Lazuli, has_address_sanitizer

CATALOG = "extends: default\ndefault_engines: { chat: sim }\n"


@pytest.mark.skipif(not has_address_sanitizer(), reason="LeakSanitizer is part of AddressSanitizer, which this build is without")
def test_a_leak_fails(tmp_path):
    service = Lazuli(CATALOG, data=tmp_path / "data", environment=preloaded(tmp_path, "leak"))
    with pytest.raises(AssertionError, match=r"lazuli ended with [1-9]"):
        service.stop()
    assert "LeakSanitizer: detected memory leaks" in service.log_text()
    assert "SUMMARY: AddressSanitizer: 4321 byte(s) leaked in 1 allocation(s)." in service.log_text()
