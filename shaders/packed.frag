#include "colour.glsl"
#include "planes.glsl"

// Packed 4:2:2: one texel holds two pixels and the chroma of the left one.

#if defined ORDER_YUYV
#define LEFT_Y r
#define RIGHT_Y b
#define CHROMA ga
#elif defined ORDER_UYVY
#define LEFT_Y g
#define RIGHT_Y a
#define CHROMA rb
#else
#error "packed.frag knows the orders YUYV and UYVY"
#endif

void main() {
    ivec2 p = pixel();
    ivec2 at = ivec2(p.x >> 1, p.y);
    vec4 texel = texel0(at);
    bool right = (p.x & 1) == 1;
    at.x = min(at.x + (p.x & 1), size0().x - 1);
    vec2 chroma = (texel.CHROMA + texel0(at).CHROMA) * 0.5;
    colour = converted(vec3(right ? texel.RIGHT_Y : texel.LEFT_Y, chroma));
}
