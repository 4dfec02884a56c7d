"""The console script: what is imported after it may take as long as it takes."""

import signal


def main() -> int:
    """Run mdc, and return its exit status; a Ctrl-C ends it quietly, whenever it comes."""
    # Python's own handler would show a traceback out of an import; the system's says nothing.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from mdc_core.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return 130
