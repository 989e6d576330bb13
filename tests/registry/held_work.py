"""Work that waits in its midst until the test lets it go on."""

from threading import Event
from typing import Any, Self
from unittest.mock import patch

from django.utils.module_loading import import_string

PATIENCE_S = 60


class HeldWork:
    """Within its block the function of this address waits when it is called: `reached` is set, until `go_on` is."""

    def __init__(self, address: str) -> None:
        self.reached, self.go_on = Event(), Event()
        function = import_string(address)

        def held(*args: Any, **kwargs: Any) -> Any:
            self.reached.set()
            assert self.go_on.wait(PATIENCE_S), "the test never let the work go on"
            return function(*args, **kwargs)

        self._patch = patch(address, held)

    def __enter__(self) -> Self:
        self._patch.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.go_on.set()
        self._patch.stop()

    def wait(self) -> None:
        """Wait until the work is there."""
        assert self.reached.wait(PATIENCE_S), "the work never came here"
