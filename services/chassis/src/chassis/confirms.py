"""Which of the messages sent on a channel the broker has confirmed."""


class Confirms:
    """Counts tags, which a channel gives out as 1, 2, 3, ...

    Whatever the order and the size of the broker's answers, each tag is looked at once.
    """

    def __init__(self) -> None:
        self._sent = 0
        self._floor = 0  # every tag up to here is confirmed
        self._beyond: set[int] = set()  # and of the later ones these

    @property
    def outstanding(self) -> int:
        """How many messages the broker has not confirmed yet."""
        return self._sent - self._floor - len(self._beyond)

    def sent(self, count: int = 1) -> None:
        """Note that so many more messages were sent."""
        self._sent += count

    def confirm(self, tag: int, *, multiple: bool) -> None:
        """Note an answer of the broker.

        Args:
            tag: The message's number on the channel.
            multiple: All earlier messages are meant too.
        """
        if not multiple:
            if tag > self._floor:
                self._beyond.add(tag)
        elif tag > self._floor:
            self._beyond.difference_update(range(self._floor + 1, tag + 1))
            self._floor = tag
        while self._floor + 1 in self._beyond:
            self._floor += 1
            self._beyond.remove(self._floor)
