"""What a failure is worth: the lines that tell of it, and the exit status."""

from mdc_core import __version__, disk, errors, registry
from mdc_core.logs import Log


def explained(error: BaseException) -> BaseException:
    """The MdcError that an error amounts to: a full disk, a plugin that failed; else itself."""
    if isinstance(error, errors.MdcError):
        return error
    if isinstance(error, OSError) and error.errno in disk.CONDITIONS:
        named = "" if error.filename is None else f" {error.filename}"
        what = "write" if error.errno in disk.NO_ROOM else "read or write"
        text = f"cannot {what}{named}: {disk.reason(error)}"
        told: errors.MdcError = errors.WriteError(text)
    elif (plugin := registry.owner(error)) is not None:
        told = registry.failure(plugin, error)
    else:
        return error
    told.__cause__ = error
    return told


def report(log: Log, error: BaseException) -> int:
    """Tell people what went wrong, and return the exit status."""
    error = explained(error)
    if not isinstance(error, errors.MdcError):
        log.error(f"this is a bug in mdc {__version__}, please report it\n{_trace(error)}")
        return errors.EXIT_BUG
    if isinstance(error, errors.PluginError) and error.__cause__ is not None:
        log.detail(_trace(error.__cause__))
    log.error(str(error))
    if error.hint:
        log.error(f"hint: {error.hint}")
    return error.exit_status


def _trace(error: BaseException) -> str:
    from traceback import format_exception

    return "".join(format_exception(error)).rstrip()
