"""Where the site is mounted, for hosts and proxies that strip the prefix, pass it, or name it."""

from typing import Any

import pytest

from outlast.web.mounting import checked_prefix, mounted

PATHS = ["/", "/api/analysis/token", "/slow/x", "/slower"]


def at(path: str, root: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "http", "path": path, "root_path": root, "raw_path": path.encode(), **more}


def where(scope: Any) -> tuple[str, str, str]:
    return scope["path"], scope["root_path"], scope["app_root_path"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("above", ["", "/behind"])
def test_a_prefix_is_found_whatever_the_host_does_with_it(path: str, above: str):
    whole = f"{above}/slow{path}"
    expected = (whole, above + "/slow", above)
    passed = at(whole, above)
    named = at(whole, above + "/slow")
    stripped = at(above + path, above, raw_path=f"/slow{path}".encode())
    with_slash = at(above + path.rstrip("/") + "/", above, raw_path=f"/slow{path}".encode())
    by_wsgi = at(path, above + "/slow")
    ambiguous = path.startswith("/slow/")  # with a WSGI bridge, and no address of the site begins so
    for scope in (passed, named, stripped, with_slash, *([] if ambiguous else [by_wsgi])):
        assert where(mounted(scope, "/slow", "")) == expected, scope


@pytest.mark.parametrize("path", ["/", "/api/analysis/token"])
def test_the_path_of_the_public_address_is_found_whether_the_proxy_strips_it_or_not(path: str):
    for scope in (at(path), at("/a/slow" + path), at("/a/slow" + path, "/a/slow")):
        assert where(mounted(scope, "", "/a/slow")) == ("/a/slow" + path, "/a/slow", "/a/slow")
    # a host mounts it at /slow, and the proxy before the host strips /a
    host = at("/slow" + path, "/slow", app_root_path="")
    assert where(mounted(host, "", "/a/slow")) == ("/a/slow" + path, "/a/slow", "/a")
    assert where(mounted(at("/slow" + path), "/slow", "/a/slow")) == ("/a/slow" + path, "/a/slow", "/a")


def test_another_public_path_than_the_mounts_is_left_alone():
    assert mounted(at("/slow/x", "/slow", app_root_path=""), "", "/other")["root_path"] == "/slow"


def test_without_either_the_request_is_as_it_was():
    scope = at("/x")
    assert mounted(scope, "", "") is scope


@pytest.mark.parametrize(("given", "path"), [("", ""), ("/", ""), ("/slow", "/slow"), ("/a/b/", "/a/b")])
def test_a_prefix_is_a_path(given: str, path: str):
    assert checked_prefix(given) == path


@pytest.mark.parametrize(
    "wrong", ["slow", "//slow", "/a//b", "/a b", "/a?b", "https://a.example/slow", '/"', "/a\n"]
)
def test_anything_else_is_refused(wrong: str):
    with pytest.raises(ValueError, match="the path of the site"):
        checked_prefix(wrong)
