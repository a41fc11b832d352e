class Hud:
    lost: int
