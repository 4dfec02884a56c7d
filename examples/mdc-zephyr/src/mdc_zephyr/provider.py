"""The facts about Zephyr, which its plugins share."""

import hashlib
import hmac
from types import MappingProxyType

from mdc_core import plugin as mdc


class ZephyrProvider(mdc.Provider):
    """A key and a secret, for the challenge of either feed."""

    vendor = "Zephyr Exchange"
    assets = ("equity", "future")
    limits = mdc.Limits(symbols=100, connections=2)
    test_secrets = MappingProxyType(
        {"ZEPHYR_KEY": "sandbox-key", "ZEPHYR_SECRET": "sandbox-secret"}
    )
    secrets = tuple(test_secrets)


def signature(secret, nonce, now):
    """What proves that a client has the secret, at this time."""
    return hmac.new(secret.encode(), f"{nonce}{now}".encode(), hashlib.sha256).hexdigest()
