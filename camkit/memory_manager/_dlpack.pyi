from typing import Any

from camkit.memory_manager._frame import Frame

def dlpack(
    frame: Frame,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any: ...
