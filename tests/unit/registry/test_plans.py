"""How the database answers every list and search: by an index, whatever the number of records.

The plans are those that the database itself says it follows. A search that no other index narrows
(a part of a text, a range of sizes) reads the list's index in order, which holds what is searched.
"""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from signkit.registry import filters
from signkit.registry.paging import Order, PageOf, PageRequest, query_page
from signkit.registry.prn import Kind
from signkit.registry.records import open_records
from signkit.registry.scopes import Scope
from signkit.registry.tables import Artifact, ArtifactVersion, Binary, BinarySignature, Organization
from signkit.registry.tokens import Caller
from tests.support.seeded_registry import named, seed

BINARIES = "ix_binaries_listed"
SIGNATURES = "ix_binary_signatures_listed"
VERSIONS = "ix_artifact_versions_organization_row_inserted_at_id"
ARTIFACTS = "ix_artifacts_organization_row_inserted_at_id"
HASH, VERSION, STATE = (f"ix_binaries_by_{name}" for name in ("hash", "version", "state"))
TIME = "2026-01-01T00:00:00Z"
KEYID = "0" * 64


def prn(kind):
    return f"prn:1:ORGANIZATION:{kind}:{named(kind, 1)}"


SEARCHES = [
    (Binary, None, BINARIES),
    (Binary, f"inserted_at>='{TIME}' and inserted_at<'{TIME}'", BINARIES),
    (Binary, f"updated_at>='{TIME}'", BINARIES),
    (Binary, "size>5 and size<=9", BINARIES),
    (Binary, "target:'device'", BINARIES),
    (Binary, "target~'dev' and description~'x'", BINARIES),
    (Binary, f"hash:'{KEYID}'", HASH),
    (Binary, f"hash:'{KEYID}' and state:'signed' and size:5", HASH),
    (Binary, f"artifact_version_prn:'{prn(Kind.ARTIFACT_VERSION)}'", VERSION),
    (Binary, f"artifact_version_prn:'{prn(Kind.ARTIFACT_VERSION)}' and state:'signed'", VERSION),
    (Binary, f"artifact_version_prn:'{prn(Kind.ARTIFACT_VERSION)}' and target:'device'", VERSION),
    (Binary, "state:'signable'", STATE),
    (Binary, f"state:'signable' and inserted_at>='{TIME}' and size>5", STATE),
    (Binary, f"prn:'{prn(Kind.BINARY)}'", "uq_binaries_organization_row_id"),
    (BinarySignature, None, SIGNATURES),
    (BinarySignature, f"binary_prn:'{prn(Kind.BINARY)}'", "ix_binary_signatures_by_binary"),
    (BinarySignature, f"signing_key_prn:'{prn(Kind.SIGNING_KEY)}'", "ix_binary_signatures_by_key"),
    (BinarySignature, f"signature.signing_key.keyid:'{KEYID}'", SIGNATURES),
    (ArtifactVersion, None, VERSIONS),
    (
        ArtifactVersion,
        f"artifact_prn:'{prn(Kind.ARTIFACT)}'",
        "ix_artifact_versions_by_artifact",
    ),
    (Artifact, None, ARTIFACTS),
    (Artifact, "name:'Model'", "uq_artifacts_organization_row_name"),
]
KEYS = {
    Binary: filters.BINARY_KEYS,
    BinarySignature: filters.SIGNATURE_KEYS,
    ArtifactVersion: filters.ARTIFACT_VERSION_KEYS,
    Artifact: filters.ARTIFACT_KEYS,
}


@pytest.fixture(scope="module")
def database(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("plans")
    shared = request.config.getoption("--footing") == "scale"
    data = folder / "registry"
    if shared:
        data = request.getfixturevalue("shared_footing").make(folder)
    database = open_records(data)
    seed(database, 2000 if shared else 100)
    if shared:
        with database.engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
    yield database
    database.close()


@pytest.fixture(scope="module")
def caller(database):
    with database.read() as session:
        organization = session.scalars(select(Organization)).one()
    return Caller(
        organization_row=organization.row,
        organization=organization.id,
        username="",
        email="",
        token="t",
        scopes=frozenset({Scope.ADMIN}),
        artifacts=None,
        expires_at=None,
    )


def page_of(table, search, caller, **changes):
    search = search and search.replace("ORGANIZATION", str(caller.organization))
    wanted = {"search": search, "limit": 10, "order": Order.DESCENDING, "page": None, **changes}
    return PageOf(request=PageRequest(**wanted), keys=KEYS[table], caller=caller, secret=bytes(32))


def explain(database, query, values):
    """Return what the database says of a query, one step a line."""
    written = query.params(values).compile(
        database.engine, compile_kwargs={"literal_binds": True, "render_postcompile": True}
    )
    with database.engine.connect() as connection:
        if database.is_local:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {written}")
            return [row[3] for row in rows]
        # What it can do, not what it would rather do with so few records.
        for way in ("seqscan", "bitmapscan", "sort"):
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {written}")]


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("after", [False, True], ids=["first", "later"])
@pytest.mark.parametrize(("table", "search", "index"), SEARCHES, ids=lambda value: str(value)[-40:])
def test_a_page_is_read_from_an_index_in_order(
    database, caller, table, search, index, after, order
):
    page = page_of(table, search, caller, order=order, page="later" if after else None)
    values = {"limit": 11, "last_time": 5, "last_id": named(Kind.BINARY, 1)}
    steps = explain(database, query_page(table, page), values)
    assert not [step for step in steps if re.search("SCAN |Seq Scan", step)], steps
    if index.startswith("uq_"):  # one record, whose order is no work
        return
    assert not [step for step in steps if re.search("TEMP B-TREE|Sort", step)], steps
    # PostgreSQL looks at the records, and may choose another that is in order, too.
    assert not database.is_local or any(index in step for step in steps), steps
