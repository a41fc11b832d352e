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

// Mirrored at the edges, which keeps every neighbour's colour.
float fetch(ivec2 p) {
    ivec2 last = size0() - 1;
    return texel0(last - abs(last - abs(p))).r;
}

void main() {
    ivec2 p = pixel();
    float here = fetch(p);
    float row = (fetch(p - ivec2(1, 0)) + fetch(p + ivec2(1, 0))) * 0.5;
    float column = (fetch(p - ivec2(0, 1)) + fetch(p + ivec2(0, 1))) * 0.5;
    float corners = (fetch(p + ivec2(-1, -1)) + fetch(p + ivec2(1, -1)) + fetch(p + ivec2(-1, 1)) +
                     fetch(p + ivec2(1, 1))) * 0.25;
    ivec2 site = (p ^ RED) & 1;
    vec3 rgb;
    if (site == ivec2(0, 0)) rgb = vec3(here, (row + column) * 0.5, corners);
    else if (site == ivec2(1, 1)) rgb = vec3(corners, (row + column) * 0.5, here);
    else if (site == ivec2(1, 0)) rgb = vec3(row, here, column);
    else rgb = vec3(column, here, row);
    colour = converted(rgb);
}
