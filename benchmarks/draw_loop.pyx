# What bench_convert.py has of a Renderer that Python cannot call: the drawing alone.
from camkit.gl_core._renderer cimport Renderer
from camkit.memory_manager._frame cimport Frame


def upload_and_draw(Renderer renderer not None, Frame frame not None):
    renderer.draw(frame.get())
    renderer.gl.Finish()


def draw_again(Renderer renderer not None):
    with nogil:
        renderer._draw_picture()
        renderer.gl.Finish()
