"""The lookout: a thread that reads on in the log while the trainer learns."""

from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from threading import Thread

from simctl.bus.event import Event

Pages = Iterator[Sequence[Event]]


def look_out(pages: Pages, hear: Callable[[Event], None]) -> Pages:
    """Give the pages of a log one after the other; `hear` has their events as soon as they come.

    Raises:
        Exception: whatever reading or hearing raised, after the pages before it.
    """
    read = SimpleQueue[Sequence[Event] | Exception]()

    def go_on() -> None:
        try:
            for page in pages:
                for event in page:
                    hear(event)
                read.put(page)
        except Exception as error:  # noqa: BLE001 - it is raised where the pages are wanted
            read.put(error)

    Thread(target=go_on, name="lookout", daemon=True).start()
    while True:
        page = read.get()
        if isinstance(page, Exception):
            raise page
        yield page
