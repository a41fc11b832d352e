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

#include "chroma.glsl"

void main() {
    colour = converted(picture(pixel(), textureSize(plane0, 0), textureSize(plane1, 0)));
}
