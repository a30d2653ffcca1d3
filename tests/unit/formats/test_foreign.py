"""Keys that are not ours are refused by name, and the person is told what to do."""

import subprocess
from pathlib import Path

import pytest

from signkit.errors import MalformedError, UnsupportedVersionError
from signkit.formats.foreign import explain_key
from signkit.formats.public_key import read_public_key
from tests.support.key_files import DALEK_V2, VECTORS, openssl


@pytest.mark.parametrize(
    ("algorithm", "options", "name"),
    [
        ("RSA", ["rsa_keygen_bits:1024"], "an RSA key"),
        ("RSA-PSS", ["rsa_keygen_bits:1024"], "an RSA-PSS key"),
        ("EC", ["ec_paramgen_curve:P-256"], r"an elliptic-curve \(ECDSA\) key"),
        ("X25519", [], "an X25519 key, which cannot sign"),
        ("X448", [], "an X448 key"),
        ("Ed448", [], "an Ed448 key"),
    ],
)
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_names_the_public_keys_that_openssl_makes(
    algorithm: str, options: list[str], name: str, form: str
) -> None:
    chosen = [part for option in options for part in ("-pkeyopt", option)]
    private = openssl("genpkey", "-algorithm", algorithm, *chosen)
    public = openssl("pkey", "-pubout", "-outform", form, data=private)
    with pytest.raises(UnsupportedVersionError, match=name) as caught:
        read_public_key(public)
    assert "signkit keys new" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("openssl/ossl.key.pem", "a private key"),
        ("openssl/ossl.enc.scrypt.pem", "a private key"),
        ("made_here/priv_ok.der", "a private key"),
        ("made_here/openssh_ok.key", "an OpenSSH private key"),
        ("third_party/openssh/ed25519_1-cert.pub", "an OpenSSH certificate, not a bare key"),
        ("third_party/openssh/ed25519_sk1.pub", "a FIDO key of OpenSSH"),
        ("third_party/openssh/mldsa44_ed25519_1.pub", "an OpenSSH key of another algorithm"),
        ("third_party/openssl_certs/server-ed25519-cert.pem", "a certificate, not a bare key"),
        ("third_party/openssl_pem_reading/csr.pem", "a certificate request"),
        ("third_party/openssl_pem_reading/dsaparam.pem", "DSA parameters"),
    ],
)
def test_names_files_of_other_tools(file: str, name: str) -> None:
    with pytest.raises(UnsupportedVersionError, match=name):
        read_public_key((VECTORS / file).read_bytes())


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"untrusted comment: minisign public key\nRWQ=\n", "a minisign or signify public key"),
        (b"ssh-ed25519 AAAA", "an OpenSSH public key"),
        (b"ssh-rsa AAAA", "an RSA key of OpenSSH"),
        (b"ssh-dss AAAA", "a DSA key of OpenSSH"),
        (b"-----BEGIN SSH SIGNATURE-----\n", "an OpenSSH signature"),
        (b'{"kty":"OKP"}', "JSON"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "an OpenPGP public key"),
        (b"-----BEGIN NONSENSE-----\n", "a PEM block called 'NONSENSE'"),
        (b"ecdsa-sha2-nistp256 AAAA", r"an elliptic-curve (ECDSA) key of OpenSSH"),
    ],
)
def test_names_texts_of_other_tools(data: bytes, name: str) -> None:
    assert name in str(explain_key(data, what="public key"))


def test_tells_a_private_key_where_a_public_one_belongs() -> None:
    error = explain_key(DALEK_V2, what="public key")
    assert "got a private key" in str(error)
    assert "nobody but its custodian" in (error.hint or "")


def test_tells_a_public_key_where_a_private_one_belongs() -> None:
    der = (VECTORS / "made_here" / "pub_ok.der").read_bytes()
    assert "got a public key" in str(explain_key(der, what="private key"))
    pem = (VECTORS / "made_here" / "pem_pub_ok.pem").read_bytes()
    assert "got a public key" in str(explain_key(pem, what="private key"))


def test_never_quotes_a_file() -> None:
    """Attacker: reads logs. A private key in a wrong place must not be quoted there."""
    for data in (b"\x30\x2e" + b"secret" * 8, b"secret-" * 9, b"-----BEGIN X-----\nsecret"):
        error = explain_key(data, what="private key")
        assert "secret" not in f"{error} {error.hint}"


def test_the_hint_for_certificates_works(tmp_path: Path) -> None:
    file = VECTORS / "third_party" / "openssl_certs" / "server-ed25519-cert.pem"
    hint = explain_key(file.read_bytes(), what="public key").hint or ""
    command = hint.partition(": ")[2].replace("FILE", str(file))
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert (
        len(read_public_key((tmp_path / "public.pem").read_bytes(), allow_test_keys=True).raw) == 32
    )


def test_what_nobody_knows_is_malformed() -> None:
    assert type(explain_key(b"?", what="public key")) is MalformedError
