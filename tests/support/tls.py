"""A certificate authority and servers' certificates, made on the spot; TEST ONLY."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A root; `ca_file` is its certificate in PEM."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    def server_context(
        self, *, address: str = "127.0.0.1", days: int = 1, newest: ssl.TLSVersion | None = None
    ) -> ssl.SSLContext:
        """The context of a server at an address whose certificate is valid for some days."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_file(address=address, days=days))
        if newest is not None:
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = newest
            context.set_ciphers("ALL:@SECLEVEL=0")
        return context

    def server_file(self, *, address: str = "127.0.0.1", days: int = 1) -> Path:
        """A certificate of a server at an address, and its key, in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        certificate = _certificate(address, key, self, days=days, extension=names)
        path = self.folder / f"server-{address}-{days}.pem"
        path.write_bytes(_pem(certificate) + _key_pem(key))
        return path


def make_authority(folder: Path) -> Authority:
    """Make a root in a folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    basic = x509.BasicConstraints(ca=True, path_length=0)
    certificate = _certificate("Test Root", key, None, days=1, extension=basic)
    (folder / "ca.pem").write_bytes(_pem(certificate))
    return Authority(folder=folder, key=key, certificate=certificate)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: Authority | None,
    *,
    days: int,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    begun = now - dt.timedelta(days=10)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begun)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(extension, critical=True)
    )
    return builder.sign(issuer.key if issuer else key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
