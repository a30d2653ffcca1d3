"""The forms of a key file. A module of its own: the command line reads it at every start.

Spec: docs/formats/keys.md section 1.
"""

from __future__ import annotations

from enum import StrEnum


class KeyForm(StrEnum):
    """The forms of a key file, as the command line spells them.

    `raw` and `hex` are one line of the 32 bytes; `raw64` and `hex64` of the 64-byte private form,
    seed and public key. The last four are other tools' own.
    """

    PEM = "pem"
    DER = "der"
    RAW = "raw"
    HEX = "hex"
    RAW64 = "raw64"
    HEX64 = "hex64"
    OPENSSH = "openssh"
    MINISIGN = "minisign"
    SIGNIFY = "signify"
    JWK = "jwk"


ENCRYPTED_FORMS = frozenset((KeyForm.PEM, KeyForm.OPENSSH, KeyForm.MINISIGN, KeyForm.SIGNIFY))
"""Those in which a private key can be encrypted."""
