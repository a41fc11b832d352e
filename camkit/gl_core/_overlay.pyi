from camkit.gl_core._board import Board
from camkit.gl_core._hud import Hud
from camkit.gl_core._painter import Painter

class Overlay(Painter):
    hud: Hud
    def __init__(self, board: Board, help: str) -> None: ...
