#include "colour.glsl"

uniform sampler2D plane0;
uniform sampler2D plane1;
uniform sampler2D plane2;

vec2 fetch(ivec2 at) {
    vec2 planes = vec2(texelFetch(plane1, at, 0).r, texelFetch(plane2, at, 0).r);
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
    colour = converted(picture(pixel(), textureSize(plane0, 0), textureSize(plane1, 0)));
}
