"""What a response says, as frozen values. No I/O, no encoding: `formats/response.py` has those.

Spec: docs/formats/response.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from signkit.verify.digest import Sha256
from signkit.verify.ed25519 import PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSignature:
    """One signature of one item, as its scheme writes it.

    Attributes:
        scheme: A name in the table of `schemes/table.py`.
        keyid: The signing key's.
        value: `peridio`: 128 upper-case hex digits. `statement`: a DSSE envelope as a JSON object.
    """

    scheme: str
    keyid: str
    value: str | Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemError:
    """Why an item has no signatures.

    Attributes:
        code: Stable, as in `errors.py`.
        message: One sentence for people.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """The answer for one item: signatures or an error, exactly one of the two.

    Attributes:
        item: The item's place in the request, from 0.
        digest: The item's digest, as signed.
        content_hashed: True where the station hashed the content itself; False where it saw
            only the digest.
        signatures: One for each wanted scheme; empty where there is an error.
        error: None where there are signatures.
    """

    item: int
    digest: Sha256
    content_hashed: bool
    signatures: tuple[ItemSignature, ...]
    error: ItemError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedKey:
    """A public key under the name the station gives it; the name is not authoritative."""

    name: str
    public_key: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a station answers.

    Attributes:
        request: SHA-256 of the request file.
        station: The station's name, 1 to 128 characters.
        sequence: The station's ceremony number, from 1.
        created: RFC 3339 UTC text, as the station's clock says.
        ledger_before: The ledger's head when the ceremony began; 32 zero bytes for an empty one.
        ledger_after: The ledger's head with this ceremony in it.
        transcript: SHA-256 of the ceremony's transcript, which stands in the ledger.
        keys: The keys that signed.
        items: One result for each item of the request, in its order.
    """

    request: Sha256
    station: str
    sequence: int
    created: str
    ledger_before: Sha256
    ledger_after: Sha256
    transcript: Sha256
    keys: tuple[NamedKey, ...]
    items: tuple[ItemResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedResponse:
    """A response whose envelope verified under the station's key.

    Attributes:
        response: What it says.
        digest: SHA-256 of the response file.
        station_key: The key that signed it. Whether that key is known is another question.
    """

    response: Response
    digest: Sha256
    station_key: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Signatures that were made without signkit and imported: no station vouches for them.

    Attributes:
        keys: The keys that signed, by rising keyid.
        items: One result for each item of the request, in its order: signatures only, and content
            that nobody says was hashed.
    """

    keys: tuple[NamedKey, ...]
    items: tuple[ItemResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that came back for one request: one response, or several and what was imported.

    Like a response it asserts and does not prove.

    Attributes:
        request: SHA-256 of the request file.
        digest: SHA-256 of the file that holds all this.
        responses: What stations said, by rising digest.
        imported: What no station vouches for, or None.
        keys: Everyone who signed in any of them.
        items: The union of the results, one for each item of the request, in its order. Signatures
            win over an error.
    """

    request: Sha256
    digest: Sha256
    responses: tuple[VerifiedResponse, ...]
    imported: Imported | None
    keys: tuple[NamedKey, ...]
    items: tuple[ItemResult, ...]
