"""What is told of a connection that was lost, or could not be made."""

from msgspec import Struct

from mdc_core.errors import Cause, VendorError


class Loss(Struct, frozen=True):
    """Why there is no connection, and when the next is tried: never, where `retry_in` is None."""

    reason: str
    cause: Cause = "network"
    retry_in: float | None = None  # seconds
    breaker: str = "closed"

    @classmethod
    def by(
        cls, error: VendorError, retry_in: float | None = None, breaker: str = "closed"
    ) -> "Loss":
        """The loss by an error."""
        return cls(str(error), error.cause, retry_in, breaker)
