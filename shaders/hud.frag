in vec2 place;
flat in uvec2 cell;
flat in vec4 tint;

out vec4 colour;

void main() {
    ivec2 dot = clamp(ivec2(place), ivec2(0), ivec2(5, 9));
    uint row = dot.y < 5 ? cell.x : cell.y;
    if ((row >> uint((dot.y % 5) * 6 + dot.x) & 1u) == 0u) discard;
    colour = tint;
}
