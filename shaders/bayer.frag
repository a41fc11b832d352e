#include "gather.glsl"
#include "colour.glsl"
#include "planes.glsl"

// One colour a pixel in squares of two by two; the other two are the mean of the nearest neighbours that have them.

// Where in its square the red pixel lies.
#if defined ORDER_RGGB
const ivec2 RED = ivec2(0, 0);
#elif defined ORDER_GRBG
const ivec2 RED = ivec2(1, 0);
#elif defined ORDER_GBRG
const ivec2 RED = ivec2(0, 1);
#elif defined ORDER_BGGR
const ivec2 RED = ivec2(1, 1);
#else
#error "bayer.frag knows the orders RGGB, GRBG, GBRG and BGGR"
#endif

// The nearest eight: the mean of the left and the right one, of the upper and the lower one, of the corners; and their
// own pixel. Mirrored at the edges, which keeps every neighbour's colour.
struct Square {
    float here, row, column, corners;
};

#ifdef GATHER
Square square(ivec2 p) {
    ivec2 size = size0(), last = size - 1;
    // Each corner of the pixel is where four meet, so that no driver rounds to others. What these two leave is fetched.
    vec4 north_west = textureGather(plane0, vec2(p) / vec2(size));
    vec4 south_east = textureGather(plane0, vec2(p + 1) / vec2(size));
    vec3 west = vec3(north_west.wx, texel0(ivec2(max(p.x - 1, 0), min(p.y + 1, last.y))).r);
    vec3 middle = vec3(north_west.zy, south_east.x);
    vec3 east = vec3(texel0(ivec2(min(p.x + 1, last.x), max(p.y - 1, 0))).r, south_east.zy);
    if (p.x == 0) west = east;
    if (p.x == last.x) east = west;
    vec3 beside = (west + east) * 0.5;
    vec2 above = vec2(middle.x, beside.x), below = vec2(middle.z, beside.z);
    if (p.y == 0) above = below;
    if (p.y == last.y) below = above;
    vec2 across = (above + below) * 0.5;
    return Square(middle.y, beside.y, across.x, across.y);
}
#else
Square square(ivec2 p) {
    ivec2 last = size0() - 1, before = abs(p - 1), after = last - abs(last - (p + 1));
    float row = texel0(ivec2(before.x, p.y)).r + texel0(ivec2(after.x, p.y)).r;
    float column = texel0(ivec2(p.x, before.y)).r + texel0(ivec2(p.x, after.y)).r;
    float above = texel0(before).r + texel0(ivec2(after.x, before.y)).r;
    float below = texel0(ivec2(before.x, after.y)).r + texel0(after).r;
    return Square(texel0(p).r, row * 0.5, column * 0.5, (above + below) * 0.25);
}
#endif

void main() {
    ivec2 p = pixel();
    Square s = square(p);
    bvec2 red = equal((p ^ RED) & 1, ivec2(0));  // in a column and in a row of red pixels
    vec3 rgb = red.x == red.y ? vec3(s.here, (s.row + s.column) * 0.5, s.corners) : vec3(s.row, s.here, s.column);
    colour = converted(red.y ? rgb : rgb.bgr);
}
