"""Any request that the format admits, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from signkit.model.request import Item, Request, Wanted
from signkit.verify import limits
from signkit.verify.digest import Sha256

LABELS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
NAMES = LABELS.filter(lambda text: text not in {".", ".."} and not set(text) & {"/", "\\"})
PLAIN = st.none() | st.booleans() | st.integers(-limits.INTEGER_MAX, limits.INTEGER_MAX) | LABELS
ITEMS = st.builds(
    Item,
    name=NAMES,
    size=st.integers(0, limits.CONTENT_SIZE),
    digest=st.binary(min_size=32, max_size=32).map(Sha256),
    artifact=LABELS,
    version=LABELS,
    target=LABELS,
    sequence=st.integers(1, limits.INTEGER_MAX),
    expires=st.none() | st.just("2027-01-31T00:00:00Z"),
    custom_metadata=st.dictionaries(LABELS, PLAIN | st.lists(PLAIN, max_size=3), max_size=3).filter(
        lambda metadata: "signkit" not in metadata
    ),
    wanted=st.lists(
        st.builds(Wanted, scheme=LABELS, role=LABELS), min_size=1, max_size=4, unique=True
    ).map(tuple),
)
REQUESTS = st.builds(
    Request,
    requester=LABELS,
    reason=st.none() | LABELS.map(lambda text: text + "\n"),
    created=st.just("2026-01-31T12:00:00Z"),
    previous_response=st.none() | st.binary(min_size=32, max_size=32).map(Sha256),
    items=st.lists(
        ITEMS, min_size=1, max_size=3, unique_by=lambda item: (item.artifact, item.target)
    ).map(tuple),
)
