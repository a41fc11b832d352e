#include "colour.glsl"
#include "planes.glsl"

vec2 fetch(ivec2 at) {
    vec2 planes = vec2(texel1(at).r, texel2(at).r);
#if defined ORDER_UV
    return planes;
#elif defined ORDER_VU
    return planes.yx;
#else
#error "three_planes.frag knows the orders UV and VU"
#endif
}

#include "chroma.glsl"

void main() {
    colour = converted(picture(pixel(), size0(), size1()));
}
