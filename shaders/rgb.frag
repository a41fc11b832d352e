#include "colour.glsl"
#include "planes.glsl"

// Pixels of three bytes come as three texels of one byte each.
vec3 triple(ivec2 p) {
    ivec2 at = ivec2(p.x * 3, p.y);
    return vec3(texel0(at).r, texel0(at + ivec2(1, 0)).r, texel0(at + ivec2(2, 0)).r);
}

vec3 fetch(ivec2 p) {
#if defined ORDER_RGB
    return triple(p);
#elif defined ORDER_BGR
    return triple(p).bgr;
#elif defined ORDER_RGBA
    return texel0(p).rgb;
#elif defined ORDER_XRGB
    return texel0(p).gba;
#else
#error "rgb.frag knows the orders RGB, BGR, RGBA and XRGB"
#endif
}

void main() {
    colour = converted(fetch(pixel()));
}
