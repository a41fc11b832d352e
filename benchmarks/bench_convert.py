"""The drawing of a picture from textures that are filled already, beside a shader that only copies texels.

Of the same size, into a texture of the same kind, and on the same context; every round ends with glFinish. `of_blit` in
`extra_info` is the time in times the plain copy's, both measured by turns.
"""

import numpy as np
import pytest

from benchmarks.gl_peers import adopted_by_moderngl, by_turns, filled
from camkit.gl_core._renderer import Renderer
from camkit.gl_core.context import headless
from camkit.memory_manager import FramePool

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}
FORMATS_MEASURED = ["RGBA32", "RGB24", "GREY", "YUYV", "NV12", "YU12", "SBGGR8"]
VERTEX = """#version 330
void main() {
    vec2 corner = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
    gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}"""
FRAGMENT = """#version 330
uniform sampler2D texels;
out vec4 seen;
void main() { seen = texelFetch(texels, ivec2(gl_FragCoord.xy), 0); }"""


@pytest.fixture
def context():
    made = headless()
    yield made
    made.destroy()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", FORMATS_MEASURED)
def bench_convert(benchmark, context, cython_loop, name: str, size: tuple[int, int]) -> None:
    loop = cython_loop("draw_loop")
    peer = adopted_by_moderngl(context)
    texture = peer.texture(size, 4, np.random.default_rng(1).bytes(4 * size[0] * size[1]))
    target = peer.framebuffer([peer.texture(size, 4)])
    triangle = peer.vertex_array(peer.program(VERTEX, FRAGMENT), [])

    def blit() -> None:
        target.use()
        texture.use()
        triangle.render(vertices=3)
        peer.finish()

    renderer = Renderer(context.functions, "client")
    frame = filled(FramePool(1, format=name, size=size).acquire())
    loop.upload_and_draw(renderer, frame)
    blit()
    plain, drawn = by_turns(blit, lambda: loop.draw_again(renderer))
    benchmark.group = f"convert {size[0]}x{size[1]}"
    benchmark.extra_info |= {"format": name, "size": list(size)}
    benchmark.extra_info["of_blit"] = round(drawn / plain, 2)
    benchmark.extra_info["blit_us"] = round(plain * 1e6)
    benchmark.extra_info["renderer"] = context.functions.renderer
    benchmark.pedantic(loop.draw_again, (renderer,), rounds=20)
    renderer.delete()
