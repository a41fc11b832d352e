#include "colour.glsl"

#ifndef ORDER_Y
#error "grey.frag knows the order Y"
#endif

uniform sampler2D plane0;

void main() {
    colour = converted(texelFetch(plane0, pixel(), 0).rrr);
}
