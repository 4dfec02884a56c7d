"""Polygon by its name of today: what `mdc stream polygon` does, with the key of Massive.

All else is as of `polygon`. Events say `massive` as their provider, so keep to one of the names in
an archive.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from mdc_core.plugin import Sandbox
from mdc_providers.polygon.sandbox import PolygonSandbox
from mdc_providers.polygon.stream import Polygon

EXAMPLES = ("mdc stream massive SPY --mock --limit 1000 | mdc validate",)
_SECRETS: Mapping[str, str] = MappingProxyType({"MASSIVE_API_KEY": "sandbox-key"})


class MassiveSandbox(PolygonSandbox):
    """Massive's server for one connection."""

    test_secrets: ClassVar[Mapping[str, str]] = _SECRETS
    secrets = tuple(_SECRETS)


class Massive(Polygon):
    """Stocks, crypto, forex and indices by Massive, formerly Polygon.io."""

    test_secrets: ClassVar[Mapping[str, str]] = _SECRETS
    secrets = tuple(_SECRETS)
    sandbox: ClassVar[type[Sandbox] | None] = MassiveSandbox
    called = "massive"
