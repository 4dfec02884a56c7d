from mdc_acme.large import AcmeLarge

from mdc_core.testing import FilterSuite


class TestAcmeLarge(FilterSuite):
    filter = AcmeLarge
