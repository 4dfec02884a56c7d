from mdc_acme.feather import AcmeFeather

from mdc_core.testing import PartFormatSuite


class TestAcmeFeather(PartFormatSuite):
    part_format = AcmeFeather
