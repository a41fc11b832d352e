#include "colour.glsl"

uniform sampler2D plane0;
uniform sampler2D plane1;

#if defined ORDER_UV
#define CHROMA rg
#elif defined ORDER_VU
#define CHROMA gr
#else
#error "two_planes.frag knows the orders UV and VU"
#endif

vec2 fetch(ivec2 at) {
    return texelFetch(plane1, at, 0).CHROMA;
}

#include "chroma_420.glsl"

void main() {
    ivec2 p = pixel();
    colour = converted(vec3(texelFetch(plane0, p, 0).r, chroma(p, textureSize(plane1, 0) - 1)));
}
