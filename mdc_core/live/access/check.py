"""What an account may see of a feed: each channel is asked for, by as few connections as can be.

All channels that go together are asked for at once, of one symbol. Where the vendor refuses the
whole of it, each is asked for by itself, unless the first is refused in the very same words.
"""

from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Literal

from msgspec import Struct

from mdc_core.contracts import Subscription
from mdc_core.errors import BusyError, MdcError, RefusedError, UsageError
from mdc_core.live.access.probe import Probe, ProbeAnswer
from mdc_core.live.clock import Clock

# granted: acknowledged; sent: not refused, by a vendor that acknowledges nothing; unavailable: not
# of this feed; unknown: not answered, or never asked.
AccessState = Literal["granted", "sent", "refused", "unavailable", "unknown"]
FindFault = Callable[[Subscription], UsageError | None]  # why these cannot be asked for together
MakeProbes = Callable[[Subscription], Sequence[tuple[Subscription, Probe]]]  # one a connection
_WAIT = 0.5  # seconds before what is too many at once is tried again


class ChannelAccess(Struct):
    """What is known of a channel, and why."""

    name: str
    state: AccessState = "unknown"
    message: str = ""


class AccessCheck:
    """Asks for one symbol on all of these channels."""

    def __init__(self, fault: FindFault, probes: MakeProbes, clock: Clock, within: float) -> None:
        self.up_after: float | None = None  # seconds, of the first connection that was up
        self.login: MdcError | None = None  # by which the credentials are refused
        self.error: MdcError | None = None  # by which something is not known
        self.is_accepted = False  # the vendor has taken the login, if there is one
        self._fault, self._probes, self._clock = fault, probes, clock
        self._within = within
        self._due = monotonic() + within
        self.channels: dict[str, ChannelAccess] = {}

    def run(self, symbol: str, channels: Sequence[str]) -> None:
        """Ask; what came of it stands in the attributes."""
        self.channels = {name: ChannelAccess(name) for name in channels}
        for group in self._groups(symbol, channels):
            if self.login is not None:
                return
            answers = [*self._asked(Subscription((symbol,), tuple(group)))]
            for some, answer in answers:
                if self._is_whole(answer) and len(some) > 1:
                    self._singly(symbol, some, str(answer.error))
                else:
                    self._take(some, answer)

    def _groups(self, symbol: str, channels: Sequence[str]) -> list[list[str]]:
        """The channels of this feed, those together that can be asked for at once."""
        groups: list[list[str]] = []
        for name in channels:
            if (fault := self._fault(Subscription((symbol,), (name,)))) is not None:
                self._set([name], "unavailable", str(fault))
                continue
            tried = ((g, Subscription((symbol,), (*g, name))) for g in groups)
            group = next((g for g, wanted in tried if self._fault(wanted) is None), None)
            if group is None:
                groups.append([name])
            else:
                group.append(name)
        return groups

    def _asked(self, wanted: Subscription) -> Iterator[tuple[tuple[str, ...], ProbeAnswer]]:
        """What became of each connection, with the channels that it asked for."""
        for share, probe in self._probes(wanted):
            answer = probe.ask(max(self._due - monotonic(), 0.0))
            while isinstance(answer.error, BusyError) and self._due > monotonic() + _WAIT:
                self._clock.wait(min(answer.error.after or _WAIT, self._due - monotonic()))
                ((_, again),) = self._probes(share)
                answer = again.ask(max(self._due - monotonic(), 0.0))
            yield share.channels, answer

    def _is_whole(self, answer: ProbeAnswer) -> bool:
        """Whether all of it is refused, and not by the login."""
        error = answer.error
        return isinstance(error, RefusedError) and error.cause != "login" and answer.is_open

    def _singly(self, symbol: str, channels: Sequence[str], words: str) -> None:
        """Ask for each channel by itself."""
        self.is_accepted = True
        for place, name in enumerate(channels):
            for some, answer in self._asked(Subscription((symbol,), (name,))):
                self._take(some, answer)
                if not place and str(answer.error) == words:
                    self._set(channels, "refused", words)
                    return

    def _take(self, channels: Sequence[str], answer: ProbeAnswer) -> None:
        """What a connection has shown about its channels."""
        error = answer.error
        if error is None:
            self.is_accepted = True
            if self.up_after is None:
                self.up_after = answer.up_after
            self._set(channels, "sent" if answer.is_presumed else "granted")
            for refusal in answer.refusals:
                self._set(refusal.channels or channels, "refused", refusal.text)
            return
        if isinstance(error, RefusedError):
            is_login = error.cause == "login" or not answer.is_open
            self.login = error if is_login else self.login
            self.is_accepted = self.is_accepted or not is_login
            self._set(channels, "unknown" if is_login else "refused", str(error))
            return
        self.error = self.error or error
        self._set(channels, "unknown", str(error))

    def _set(self, channels: Sequence[str], state: AccessState, message: str = "") -> None:
        for name in channels:
            if name in self.channels:
                self.channels[name] = ChannelAccess(name, state, message)

    @property
    def failure(self) -> MdcError | None:
        """With what the check ends, if not well."""
        if self.login is not None:
            return self.login
        if self.error is not None:
            return self.error
        if any(found.state in ("granted", "sent") for found in self.channels.values()):
            return None
        refused = [f.message for f in self.channels.values() if f.state == "refused"]
        words = f"all channels are refused: {refused[0]}" if len(refused) > 1 else "".join(refused)
        return RefusedError(words) if refused else None
