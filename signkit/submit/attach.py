"""Signatures: attached to a binary whose content the registry has confirmed, and read back.

Only signatures that `documents.py` verified come here, and the message that they sign is the local
digest: nothing that the registry says is ever signed or stands in for what was signed (W1).

The registry's devices accept exactly one registry signature, so one is attached unless all are
asked for.

Spec: registry contract sections 2.5, 2.7 and 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from signkit.client.protocol import RegistryClient
from signkit.client.resources import Attached, Binary, BinaryState
from signkit.errors import ReceiptMismatchError, StateError, StatusError
from signkit.submit.documents import RegistrySignature, SignedItem
from signkit.submit.records import CONTENDED, Records, check_binary, name_binary


def choose_signatures(
    binary: Binary | None, signed: SignedItem, *, attach_all: bool
) -> tuple[RegistrySignature, ...]:
    """Choose which of an item's signatures the binary is to carry.

    Args:
        binary: As it stands, or None where there is none yet.
        signed: The item.
        attach_all: Whether every signature is attached.

    Returns:
        All; or the one that is there already; or the first.

    Raises:
        StateError: one signature only, and the binary carries somebody else's.
    """
    if attach_all:
        return signed.signatures
    attached = () if binary is None else binary.signatures
    there = {each.signature.upper() for each in attached}
    ours = [signature for signature in signed.signatures if signature.value in there]
    if not ours and there:
        message = f"{name_binary(signed.item)} carries a signature by another key already"
        hint = "devices take exactly one; to add yours all the same, give --all-signatures"
        raise StateError(message, hint=hint)
    return tuple(ours[:1]) or signed.signatures[:1]


def attach_signatures(
    client: RegistryClient,
    binary: Binary,
    signed: SignedItem,
    *,
    chosen: Sequence[RegistrySignature],
    records: Records,
) -> Binary:
    """Attach what is missing, ask for the state `signed`, and read everything back.

    Args:
        client: The registry.
        binary: Signable or signed, its content confirmed.
        signed: The item.
        chosen: From `choose_signatures`.
        records: For the keys' prns.

    Returns:
        The binary as the registry holds it in the end.

    Raises:
        ReceiptMismatchError: what comes back is not what was sent.
        TransportError: the registry failed.
    """
    for signature in chosen:
        if not carries(binary, signature):
            _attach(client, binary.prn, signature, records.key_prn(signature.key))
    final = client.get_binary(binary.prn)
    if final.state is not BinaryState.SIGNED:  # most registries move it by themselves
        client.move_binary(binary.prn, BinaryState.SIGNED)
        final = client.get_binary(binary.prn)
    _check_final(final, signed, chosen)
    return final


def _attach(client: RegistryClient, prn: str, signature: RegistrySignature, key_prn: str) -> None:
    """Attach one signature in a step that may be tried again: it looks before each further try."""
    tries = 0

    def step() -> None:
        nonlocal tries
        tries += 1
        if tries > 1 and carries(client.get_binary(prn), signature):
            return
        try:
            attached = Attached(signing_key_prn=key_prn, signature=signature.value)
            client.create_signature(prn, attached, ledger=signature.ledger)
        except StatusError as error:
            if error.status not in CONTENDED or not carries(client.get_binary(prn), signature):
                raise

    client.retrier.run(step)


def carries(binary: Binary, signature: RegistrySignature) -> bool:
    """Say whether a binary carries a signature; hex is compared as the bytes it stands for."""
    return any(each.signature.upper() == signature.value for each in binary.signatures)


def _check_final(final: Binary, signed: SignedItem, chosen: Sequence[RegistrySignature]) -> None:
    check_binary(final, signed)
    what = name_binary(signed.item)
    if final.state is not BinaryState.SIGNED:
        message = f"{what}: expected the state signed, the registry says {final.state}"
        raise ReceiptMismatchError(message)
    for signature in chosen:
        if not carries(final, signature):
            keyid = signature.key.public_key.keyid
            message = f"{what}: the registry does not give back the signature by {keyid}"
            raise ReceiptMismatchError(message)
