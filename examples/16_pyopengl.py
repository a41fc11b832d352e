"""Share textures with PyOpenGL code both ways: it gets the camera's picture, and camkit shows what it has made.

    python examples/16_pyopengl.py [SOURCE]

ctx.copy_to(name) draws the camera's picture into a texture of yours, in R'G'B' and in whatever size it has;
ctx.show(name) shows a texture of yours where the picture would be. Here one is a small copy, and the other is put
together from the last nine of those.
"""

import os
import sys

os.environ.setdefault("PYOPENGL_PLATFORM", "egl")  # the same as camkit's contexts on Linux, before OpenGL is imported

from OpenGL import GL

import camkit

WIDTH, HEIGHT = 160, 120
names: list[int] = []


def texture(width: int, height: int) -> int:
    """Make an empty picture."""
    name = int(GL.glGenTextures(1))
    GL.glBindTexture(GL.GL_TEXTURE_2D, name)
    GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, GL.GL_RGBA8, width, height, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, None)
    return name


def last_nine(ctx: camkit.DrawContext, textures: tuple[camkit.Texture, ...]) -> None:
    """Put each picture into the next of nine fields."""
    if not names:
        names.extend([texture(WIDTH, HEIGHT), texture(3 * WIDTH, 3 * HEIGHT)])
    small, wall = names
    ctx.copy_to(small)
    row, column = divmod(ctx.frame.sequence % 9, 3)
    framebuffer = GL.glGenFramebuffers(1)
    GL.glBindFramebuffer(GL.GL_READ_FRAMEBUFFER, framebuffer)
    GL.glFramebufferTexture2D(GL.GL_READ_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_TEXTURE_2D, small, 0)
    GL.glBindTexture(GL.GL_TEXTURE_2D, wall)
    GL.glCopyTexSubImage2D(GL.GL_TEXTURE_2D, 0, column * WIDTH, row * HEIGHT, 0, 0, WIDTH, HEIGHT)
    GL.glDeleteFramebuffers(1, [framebuffer])
    ctx.show(wall)


source = sys.argv[1] if len(sys.argv) > 1 else "synthetic"
screen = camkit.Offscreen(size=(480, 360), on_draw=last_nine)
with camkit.open(source, format="YUYV", size=(640, 480)) as camera:
    camkit.Pipeline(camera, screen).run(frames=18)
fields = screen.readback().reshape(3, 120, 3, 160, 3).swapaxes(1, 2).reshape(9, -1)
print(f"{len({field.tobytes() for field in fields})} different pictures in {len(fields)} fields")
