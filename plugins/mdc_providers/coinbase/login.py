"""Signatures for Coinbase: a JWT for Advanced Trade, an HMAC for Exchange.

Source: Coinbase, "WebSocket Authentication" and "Exchange WebSocket Authentication". Market data
needs neither. A JWT holds for two minutes, and each message needs a new one.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import msgspec

from mdc_core.plugin import ConfigError, DataError, Refused, parse_span
from mdc_providers.coinbase.provider import (
    API_KEY,
    API_SECRET,
    EXCHANGE_KEY,
    EXCHANGE_PASSPHRASE,
    EXCHANGE_SECRET,
)

_SECOND = parse_span("1s")
_LIFE = 120  # seconds
_SIZE = 32  # bytes of an Ed25519 key, and of each half of an ES256 signature


class Signer:
    """Makes tokens for Advanced Trade; without a key there are none."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        self._name, self._secret = credentials.get(API_KEY), credentials.get(API_SECRET)
        self._count = 0
        self._key: Any = None
        if self._name and self._secret:
            _installed()

    def fault(self) -> Refused | None:
        """Why no token can be made of what was given."""
        if not self._name or not self._secret:
            return None
        try:
            self._key = _key_of(self._secret)
        except (ValueError, TypeError):
            text = f"{API_SECRET} is no private key"
            return Refused(text, hint="it is the EC key in PEM form, or the Ed25519 key in base64")
        return None

    def jwt(self, now: int) -> dict[str, str]:
        """The member `jwt` of a message, none without a key."""
        if self._key is None:
            return {}
        self._count += 1
        seconds = now // _SECOND
        nonce = hashlib.sha256(f"{now} {self._count}".encode()).hexdigest()[:32]
        is_ec = hasattr(self._key, "curve")
        head = {"alg": "ES256" if is_ec else "EdDSA", "typ": "JWT", "kid": self._name}
        claims = {"sub": self._name, "iss": "cdp", "nbf": seconds, "exp": seconds + _LIFE}
        text = f"{_part(head | {'nonce': nonce})}.{_part(claims)}"
        return {"jwt": f"{text}.{_text(_signed(self._key, text.encode()))}"}


def exchange_login(credentials: Mapping[str, str], now: int) -> dict[str, str]:
    """The members of a subscription that sign it; none without all three secrets.

    Raises DataError for a secret that is not base64.
    """
    names = (EXCHANGE_KEY, EXCHANGE_SECRET, EXCHANGE_PASSPHRASE)
    key, secret, passphrase = (credentials.get(name) or "" for name in names)
    if not (key and secret and passphrase):
        return {}
    seconds = str(now // _SECOND)
    text = f"{seconds}GET/users/self/verify".encode()
    try:
        mac = hmac.new(base64.b64decode(secret, validate=True), text, hashlib.sha256).digest()
    except ValueError:
        raise DataError(f"{EXCHANGE_SECRET} is not base64") from None
    sign = base64.b64encode(mac).decode()
    return {"signature": sign, "key": key, "passphrase": passphrase, "timestamp": seconds}


def _installed() -> None:
    """Raise ConfigError where the extra that signs is not installed."""
    if find_spec("cryptography") is None:
        hint = f"pip install 'market-data-collector[coinbase]', or unset {API_KEY}"
        raise ConfigError("a key of Coinbase needs the package cryptography", hint=hint)


def _key_of(secret: str) -> Any:
    """The private key in a text; raises ValueError for what is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = secret.replace("\\n", "\n").strip()
    if pem.startswith("-----BEGIN"):
        return load_pem_private_key(pem.encode(), None)
    seed = base64.b64decode(pem, validate=True)  # of 64 bytes the second half is the public key
    return Ed25519PrivateKey.from_private_bytes(seed[:_SIZE])


def _signed(key: Any, text: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    if not hasattr(key, "curve"):
        signature: bytes = key.sign(text)
        return signature
    r, s = decode_dss_signature(key.sign(text, ECDSA(SHA256())))
    return r.to_bytes(_SIZE, "big") + s.to_bytes(_SIZE, "big")


def _part(value: Mapping[str, Any]) -> str:
    return _text(msgspec.json.encode(value))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
