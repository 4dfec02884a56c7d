"""The errors that mdc knows, each with the exit status of the command it ends.

    MdcError
    ├── FindingsError         1    findings or rejections that count as failures
    ├── NothingFoundError     1    what is asked for is not there
    ├── UsageError            2    the command line, or an option's value
    ├── DataError            65    data that cannot be read
    │   ├── TruncatedError   65    data that ends before its `end` event
    │   └── UnreadableError  65    a file that the system does not let us read
    ├── VendorError                what a vendor does, with its `cause`
    │   ├── UnavailableError 69    the vendor does not answer, after all retries
    │   │   └── NotThereError 69   no such host, or none to be trusted: not tried again at first
    │   ├── BusyError        75    try again later (rate limit, connection limit, maintenance)
    │   └── RefusedError     77    wrong credentials, or not entitled
    ├── WriteError           73    the place to write to refuses
    ├── PluginError          70    a third party's plugin raised something else
    └── ConfigError          78    a missing secret, extra or setting

Everything else that reaches the entry point is a bug: a traceback and exit status 70.
A driver retries `UnavailableError` and `BusyError`; `NotThereError` and `RefusedError` where the
feed has been up before; and nothing else.
"""

from typing import Literal, get_args

# Why a connection to a vendor was lost, or not made: `cause` of connection events.
Cause = Literal[
    "stall",  # connected and silent, wholly or in a channel
    "network",  # no connection, or one that broke
    "server-close",  # the server ended it
    "slow-consumer",  # the server ended it, for we read too slowly
    "protocol",  # its codec can do nothing with it any more
    "login",  # the credentials are refused, or the login is not answered
    "refusal",  # the vendor refuses what is asked for
    "limit",  # too many connections or requests
    "maintenance",  # the vendor has closed for a while
    "resubscribe",  # ended by us, to ask for something else or anew
]
CAUSES: tuple[Cause, ...] = get_args(Cause)

EXIT_FINDINGS = 1
EXIT_BUG = 70
EXIT_READER_GONE = 141


class MdcError(Exception):
    """An error with a message for the person who runs the command."""

    exit_status = EXIT_BUG

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(MdcError):
    """The command line cannot be carried out as it stands."""

    exit_status = 2


class FindingsError(MdcError):
    """Findings or rejections, where they count as failures (`--strict`)."""

    exit_status = EXIT_FINDINGS


class NothingFoundError(MdcError):
    """What is asked for is not there."""

    exit_status = EXIT_FINDINGS


class DataError(MdcError):
    """Data that cannot be read as what it claims to be."""

    exit_status = 65


class TruncatedError(DataError):
    """Data that began as an mdc stream and did not end as one."""


class UnreadableError(DataError):
    """A file that the system does not let us read, whatever is in it."""


class VendorError(MdcError):
    """What a vendor does, or the way to it; a driver waits `after` seconds at the least."""

    cause: Cause = "network"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        cause: Cause | None = None,
        after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.after = after
        if cause is not None:
            self.cause = cause


class UnavailableError(VendorError):
    """The vendor cannot be reached, or went away; a driver may try again."""

    exit_status = 69


class NotThereError(UnavailableError):
    """The host has no name or no certificate that holds, which another try does not change."""


class WriteError(MdcError):
    """The place to write to refuses: full, read-only, gone."""

    exit_status = 73


class BusyError(VendorError):
    """The vendor asks for patience."""

    exit_status = 75
    cause: Cause = "limit"


class RefusedError(VendorError):
    """The vendor refuses these credentials, or this subscription."""

    exit_status = 77
    cause: Cause = "refusal"


class PluginError(MdcError):
    """A third party's plugin failed in a way that its contract does not know."""


class ConfigError(MdcError):
    """A missing secret, a missing extra, or a setting that makes no sense."""

    exit_status = 78


class ReaderGone(Exception):  # noqa: N818 - not an error: `| head` has seen enough
    """The reader of our standard output has closed it."""
