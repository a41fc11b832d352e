#include "colour.glsl"
#include "planes.glsl"

#ifndef ORDER_Y
#error "grey.frag knows the order Y"
#endif

void main() {
    colour = converted(texel0(pixel()).rrr);
}
