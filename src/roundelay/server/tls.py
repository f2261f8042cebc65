"""`--tls-cert`, `--tls-key`: whether a certificate and its key can be served with, told before the server starts."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from roundelay.errors import BadInput

CERT, KEY = "--tls-cert", "--tls-key"
_BEGIN, _DER = b"-----BEGIN ", b"\x30"


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate (with the chain above it) and its private key, PEM files that belong together."""

    cert: Path
    key: Path


class _Encrypted(Exception):
    """The key asks for a password."""


def check(cert: Path | None, key: Path | None) -> Tls | None:
    """The files for https; None where neither is given. A certificate file may hold its key too.

    Raises `BadInput` for a file that is missing or of another kind, for an encrypted key, and for one that does not
    belong to the certificate.
    """
    if cert is None:
        if key is not None:
            raise BadInput(KEY, key, f"belongs to a certificate; give {CERT} too")
        return None
    if b"CERTIFICATE-----" not in (text := _pem(CERT, cert)):
        raise BadInput(CERT, cert, f"holds no certificate{'; it is the key' if b'PRIVATE KEY-----' in text else ''}")
    if key is None and b"PRIVATE KEY-----" not in text:
        raise BadInput(CERT, cert, f"holds no private key; give {KEY} too")
    key = key or cert
    if b"PRIVATE KEY-----" not in _pem(KEY, key):
        raise BadInput(KEY, key, "holds no private key (-----BEGIN PRIVATE KEY-----)")
    made = Tls(cert, key)
    _load(made)
    return made


def _pem(flag: str, path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(flag, path, f"cannot be read ({error.strerror or error})") from None
    if _BEGIN not in data:
        kind = "certificate" if flag == CERT else "key"
        what = f"DER, not PEM; openssl converts it: openssl {'x509' if flag == CERT else 'pkey'} -inform der -in FILE"
        raise BadInput(flag, path, f"is {what}" if data.startswith(_DER) else f"is no {kind} in PEM")
    return data


def _load(made: Tls) -> None:
    """Load both as the server will. Raises `BadInput`."""

    def password() -> str:
        raise _Encrypted

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(made.cert, made.key, password)
    except _Encrypted:
        do = "is encrypted, and a server asks for no password; openssl decrypts it: openssl pkey -in FILE -out key.pem"
        raise BadInput(KEY, made.key, do) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BadInput(KEY, made.key, f"does not belong to the certificate {made.cert}") from None
        if error.reason and "KEY_TOO_SMALL" in error.reason:
            raise BadInput(CERT, made.cert, "has a key too short for TLS today; make one of 2,048 bits") from None
        why = (error.reason or str(error)).replace("_", " ").lower()
        raise BadInput(CERT, made.cert, f"cannot be used with {made.key} ({why})") from None
