"""Key files of other tools with one defect each; run it to write them. TEST ONLY.

    python -m tests.support.tool_key_vectors

Each is made from a file that is right, so that a reader which does not look for the defect takes it.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

from signkit.formats.jwk import encode_jwk
from signkit.formats.minisign import encode_minisign_private, encode_minisign_public
from signkit.formats.openssh import encode_openssh_public
from signkit.formats.signify import encode_signify_private, encode_signify_public
from tests.support.key_files import PUBLIC, SEED, VECTORS
from tests.support.keys import SPARE

FOLDER = VECTORS / "tools"
OTHER = SPARE.public_key.raw  # another key's
MALFORMED, NOT_CANONICAL = "malformed", "not-canonical"
UNSUPPORTED, TOO_LARGE = "unsupported-version", "too-large"
LOCKED = "key-locked"

Vectors = dict[str, tuple[bytes, str]]


def fixed(size: int) -> bytes:
    """Be no chance at all, so that the files are the same whenever they are made."""
    return bytes(range(size))


def openssh_of(secret: bytes, *, public: bytes = PUBLIC, head: bytes | None = None) -> bytes:
    """Put a private section into OpenSSH's container."""

    def string(*parts: bytes) -> bytes:
        return b"".join(len(part).to_bytes(4) + part for part in parts)

    names = string(b"none", b"none", b"") + bytes((0, 0, 0, 1)) if head is None else head
    blob = b"openssh-key-v1\0" + names + string(string(b"ssh-ed25519", public), secret)
    text = b64encode(blob)
    rows = [text[place : place + 70] for place in range(0, len(text), 70)]
    begin, end = b"-----BEGIN ", b"-----END "
    label = b"OPENSSH PRIVATE KEY-----"
    return b"\n".join([begin + label, *rows, end + label, b""])


def openssh_private() -> Vectors:
    """Return private keys of OpenSSH."""

    def string(*parts: bytes) -> bytes:
        return b"".join(len(part).to_bytes(4) + part for part in parts)

    def section(
        inner: bytes = PUBLIC,
        behind: bytes = PUBLIC,
        kind: bytes = b"ssh-ed25519",
        checks: bytes = b"12341234",
        pad: bytes = b"",
    ) -> bytes:
        secret = checks + string(kind, inner, SEED + behind, b"x")
        return secret + (pad or bytes(range(1, -len(secret) % 8 + 1)))

    good = openssh_of(section())
    padded = len(section(pad=b"?")) - 1
    options = string(fixed(16)) + (48).to_bytes(4)
    ciphered = {
        "rounds_0": (b"aes256-ctr", string(fixed(16)) + bytes(4), UNSUPPORTED),
        "rounds_2_32": (b"aes256-ctr", string(fixed(16)) + b"\xff" * 4, TOO_LARGE),
        "salt_of_8_bytes": (b"aes256-ctr", string(fixed(8)) + (48).to_bytes(4), MALFORMED),
        "rc4": (b"arcfour", options, UNSUPPORTED),
    }
    one = bytes((0, 0, 0, 1))
    plain = string(b"none", b"none", b"")
    wrong = bytes(-padded % 8) or bytes(8)
    return {
        "openssh.outer_public.key": (openssh_of(section(), public=OTHER), MALFORMED),
        "openssh.inner_public.key": (openssh_of(section(inner=OTHER)), MALFORMED),
        "openssh.behind_the_seed.key": (openssh_of(section(behind=OTHER)), MALFORMED),
        "openssh.all_publics.key": (
            openssh_of(section(inner=OTHER, behind=OTHER), public=OTHER),
            MALFORMED,
        ),
        "openssh.inner_type_sk.key": (
            openssh_of(section(kind=b"sk-ssh-ed25519@openssh.com")),
            UNSUPPORTED,
        ),
        "openssh.checks_differ.key": (openssh_of(section(checks=b"12341235")), MALFORMED),
        "openssh.padding.key": (openssh_of(section(pad=wrong)), MALFORMED),
        "openssh.two_keys.key": (
            openssh_of(section(), head=plain + bytes((0, 0, 0, 2))),
            MALFORMED,
        ),
        "openssh.options_without_kdf.key": (
            openssh_of(section(), head=string(b"none", b"none", b"x") + one),
            MALFORMED,
        ),
        "openssh.version_2.key": (good.replace(b"ZXktdjEA", b"ZXktdjIA"), MALFORMED),
        "openssh.text_after.key": (good + b"x\n", NOT_CANONICAL),
        "openssh.two_blocks.key": (good + good, NOT_CANONICAL),
        "openssh.one_long_line.key": (
            b"\n".join(
                (
                    good.splitlines()[0],
                    b"".join(good.splitlines()[1:-1]),
                    good.splitlines()[-1],
                    b"",
                )
            ),
            NOT_CANONICAL,
        ),
        **{
            f"openssh.{name}.key": (
                openssh_of(
                    section() + bytes(16 - len(section()) % 16),
                    head=string(cipher, b"bcrypt", text) + one,
                ),
                code,
            )
            for name, (cipher, text, code) in ciphered.items()
        },
    }


