"""What programs may ask is described, and nothing that is made up from that is a fault of the server."""

from __future__ import annotations

import pytest

from filiation.web.application import create_app
from filiation.web.settings import WebSettings
from tests.web.conftest import Catalogue
from tests.web.made_up import ask


@pytest.mark.slow
def test_no_request_made_up_from_the_description_is_a_fault_of_the_server(web_catalogue: Catalogue) -> None:
    found = ask(create_app(WebSettings(web_catalogue.folder, hosts=("testserver",))), 200)
    assert found.wrong == []
    assert found.cases >= 100
    assert found.statuses[200] > 0
    assert found.statuses[400] > 0
