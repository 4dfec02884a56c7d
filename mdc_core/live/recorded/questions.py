"""Answers by HTTP in a recording that says not to which question: found by what was asked."""

from collections import deque
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from mdc_core.contracts import Fetch, Request, Response

MOST = 1_000  # answers that wait for their question


class HttpAnswer(Struct):
    """An answer, and where it came from, if that is known."""

    url: str
    body: bytes

    def fits(self, request: Request) -> int:
        """How much of a question it is the answer to: 0 is none of it."""
        if not self.url:
            return 1
        ours, theirs = urlsplit(request.url), urlsplit(self.url)
        asked = {*parse_qsl(ours.query), *request.params.items()}
        same = len(asked & {*parse_qsl(theirs.query)})
        return 2 * same + 1 if ours.path == theirs.path and (same or not asked) else 0


class Questions:
    """The questions of a codec, and the answers that a recording has to them.

    An answer is given to the question it fits best, the oldest of those, and waits for one.
    """

    def __init__(self) -> None:
        self._open: list[Fetch] = []
        self._answers: deque[HttpAnswer] = deque(maxlen=MOST)

    def asked(self, fetch: Fetch) -> None:
        """The codec asks."""
        self._open.append(fetch)

    def came(self, answer: HttpAnswer) -> None:
        """The recording has an answer."""
        self._answers.append(answer)

    def answered(self, tag: str) -> None:
        """The recording itself says that the question of a tag is answered."""
        for fetch in self._open:
            if fetch.tag == tag:
                self._open.remove(fetch)
                return

    def forget(self) -> None:
        """The connection is another one: nobody waits for its answers."""
        self._open.clear()
        self._answers.clear()

    def next(self) -> tuple[str, Response] | None:
        """A question, by its tag, that can be answered now."""
        for answer in self._answers:
            best = max(self._open, key=lambda fetch: answer.fits(fetch.request), default=None)
            if best is not None and answer.fits(best.request):
                self._answers.remove(answer)
                self._open.remove(best)
                return best.tag, Response(200, {}, answer.body, best.request)
        return None
