from camkit.gl_core._gl import Functions
from camkit.gl_core._layout import Layout
from camkit.gl_core.transfers import Candidate, Memory

class Transfer:
    layout: Layout
    name: str
    tier: str
    memory: Memory | None
    rounds: int
    def __init__(
        self, functions: Functions, layout: Layout, candidate: Candidate, memory: Memory | None = None
    ) -> None: ...
    def delete(self) -> None: ...
    def explain(self) -> str: ...
