from camkit.gl_core._view import View

class Panel:
    view: View
    frozen: bool
    passed: int
    seen: int
    def say(self, text: str) -> None: ...
