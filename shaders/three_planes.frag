#include "gather.glsl"
#include "colour.glsl"
#include "planes.glsl"

#if defined ORDER_UV
#define ORDERED(u, v) vec2(u, v)
#define U plane1
#define V plane2
#elif defined ORDER_VU
#define ORDERED(u, v) vec2(v, u)
#define U plane2
#define V plane1
#else
#error "three_planes.frag knows the orders UV and VU"
#endif

#ifdef GATHER
vec4 gather_u(vec2 at) { return textureGather(U, at); }
vec4 gather_v(vec2 at) { return textureGather(V, at); }
#else
vec2 fetch(ivec2 at) { return ORDERED(texel1(at).r, texel2(at).r); }
#endif

#include "chroma.glsl"

void main() {
    colour = converted(picture(pixel(), size0(), size1()));
}
