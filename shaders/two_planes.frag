#include "colour.glsl"
#include "planes.glsl"

#if defined ORDER_UV
#define CHROMA rg
#elif defined ORDER_VU
#define CHROMA gr
#else
#error "two_planes.frag knows the orders UV and VU"
#endif

vec2 fetch(ivec2 at) {
    return texel1(at).CHROMA;
}

#include "chroma.glsl"

void main() {
    colour = converted(picture(pixel(), size0(), size1()));
}
