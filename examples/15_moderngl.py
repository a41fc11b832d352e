"""Draw over a camera's picture with moderngl, from the texture that holds the camera's own bytes.

    python examples/15_moderngl.py [SOURCE]

on_draw= of a Viewer or an Offscreen is called for every picture, on the thread and the context that draw it. moderngl
takes that context over as it is, and the camera's texture by its name: nothing is copied on the way. It needs
`pip install camkit[gl]`.
"""

import sys

import moderngl
import numpy as np

import camkit

VERTEX = "#version 330\nin vec2 at; void main() { gl_Position = vec4(at, 0, 1); }"
EDGES = """
#version 330
uniform sampler2D luma;
uniform ivec2 corner;  // of the picture in the framebuffer
out vec4 colour;

float at(int x, int y) { return texelFetch(luma, ivec2(gl_FragCoord.xy) - corner + ivec2(x, y), 0).r; }

void main() {
    float edge = length(vec2(at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)));
    colour = vec4(0.2, 1.0, 0.4, 4.0 * edge);
}
"""


class Edges:
    """Light up the edges of the picture; made when the first one comes, for only then is there a context."""

    ready = False

    def __call__(self, ctx: camkit.DrawContext, textures: tuple[camkit.Texture, ...]) -> None:
        if not self.ready:
            moderngl.init_context(ctx)
            self.gl = moderngl.get_context()
            self.program = self.gl.program(vertex_shader=VERTEX, fragment_shader=EDGES)
            corners = self.gl.buffer(np.array([-1, -1, 3, -1, -1, 3], "f4"))
            self.everywhere = self.gl.vertex_array(self.program, [(corners, "2f", "at")])
            self.ready = True
        self.gl.external_texture(textures[0].name, textures[0].size, 1, 0, "f1").use(0)
        self.gl.detect_framebuffer(ctx.framebuffer).use()
        self.program["corner"] = ctx.box[:2]
        self.gl.enable(moderngl.BLEND)
        self.gl.viewport = ctx.box
        self.everywhere.render()


source = sys.argv[1] if len(sys.argv) > 1 else "synthetic"
screen = camkit.Offscreen(on_draw=Edges())
with camkit.open(source, format="NV12", size=(640, 480)) as camera:
    camkit.Pipeline(camera, screen).run(frames=20)
picture = screen.readback()
green = (picture[:, :, 1].astype(int) - picture[:, :, 0] > 60).mean()
print(f"{screen.stats().displayed} pictures, {green:.1%} of the last one's pixels lie on an edge")
