"""A review as a JSON value: all that the other forms say of a request, besides the request itself.

Texts are as they came; JSON is written with everything but ASCII escaped (`cli/output.py`).

Spec: docs/design/review.md section 5.
"""

from __future__ import annotations

from signkit.policy.report import outcome_values
from signkit.station.delta import Missing
from signkit.station.history import LastSigned
from signkit.station.review import Review
from signkit.station.sentences import odd_words


def review_value(review: Review) -> dict[str, object]:
    """Return a review as a JSON object; digests in hex, sizes in bytes, items counted from 0."""
    delta, contents = review.delta, review.contents
    return {
        "compared": delta.compared,
        "unusual": list(review.unusual),
        "signature_count": review.signature_count,
        "content": {
            "hashed": len(contents.matching),
            "digest_only": review.digest_only_count,
            "refused": len(contents.refused),
        },
        "requester_words": list(odd_words(review.verified.request)),
        "controls": outcome_values(review.controls),
        "order": [risk.value for risk in delta.order],
        "counts": {risk.value: delta.count(risk) for risk in delta.order},
        "items": [_item_value(review, place) for place in range(len(review.items))],
        "missing": [_missing_value(each) for each in delta.missing],
    }


def _item_value(review: Review, place: int) -> dict[str, object]:
    change = review.delta.changes[place]
    if place in review.contents.matching:
        content = "hashed"
    else:
        content = "refused" if place in review.contents.refused else "digest-only"
    return {
        "item": place,
        "content": content,
        "findings": [
            {"class": finding.risk.value, "finding": finding.text} for finding in change.findings
        ],
        "last": None if change.last is None else _last_value(change.last),
    }


def _missing_value(missing: Missing) -> dict[str, object]:
    artifact, target = missing.place
    return {"artifact": artifact, "target": target, "last": _last_value(missing.last)}


def _last_value(last: LastSigned) -> dict[str, object]:
    return {
        "version": last.version,
        "sequence": last.sequence,
        "size": last.size,
        "digest": {"sha256": last.digest.hex()},
        "expires": last.expires,
        "roles": list(last.roles),
        "schemes": list(last.schemes),
        "content": "hashed" if last.content_hashed else "digest-only",
        "keyids": list(last.keyids),
        "request": {"sha256": last.request.hex()},
        "time": last.time,
        "ceremony": last.ceremony,
    }