def openssh_public() -> Vectors:
    """Return public lines of OpenSSH."""
    line = encode_openssh_public(PUBLIC).encode()
    blob = b64decode(line.split()[1])
    inner_sk = blob.replace(b"\0\0\0\x0bssh-ed25519", b"\0\0\0\x1ask-ssh-ed25519@openssh.com")
    return {
        "openssh.two_lines.pub": (line + b"\n" + line + b"\n", MALFORMED),
        "openssh.inner_type_sk.pub": (b"ssh-ed25519 " + b64encode(inner_sk), UNSUPPORTED),
        "openssh.inner_trailing.pub": (b"ssh-ed25519 " + b64encode(blob + b"\0"), MALFORMED),
        "openssh.key_of_31_bytes.pub": (
            b"ssh-ed25519 " + b64encode(blob[:15] + b"\0\0\0\x1f" + PUBLIC[:31]),
            MALFORMED,
        ),
        "openssh.unpadded.pub": (line[:-1] + b"*", NOT_CANONICAL),
        "openssh.two_spaces.pub": (line.replace(b" ", b"  "), MALFORMED),
        "openssh.options.pub": (b"no-pty " + line, MALFORMED),
    }


def commented(good: bytes, place: int, new: bytes) -> bytes:
    """Change bytes of what the base64 of a two-line file says."""
    comment, text = good.splitlines()
    blob = bytearray(b64decode(text))
    blob[place : place + len(new)] = new
    return comment + b"\n" + b64encode(blob) + b"\n"


def minisign_and_signify() -> Vectors:
    """Return keys of minisign and signify."""
    public, mini = (
        encode_minisign_public(PUBLIC),
        encode_minisign_private(SEED, PUBLIC, passphrase=None),
    )
    sign = encode_signify_private(SEED, PUBLIC, passphrase=None, random=fixed)
    scrypt = commented(mini, 2, b"Sc")
    comment, text = public.splitlines()
    few, much = (1 << 15).to_bytes(8, "little"), (1 << 31).to_bytes(8, "little")
    minisign: Vectors = {
        "minisign.public_of_another.key": (commented(mini, 94, OTHER + bytes(32)), MALFORMED),
        "minisign.check.key": (commented(mini, 157, b"\xff"), MALFORMED),
        "minisign.algorithm.key": (commented(mini, 0, b"ED"), UNSUPPORTED),
        "minisign.check_algorithm.key": (commented(mini, 4, b"S2"), UNSUPPORTED),
        "minisign.derivation.key": (commented(mini, 2, b"Ar"), UNSUPPORTED),
        "minisign.weak_scrypt.key": (commented(scrypt, 38, few + few), UNSUPPORTED),
        "minisign.2_gib.key": (commented(scrypt, 38, few + much), TOO_LARGE),
        "minisign.endless.key": (commented(scrypt, 38, b"\xff" * 8 + few), TOO_LARGE),
        "minisign.algorithm.pub": (commented(public, 0, b"ED"), UNSUPPORTED),
        "minisign.three_lines.pub": (public + b"x\n", MALFORMED),
        "minisign.long_comment.pub": (comment + b"x" * 1025 + b"\n" + text + b"\n", MALFORMED),
        "minisign.unpadded.pub": (comment + b"\n" + text[:-1] + b"*\n", NOT_CANONICAL),
        "minisign.cut.pub": (comment + b"\n" + text[:-4] + b"\n", MALFORMED),
        "minisign.signature.pub": (
            comment + b"\n" + b64encode(b"Ed" + bytes(72)) + b"\n",
            UNSUPPORTED,
        ),
    }
    signify: Vectors = {
        "signify.public_of_another.sec": (
            encode_signify_private(SEED, OTHER, passphrase=None, random=fixed),
            MALFORMED,
        ),
        "signify.check.sec": (commented(sign, 24, b"\0" * 8), MALFORMED),
        "signify.derivation.sec": (commented(sign, 2, b"Ar"), UNSUPPORTED),
        "signify.15_rounds.sec": (commented(sign, 4, bytes((0, 0, 0, 15))), UNSUPPORTED),
        "signify.endless.sec": (commented(sign, 4, b"\xff" * 4), TOO_LARGE),
        "signify.algorithm.pub": (
            commented(encode_signify_public(PUBLIC), 0, b"EE"),
            UNSUPPORTED,
        ),
    }
    return minisign | signify


