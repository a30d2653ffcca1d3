"""A review: all that the operator is shown of a request before anything is signed.

What it looks like: `review_text.py`, whole; `review_screen.py`, a screen at a time;
`review_page.py`, to print; `review_value.py`, for machines. What stands in it comes from outside,
and is escaped by each of them.

Spec: docs/design/review.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from signkit.formats.words import encode_words
from signkit.model.purpose import OPEN, Purpose
from signkit.model.request import Item, VerifiedRequest
from signkit.policy.controls import Outcome
from signkit.station.ceremony import NOT_SEEN, HashedContents
from signkit.station.delta import Delta
from signkit.verify.ed25519 import PublicKey

_CONFIRMATION_WORDS = 4


def confirmation_words(request: VerifiedRequest, operator: int = 0) -> tuple[str, ...]:
    """Return the words that an operator types: four of the request's digest, to each their own.

    Args:
        request: The request.
        operator: Their place, 0 to 7: the first one types the first four, the second the next.
    """
    words = encode_words(request.digest)
    start = operator * _CONFIRMATION_WORDS
    return words[start : start + _CONFIRMATION_WORDS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """All that is shown.

    Attributes:
        verified: The request.
        name: What its file is called.
        delta: What it changes.
        contents: What hashing the content found; None where nothing was looked at.
        key: The key that is about to sign, or None where nothing is about to be signed.
        key_name: What that key is called here.
        purpose: What that key may sign; its signer refuses everything else.
        unusual: What is unusual about the request as a whole: who asks, and which response it
            follows; one sentence each.
        controls: What became of the controls of the policy; empty where there is no policy.
    """

    verified: VerifiedRequest
    name: str
    delta: Delta
    contents: HashedContents = NOT_SEEN
    key: PublicKey | None = None
    key_name: str = ""
    purpose: Purpose = OPEN
    unusual: tuple[str, ...] = ()
    controls: tuple[Outcome, ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        """The items of the request."""
        return self.verified.request.items

    @property
    def digest_only_count(self) -> int:
        """Items of which this station saw only the digest."""
        return len(self.items) - len(self.contents.matching) - len(self.contents.refused)

    @property
    def signature_count(self) -> int:
        """Signatures that are asked for, as they are made: one for each scheme of an item."""
        return sum(len({each.scheme for each in item.wanted}) for item in self.items)
