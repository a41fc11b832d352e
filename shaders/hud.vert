// Cells of the overlay: one instance a cell, which is a letter or, with all its dots set, a plain box. Two triangles.
uniform vec2 size;  // of the window, in pixels

layout(location = 0) in ivec4 box;  // from the window's upper left corner: x, y, width, height
layout(location = 1) in uvec2 dots;  // five rows of six bits each
layout(location = 2) in vec4 ink;

out vec2 place;  // in dots
flat out uvec2 cell;
flat out vec4 tint;

void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    vec2 at = (vec2(box.xy) + corner * vec2(box.zw)) / size;
    gl_Position = vec4(at.x * 2.0 - 1.0, 1.0 - at.y * 2.0, 0.0, 1.0);
    place = corner * vec2(6.0, 10.0);
    cell = dots;
    tint = ink;
}
