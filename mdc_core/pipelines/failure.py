"""What a failure is worth: the lines that tell of it, and the exit status."""

from errno import ENAMETOOLONG

from mdc_core import __version__, disk, errors, guests, registry
from mdc_core.logs import Log
from mdc_core.texts import said


def explained(error: BaseException) -> BaseException:
    """The MdcError that an error amounts to: a full disk, a plugin that failed; else itself."""
    if isinstance(error, errors.MdcError):
        return error
    if isinstance(error, OSError) and error.errno in disk.CONDITIONS:
        named = "" if error.filename is None else f" {error.filename}"
        what = "write" if error.errno in disk.NO_ROOM else "read or write"
        text = f"cannot {what}{named}: {disk.reason(error)}"
        told: errors.MdcError = errors.WriteError(text)
    elif isinstance(error, FileNotFoundError) and "usable temporary directory" in said(error):
        hint = "make room there, or name another one: TMPDIR=DIR"  # Python has tried them all
        told = errors.WriteError("no directory for temporary files can be written", hint=hint)
    elif isinstance(error, MemoryError) or "start new thread" in said(error):
        what = "memory" if isinstance(error, MemoryError) else "threads"
        told = errors.WriteError(f"the system gives no more {what}: {said(error)}")
    elif (plugin := registry.owner(_origin(error))) is not None:
        told = registry.failure(plugin, _origin(error))
    elif isinstance(error, OSError) and error.errno == ENAMETOOLONG:
        told = disk.unreadable(error.filename, error)
    elif (changed := guests.damage()) is not None:
        told = changed
    else:
        return error
    told.__cause__ = error
    return told


def _origin(error: BaseException) -> BaseException:
    """What was raised: of a StopIteration in a generator Python makes another error."""
    return error.__cause__ if isinstance(error.__cause__, StopIteration) else error


def report(log: Log, error: BaseException) -> int:
    """Tell people what went wrong, and return the exit status."""
    error = explained(error)
    if not isinstance(error, errors.MdcError):
        log.error(f"this is a bug in mdc {__version__}, please report it", _trace(error))
        return errors.EXIT_BUG
    if isinstance(error, errors.PluginError) and error.__cause__ is not None:
        log.detail("where it failed:", _trace(error.__cause__))
    log.error(str(error), hint=error.hint, event="failed", status=error.exit_status)
    return error.exit_status


def _trace(error: BaseException) -> str:
    from traceback import format_exception

    return "".join(format_exception(error)).rstrip()
