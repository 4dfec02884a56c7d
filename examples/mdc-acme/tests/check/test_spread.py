from mdc_acme.spread import AcmeSpread

from mdc_core.testing import CheckSuite


class TestAcmeSpread(CheckSuite):
    check = AcmeSpread
