"""Signatures of a key in memory."""

from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from signkit.custody.signer import Backend
from signkit.custody.software import SoftwareSigner
from signkit.formats.private_key import PrivateKey
from signkit.verify.ed25519 import verify_signature
from tests.support.key_files import CONTRACT_SEED, KEYID, SEED


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_signs_what_the_ground_floor_verifies(seed: bytes, message: bytes) -> None:
    signer: Backend = SoftwareSigner(PrivateKey(seed, allow_test_keys=True), name="k")
    signature = signer.sign(message)
    assert signature == SigningKey(seed).sign(message).signature
    assert verify_signature(signer.public_key, message, signature) == message


def test_gives_the_contracts_signature() -> None:
    """Contract section 5.3: the trusted key over the hex digest of 1M.bin."""
    message = b"a073ad730e540107fbb92ee48baab97c9bc16105333a42b15a53bcc183f6f5c2"
    key = PrivateKey(CONTRACT_SEED, allow_test_keys=True)
    signature = SoftwareSigner(key, name="trusted").sign(message)
    assert signature.hex().upper() == (
        "BF59EA4EC4705DA63F56F7A59D72FDB755DF8391EC49399BE6B3F773AF92E925"
        "B0C0859D7589933B3A1C896AF3114718E035C1B8A17E6F6AB37106011B58E703"
    )


def test_names_itself_without_a_private_byte() -> None:
    signer = SoftwareSigner(PrivateKey(SEED), name="trusted", warnings=("careful",))
    assert repr(signer) == f"SoftwareSigner(name='trusted', keyid='{KEYID}')"
    assert signer.warnings == ("careful",)
