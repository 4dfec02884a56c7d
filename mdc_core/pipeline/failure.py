"""What a failure is worth: the lines that tell of it, and the exit status."""

import errno

from mdc_core import __version__, errors, registry
from mdc_core.logs import Log


def report(log: Log, error: BaseException) -> int:
    """Tell people what went wrong, and return the exit status."""
    if isinstance(error, errors.MdcError):
        return _told(log, error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        log.error(f"cannot write: {error.strerror}")
        return errors.WriteError.exit_status
    from traceback import format_exception

    trace = "".join(format_exception(error)).rstrip()
    plugin = registry.owner(error)
    if plugin is not None:
        log.detail(trace)
        return _told(log, registry.failure(plugin, error))
    log.error(f"this is a bug in mdc {__version__}, please report it\n{trace}")
    return errors.EXIT_BUG


def _told(log: Log, error: errors.MdcError) -> int:
    log.error(str(error))
    if error.hint:
        log.error(f"hint: {error.hint}")
    return error.exit_status
