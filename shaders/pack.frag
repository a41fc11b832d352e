// A picture's bytes in the order that its format wants, four in each texel of the target, rows padded to whole texels:
// so the GPU is read in the only layout that all drivers read at full speed.
uniform sampler2D picture;
uniform vec3 weights;

out vec4 bytes;

vec3 pixel(int x, int y) {
    return texelFetch(picture, ivec2(min(x, textureSize(picture, 0).x - 1), y), 0).rgb;
}

#if defined ORDER_RGB || defined ORDER_BGR
vec3 ordered(int x, int y) {
#ifdef ORDER_BGR
    return pixel(x, y).bgr;
#else
    return pixel(x, y);
#endif
}

vec4 four(ivec2 at) {
    int first = 4 * at.x / 3, phase = 4 * at.x - 3 * first;
    vec3 a = ordered(first, at.y), b = ordered(first + 1, at.y);
    return phase == 0 ? vec4(a, b.x) : phase == 1 ? vec4(a.yz, b.xy) : vec4(a.z, b);
}
#elif defined ORDER_XRGB
vec4 four(ivec2 at) {
    return vec4(1.0, pixel(at.x, at.y));
}
#elif defined ORDER_Y
vec4 four(ivec2 at) {
    int x = 4 * at.x;
    return vec4(dot(weights, pixel(x, at.y)), dot(weights, pixel(x + 1, at.y)), dot(weights, pixel(x + 2, at.y)),
                dot(weights, pixel(x + 3, at.y)));
}
#else
#error "pack.frag knows the orders RGB, BGR, XRGB and Y"
#endif

void main() {
    bytes = four(ivec2(gl_FragCoord.xy));
}
