"""The registry describes itself: to programs, and to people without asking anybody else."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from tests.support.declared import document


@pytest.fixture(scope="module")
def page(api):
    answer = api.bare.get(f"{api.url}/docs")
    assert answer.status_code == 200
    return answer


class Tags(HTMLParser):
    """Collects every tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_document_is_the_committed_one(api):
    answer = api.bare.get(f"{api.url}/openapi.json")
    assert answer.json() == document()
    assert document()["openapi"].startswith("3.1.")


def test_every_route_wants_a_token_or_is_presigned(api):
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            if operation["tags"] == ["content"]:
                assert "security" not in operation
                continue
            assert operation["security"] == [{"token": []}, {"bearer": []}]
            target = re.sub(r"\{index\}", "1", path)
            answer = api.bare.request(method, api.url + target)
            assert answer.status_code == 401, (method, path)


def test_every_reference_leads_somewhere():
    text = str(document())
    for reference in set(re.findall(r"'#/(components/\w+/[^']+)'", text)):
        found = document()
        for step in reference.split("/"):
            found = found[step]


def test_the_page_asks_for_nothing_else(page):
    tags = Tags(page.text).tags
    assert {tag for tag, _ in tags}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "base"}
    )
    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert all(link == "openapi.json" or str(link).startswith("#") for link in links)
    assert "url(" not in page.text
    assert "@import" not in page.text
    assert page.headers["content-security-policy"].startswith(
        "default-src 'none'; style-src 'sha256-"
    )


def test_the_page_names_every_operation_and_shape(page):
    ids = [attributes.get("id") for _, attributes in Tags(page.text).tags]
    operations = [
        operation["operationId"]
        for methods in document()["paths"].values()
        for operation in methods.values()
    ]
    assert len(set(operations)) == len(operations)
    for name in [*operations, *document()["components"]["schemas"]]:
        assert ids.count(name) == 1, name
    links = {attributes.get("href") for _, attributes in Tags(page.text).tags} - {
        None,
        "openapi.json",
    }
    assert links <= {f"#{name}" for name in ids}
