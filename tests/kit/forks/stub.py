"""The `mdc` of the tests: hands what it was given to the fork server, and ends as the child did.

It runs without the standard library's Python files (`-IS`), which is most of its speed.
"""

import _signal
import _socket
import marshal
import posix
import sys

FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH")
IGNORABLE = (*FORWARDED, "SIGXFSZ", "SIGPIPE")


def main() -> None:
    """Send the request, wait for the child, forward signals to it."""
    child = 0
    early = []

    def forward(number: int, _: object) -> None:
        if child:
            posix.kill(child, number)
        else:
            early.append(number)

    ignored = [n for n in map(signal_of, IGNORABLE) if _signal.getsignal(n) == _signal.SIG_IGN]
    for number in map(signal_of, FORWARDED):
        _signal.signal(number, forward)
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    server.connect(sys.argv[0].rpartition("/")[0] + "/socket")
    fds = open_fds(server.fileno())
    mask = posix.umask(0)
    posix.umask(mask)
    request = marshal.dumps((sys.argv[1:], posix.environ, posix.getcwd(), mask, fds, ignored))
    rights = b"".join(fd.to_bytes(4, sys.byteorder) for fd in fds)
    server.sendmsg(
        [len(request).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)]
    )
    server.sendall(request)
    child = int.from_bytes(server.recv(4), "big")
    if not child:
        for number in map(signal_of, FORWARDED):
            _signal.signal(number, _signal.SIG_IGN if number in ignored else _signal.SIG_DFL)
        real = posix.readlink(sys.argv[0].rpartition("/")[0] + "/real")
        posix.execv(real, [real, *sys.argv[1:]])
    for number in early:
        posix.kill(child, number)
    # A pipe ends when the child closes it, not when this does.
    for fd in fds:
        posix.close(fd)
    finish(int.from_bytes(server.recv(4), "big"))


def signal_of(name: str) -> int:
    """The number of a signal."""
    return int(getattr(_signal, name))


def open_fds(own: int) -> list[int]:
    """The numbers of the open files that were handed down."""
    found = []
    for name in posix.listdir("/proc/self/fd"):
        fd = int(name)
        try:
            if fd != own and posix.get_inheritable(fd):
                found.append(fd)
        except OSError:  # the listing's own
            continue
    return found


def finish(status: int) -> None:
    """End as the child ended."""
    if posix.WIFSIGNALED(status):
        number = posix.WTERMSIG(status)
        if number != _signal.SIGKILL:
            _signal.signal(number, _signal.SIG_DFL)
        posix.kill(posix.getpid(), number)
    posix._exit(posix.WEXITSTATUS(status))


main()
