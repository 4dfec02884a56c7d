"""The facts about Acme, which its plugins share; `mdc providers show acme` tells them."""

from types import MappingProxyType

from mdc_core.plugin import Limits, Provider


class AcmeProvider(Provider):
    vendor = "Acme Corporation"
    assets = ("equity",)
    limits = Limits(connections=4)
    notes = ("A token is on the account page.",)
    test_secrets = MappingProxyType({"ACME_TOKEN": "sandbox-token"})
    secrets = tuple(test_secrets)
