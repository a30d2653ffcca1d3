"""A public key, registered under the name that its owner chose, and read back.

A key is what its bytes are: it is looked for by them, and created only where it is missing. A name
decides nothing in the registry, which may give it to several keys; people read it all the same, so
a name that another key has is refused here.

Controls: SK-SUBMIT-KEY (docs/design/assurance.md).

Spec: registry contract section 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass

from signkit.client.protocol import RegistryClient
from signkit.client.resources import SigningKey
from signkit.errors import ReceiptMismatchError, StateError
from signkit.submit.records import ensure_record
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import encode_base64


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKey:
    """A key as the registry gave it back.

    Attributes:
        record: The registry's record; its value is that of the key.
        created: Whether it was created just now; otherwise it was there, perhaps by another name.
    """

    record: SigningKey
    created: bool


def publish_key(client: RegistryClient, name: str, key: PublicKey) -> PublishedKey:
    """Register a public key, unless the registry has it already.

    Args:
        client: The registry.
        name: What it is to be called there, a label.
        key: The key; it goes as base64 of its 32 raw bytes.

    Returns:
        The record, read back and compared with the key.

    Raises:
        StateError: the registry has another key of that name.
        ReceiptMismatchError: the registry does not give back what it was sent.
        TransportError: the registry failed or refused.
    """
    made: list[str] = []

    def find() -> SigningKey | None:
        found = sorted(client.find_keys(key.raw), key=lambda each: (each.name != name, each.prn))
        return found[0] if found else None

    def create() -> SigningKey:
        _check_name(client.find_named_keys(name), name, key)
        record = client.create_key(name, key.raw)
        made.append(record.prn)
        return record

    prn = ensure_record(client, find, create).prn
    record = client.get_key(prn)
    _check_record(record, key, name=name if prn in made else None)
    return PublishedKey(record=record, created=prn in made)


def _check_name(named: tuple[SigningKey, ...], name: str, key: PublicKey) -> None:
    sent = encode_base64(key.raw)
    for other in named:
        if other.value != sent:  # else somebody registered this key just now
            message = (
                f"the registry has another key of the name {name!r}: expected {sent},"
                f" it holds {other.value}, as {other.prn}"
            )
            hint = "which of the two is right? --name gives this one another name"
            raise StateError(message, hint=hint)


def _check_record(record: SigningKey, key: PublicKey, *, name: str | None) -> None:
    """Compare a record that was read back with the key, byte for byte, and its name if given."""
    sent = encode_base64(key.raw)
    if record.value != sent:
        message = f"the registry gives back another key: expected {sent}, got {record.value}"
        raise ReceiptMismatchError(message, hint=_NOT_TO_BE_USED)
    if name is not None and record.name != name:
        message = f"the registry gives back another name: expected {name!r}, got {record.name!r}"
        raise ReceiptMismatchError(message, hint=_NOT_TO_BE_USED)


_NOT_TO_BE_USED = "do not submit to this registry before its operator has explained it"
