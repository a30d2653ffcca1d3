"""Recorded signatures of the registry's own world: what its service and its devices accept.

The first was made by the real service; the others are known answers of its device agent, whose keys
are published test keys.
"""

from __future__ import annotations

import pytest

from signkit.errors import NotCanonicalError, SignatureInvalidError, SignkitError
from signkit.schemes import peridio
from signkit.verify.digest import Sha256, compute_digest
from signkit.verify.ed25519 import PublicKey, enrol_public_key
from signkit.verify.encoding import decode_base64
from tests.support.documents import CONTENT, request_of

SERVICE_KEY = "DIU8Zhf20Gr4n6vzDxCG2eupglynQ1Q6j19UKA4Mf88="
SERVICE_SIGNATURE = (
    "EA9C0A0078B1DE6F814BCDADB0E5D91D9E6E58C5882DFE689F0518DB135E0966"
    "DF9F52D6162A13201CB733EDBFD2F0B384D67BDD8B058D9E9AA24DF632365905"
)
TRUSTED = "47f0fdb5fa0f452262fa977e4ba310aa33df8dfc979bd38eeb99fe47227581b9"
UNTRUSTED = "4eeb722e37511af396923c095f75b776962464d0ac382885b405a8711b4120cd"
TRUSTED_KEYID = "79b78569e8d5cc0e27b19440a897c1f3c434fcee51176defed264ba46e5baa00"
MIB = "a073ad730e540107fbb92ee48baab97c9bc16105333a42b15a53bcc183f6f5c2"
FWUP = "8bb7566846ae03b99e55b72d022d0f899404af8a22a335b4be8789cb997f0ea2"
# Who signed, what, over which message, and whether signkit takes it: its scheme has one message.
ANSWERS = {
    "trusted 1M.bin, hex": (
        TRUSTED,
        MIB,
        (
            "BF59EA4EC4705DA63F56F7A59D72FDB755DF8391EC49399BE6B3F773AF92E925"
            "B0C0859D7589933B3A1C896AF3114718E035C1B8A17E6F6AB37106011B58E703"
        ),
        True,
    ),
    "trusted fwup.fw, hex": (
        TRUSTED,
        FWUP,
        (
            "497520EF9CC34B5D94072C1D19B9DE6EC754A13A995673A0B11892D87415A7BB"
            "8B659D7CD57D23E503D4D611999A9EA654CE03302F81B9A411B78C3D78416E05"
        ),
        True,
    ),
    "untrusted 1M.bin, hex": (
        UNTRUSTED,
        MIB,
        (
            "272235553472133211BA9B3C989A701899E49A6E398B5C95E5E8852B75132B25"
            "845FF539E2D3E3A92B69C1918C9BD63C9EB6FF0364F324870E9FF8CE4117520A"
        ),
        True,
    ),
    "trusted 1M.bin, upper-case hex": (
        TRUSTED,
        MIB,
        (
            "712B52D0AE052D5766BCA64D5EC10AA8A194900059F8851282F12C476F9CF7EE"
            "4D257CF4FDE879F0A2C5EBFF7501F518693774842DD547D74F48E7F9A75E8402"
        ),
        False,
    ),
    "trusted 1M.bin, raw digest": (
        TRUSTED,
        MIB,
        (
            "C0318B3A125D92A035FFDABB3311DAD7A9E8E4AAB3D9C84E94B2BBF25E38C56C"
            "D2509B3DDDA98086BD20DA9C8344DE1C517EDC96C323EC9EA9C335FE1FED3A0F"
        ),
        False,
    ),
    "trusted fwup.fw, raw digest": (
        TRUSTED,
        FWUP,
        (
            "05A450713612AA82D8877557D10361ACEB772B8AD3BE6698503D25FB7B612164"
            "EF7E18A1C01C2AE7421DACA97BCA7E08161A00C659DC3F091120591BA7836C05"
        ),
        False,
    ),
}


def verified(key: PublicKey, digest: bytes, signature: str) -> bytes:
    request = request_of()
    item = request.items[0]._replace(digest=Sha256(digest))
    return peridio.verify(key, item, request, signature)


def test_the_recorded_signature_of_the_real_service() -> None:
    key = enrol_public_key(decode_base64(SERVICE_KEY, what="key", size=32))
    digest = compute_digest(CONTENT)
    assert digest.hex() == "403ccc806332775b59558608031ce2656bfee95b32229bdd9aed5aab433af55b"
    assert verified(key, digest, SERVICE_SIGNATURE) == bytes.fromhex(SERVICE_SIGNATURE)
    with pytest.raises(SignatureInvalidError):
        verified(key, compute_digest(CONTENT + b"\0"), SERVICE_SIGNATURE)
    with pytest.raises(NotCanonicalError):
        verified(key, digest, SERVICE_SIGNATURE.lower())


@pytest.mark.parametrize("name", ANSWERS)
def test_known_answers(name: str) -> None:
    key, digest, signature, accepted = ANSWERS[name]
    try:
        verified(
            enrol_public_key(bytes.fromhex(key), allow_test_keys=True),
            bytes.fromhex(digest),
            signature,
        )
    except SignkitError as error:
        assert isinstance(error, SignatureInvalidError)  # noqa: PT017  (either way is an answer)
        assert not accepted
    else:
        assert accepted


@pytest.mark.parametrize("name", ANSWERS)
def test_no_known_answer_holds_under_the_other_key(name: str) -> None:
    key, digest, signature, _accepted = ANSWERS[name]
    other = UNTRUSTED if key == TRUSTED else TRUSTED
    with pytest.raises(SignatureInvalidError):
        verified(
            enrol_public_key(bytes.fromhex(other), allow_test_keys=True),
            bytes.fromhex(digest),
            signature,
        )


def test_the_keyid_of_the_trusted_key() -> None:
    assert enrol_public_key(bytes.fromhex(TRUSTED), allow_test_keys=True).keyid == TRUSTED_KEYID
