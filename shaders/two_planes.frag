#include "gather.glsl"
#include "colour.glsl"
#include "planes.glsl"

#if defined ORDER_UV
#define U 0
#define V 1
#elif defined ORDER_VU
#define U 1
#define V 0
#else
#error "two_planes.frag knows the orders UV and VU"
#endif

#ifdef GATHER
vec4 gather_u(vec2 at) { return textureGather(plane1, at, U); }
vec4 gather_v(vec2 at) { return textureGather(plane1, at, V); }
#else
vec2 fetch(ivec2 at) {
    vec4 texel = texel1(at);
    return vec2(texel[U], texel[V]);
}
#endif

#include "chroma.glsl"

void main() {
    colour = converted(picture(pixel(), size0(), size1()));
}
