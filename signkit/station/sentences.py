"""What a review says in our own words: of classes, changes, contents and the requester's text.

Everything that is quoted is escaped.

Spec: docs/design/review.md sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from signkit.formats.display import escape, hides_characters, human_size, one_line
from signkit.formats.lookalike import mixed_alphabets
from signkit.model.request import Item, Request
from signkit.policy.controls import HELD, NOT_ASKED, REFUSED
from signkit.station.delta import Risk, compare_versions
from signkit.station.history import LastSigned
from signkit.station.review import Review
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import canonical_json, encode_json

_METADATA_SHOWN = 2000  # characters

MEANINGS = {
    Risk.REFUSED: "content is not what the request says; not signed",
    Risk.NOT_NEWER: "sequence not higher, or version lower",
    Risk.CHANGED: "same version, other content, or the reverse",
    Risk.NAME: "a name that may be taken for another",
    Risk.KEY: "signed by another key last time",
    Risk.NEW: "never signed here",
    Risk.MISSING: "signed last time, not asked for now",
    Risk.SIZE: "at least twice or at most half the size",
    Risk.TERMS: "expiry, schemes or roles unlike most, or last time",
    Risk.BLIND: "hashed here last time, digest only now",
    Risk.PLAIN: "nothing unusual",
}
_VERSIONS = {
    "same": "version the same",
    "up": "version up",
    "down": "version down",
    "other": "another version",
}


def say_heading(review: Review) -> str:
    """Say how many items want a look, and compared with what."""
    delta, count = review.delta, len(review.items)
    odd = count - len(delta.groups[Risk.PLAIN])
    if delta.compared:
        title = "CHANGES since last signed"
    elif review.key is None:
        title = "NOT COMPARED, the ledger is elsewhere"
    else:
        title = "NOT COMPARED, nothing was signed here yet"
    missing = f", {len(delta.missing):,} missing" if delta.missing else ""
    return f"{title}: {odd:,} of {count:,} want a look{missing}"


def count_controls(review: Review) -> str:
    """Say how many controls of the policy hold, or that there is no policy."""
    if not review.controls:
        return "no policy on this station"
    results = [each.result for each in review.controls]
    refused = f"{results.count(REFUSED)} REFUSE, " if REFUSED in results else ""
    return f"{refused}{results.count(HELD)} hold, {results.count(NOT_ASKED)} are not asked"


def say_content(review: Review, place: int) -> str:
    """Say whether the content of an item was hashed here, or only its digest is known."""
    if place in review.contents.matching:
        return "hashed here: it is what the request says"
    problem = review.contents.refused.get(place)
    if problem is not None:
        return one_line(f"REFUSED: {problem}")
    return "not seen here: only its digest is known"


def count_contents(review: Review) -> str:
    """Say of how many items the content was hashed here."""
    contents = review.contents
    said = f"hashed here {len(contents.matching):,}, digest only {review.digest_only_count:,}"
    return f"{said}, REFUSED {len(contents.refused):,}" if contents.refused else said


def say_change(item: Item, last: LastSigned) -> str:
    """Say what an item changes: version, sequence, size and content, from and to."""
    return (
        f"{_VERSIONS[compare_versions(last.version, item.version)]},"
        f" sequence {last.sequence} -> {item.sequence}, size {_say_size(last.size, item.size)},"
        f" {'the same' if item.digest == last.digest else 'other'} content"
    )


def say_step(item: Item, last: LastSigned) -> str:
    """Say in short what an item changes."""
    versions = f"{escape(last.version)} -> {escape(item.version)}"
    sequences = f"sequence {last.sequence} -> {item.sequence}"
    return f"{versions}, {sequences}, size {_say_size(last.size, item.size)}"


def _say_size(before: int, after: int) -> str:
    if before == after:
        return f"the same ({human_size(after)})"
    sizes = f"{human_size(before)} -> {human_size(after)}"
    return f"{sizes} ({100 * (after - before) / before:+,.1f}%)" if before else sizes


def say_last(last: LastSigned) -> str:
    """Say what was signed last, and when."""
    return (
        f"version {escape(last.version)}, sequence {last.sequence}, {human_size(last.size)},"
        f" in ceremony {last.ceremony} of {last.time}, SHA-256 {last.digest.hex()}"
    )


def say_metadata(item: Item) -> Sequence[str]:
    """Say what custom metadata an item has: the beginning of it, and a digest of what is long."""
    text = encode_json(dict(item.custom_metadata)).decode("utf-8")
    said = [escape(text[:_METADATA_SHOWN])]
    if hidden := len(text[_METADATA_SHOWN:]):
        digest = compute_digest(canonical_json(dict(item.custom_metadata)))
        said.append(f"({hidden} more characters; SHA-256 {digest.hex()})")
    return said


def odd_words(request: Request) -> Sequence[str]:
    """Say what is odd about the words of the requester: sentences, or nothing."""
    said: list[str] = []
    for label, text in (("who", request.requester), ("why", request.reason or "")):
        if alphabets := mixed_alphabets(text):
            said.append(f"{label} mixes {' and '.join(alphabets)} within a word")
        if any(hides_characters(line.strip(" ")) for line in text.split("\n")):
            said.append(f"{label} holds characters that are not seen, shown as \\u{{...}}")
    return said
