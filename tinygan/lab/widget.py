"""The lab in a notebook: an anywidget around a `Session`. `from tinygan.lab import Lab; Lab()`."""

from functools import cache
from typing import Any


@cache
def make_lab() -> Any:
    """Return the class Lab. ImportError says how to get anywidget."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        raise ImportError("Lab needs anywidget: pip install 'tinygan[lessons]'; `tinygan lab` needs nothing") from None
    from tinygan.lab import session

    class Lab(anywidget.AnyWidget):
        """The playground in a notebook: `Lab()` at the end of a cell."""

        _esm = session.FOLDER / "lab.js"
        _css = session.FOLDER / "lab.css"
        words = traitlets.Dict(session.words()).tag(sync=True)
        facts = traitlets.Dict(session.facts()).tag(sync=True)
        view = traitlets.Unicode("lab").tag(sync=True)
        language = traitlets.Unicode("").tag(sync=True)

        def __init__(self, **traits: Any):
            super().__init__(**traits)
            self.session = session.Session()
            self.on_msg(self._ask)

        def _ask(self, _: Any, message: Any, buffers: Any) -> None:
            try:
                header, block = session.split(*self.session.answer(message))
            except ValueError as error:
                header, block = {"gone": str(error)}, b""
            self.send(header, [block])

    return Lab
