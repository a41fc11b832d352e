from collections.abc import Callable

class EglFunctions:
    extensions: frozenset[str]
    version: tuple[int, int]
    def __init__(self, get_proc: Callable[[str], int]) -> None: ...
    @property
    def handles(self) -> tuple[int, int]: ...
