"""Queue tokens that come again and again: each is verified once."""

from shared.remembered import Remembered
from shared.tokens import Place, QueueTokens

#: Visitors who were let in send the same token with every request until their time is over, and
#: are a bounded number; one takes less than a KiB. A crowd that waits is no reader of ours.
MOST = 16_384


class KnownTokens(QueueTokens):
    """Remembers what tokens prove: that depends on their text and our secrets alone.

    What was refused is not remembered, so that nobody who makes tokens up drives others out.
    """

    def __init__(self, secrets: tuple[str, ...], most: int = MOST):
        super().__init__(secrets)
        self._known = Remembered[str, Place](most)

    def verify(self, token: str) -> Place:
        """As of any token. Raises TokenRejected."""
        place = self._known.get(token)
        if place is None:
            place = super().verify(token)
            self._known.keep(token, place)
        return place
