"""Rules that hold for every route."""

import pytest

from outlast.web.access import CsrfTokenIn
from outlast.web.routes import ROUTES, Route

ANY_HOST = ("/livez", "/readyz", "/metrics", "/diagnostics")
FOR_PROGRAMS = (
    *("/api/", "/static/", "/assets/", "/favicon.ico", "/robots.txt", "/.well-known/", "/openapi.json"),
    *ANY_HOST,
)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_the_reference_says_what_it_does(route: Route):
    assert route.description
    assert len(route.description) < 100


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_errors_are_pages_where_people_are_and_what_changes_something_needs_a_token(route: Route):
    program = route.path.startswith(FOR_PROGRAMS)
    assert route.page is not program
    assert route.any_host is route.path.startswith(ANY_HOST)
    assert route.csrf_token is (None if route.safe else CsrfTokenIn.HEADER if program else CsrfTokenIn.FORM)