def jwk() -> Vectors:
    """Return JWKs."""
    public: dict[str, object] = json.loads(encode_jwk(PUBLIC))
    private: dict[str, object] = json.loads(encode_jwk(PUBLIC, seed=SEED))
    x, other = str(public["x"]), json.loads(encode_jwk(OTHER))["x"]
    rsa = {"kty": "RSA", "n": "AQAB", "e": "AQAB"}
    made = {
        "public_of_another": (private | {"x": other}, MALFORMED),
        "rsa": (rsa, UNSUPPORTED),
        "p256": ({"kty": "EC", "crv": "P-256", "x": x, "y": x}, UNSUPPORTED),
        "symmetric": ({"kty": "oct", "k": x}, UNSUPPORTED),
        "x25519": (public | {"crv": "X25519"}, UNSUPPORTED),
        "set": ({"keys": [public]}, UNSUPPORTED),
        "unknown_member": (public | {"x5u": "about:blank"}, MALFORMED),
        "encryption": (public | {"use": "enc"}, MALFORMED),
        "alg_none": (public | {"alg": "none"}, MALFORMED),
        "key_ops_derive": (public | {"key_ops": ["deriveKey"]}, MALFORMED),
        "padded": (public | {"x": x + "="}, NOT_CANONICAL),
        "31_bytes": (public | {"x": x[:-2]}, NOT_CANONICAL),
        "number": (public | {"x": 7}, NOT_CANONICAL),
        "missing": ({"kty": "OKP", "crv": "Ed25519"}, NOT_CANONICAL),
    }
    files = {f"jwk.{name}.jwk": (json.dumps(v).encode(), code) for name, (v, code) in made.items()}
    twice = encode_jwk(PUBLIC)[:-2] + f',"x":"{x}"}}'.encode()
    return {**files, "jwk.name_twice.jwk": (twice, MALFORMED)}


def openpgp() -> Vectors:
    """Return OpenPGP public keys, from the one that gpg made."""
    binary, armored = (FOLDER / "gpg.gpg").read_bytes(), (FOLDER / "gpg.asc").read_bytes()
    key, rest = binary[:53], binary[53:]
    return {
        "gpg.two_keys.gpg": (binary + binary, MALFORMED),
        "gpg.cut.gpg": (binary[:-1], MALFORMED),
        "gpg.version_3.gpg": (key.replace(b"\x98\x33\x04", b"\x98\x33\x03") + rest, UNSUPPORTED),
        "gpg.curve.gpg": (
            key.replace(b"\xda\x47\x0f\x01", b"\xda\x47\x0f\x02") + rest,
            UNSUPPORTED,
        ),
        "gpg.point.gpg": (key.replace(b"\x01\x07\x40", b"\x01\x07\x41") + rest, MALFORMED),
        "gpg.long_point.gpg": (b"\x98\x34" + key[2:] + b"\0" + rest, MALFORMED),
        "gpg.partial_length.gpg": (b"\xc6\xe0" + key[2:] + rest, MALFORMED),
        "gpg.no_length.gpg": (binary + b"\xb7x", MALFORMED),
        "gpg.literal_data.gpg": (binary + b"\xac\x01x", MALFORMED),
        "gpg.crc.asc": (armored.replace(b"\n=", b"\n=A")[:-1] + b"\n", NOT_CANONICAL),
        "gpg.text_after.asc": (armored + b"x\n", NOT_CANONICAL),
        "gpg.header.asc": (armored.replace(b"\n\n", b"\nX-Mine: y\n\n", 1), NOT_CANONICAL),
    }


# What the tools themselves make, with `correct horse` where they ask for a passphrase.
MADE_BY_TOOLS = {
    "gpg.private.gpg": UNSUPPORTED,
    "gpg.revoked.asc": UNSUPPORTED,
    "gpg.rsa.gpg": UNSUPPORTED,
    "openssh.3des.key": UNSUPPORTED,
    "openssh.chacha20.key": UNSUPPORTED,
    "openssh.aes256-ctr.8_rounds.key": UNSUPPORTED,
}


def refused() -> Vectors:
    """Return every file that must be refused, with the error's code."""
    return {
        **openssh_private(),
        **openssh_public(),
        **minisign_and_signify(),
        **jwk(),
        **openpgp(),
    }


def main() -> None:
    """Write the files, and what each must give."""
    expected = dict(MADE_BY_TOOLS)
    for path in FOLDER.glob("refused/*"):
        path.unlink()
    (FOLDER / "refused").mkdir(exist_ok=True)
    for name, (data, code) in refused().items():
        (FOLDER / "refused" / name).write_bytes(data)
        expected[f"refused/{name}"] = code
    for path in FOLDER.glob("*"):
        if path.is_file() and path.suffix != ".json":
            expected.setdefault(path.name, "accept")
    text = json.dumps(dict(sorted(expected.items())), indent=1)
    (FOLDER / "EXPECT.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
