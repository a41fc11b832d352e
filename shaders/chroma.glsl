// Chroma at pixel p of a plane with half the columns, and half the rows too if `halved`: samples lie on even columns
// and, where rows are halved, between two of them (the "left" siting of H.26x and of cameras). They are interpolated to
// the pixel's own place, and repeated beyond the edges. Needs gather_u() and gather_v() with GATHER, else fetch().
#ifdef GATHER
vec2 chroma(ivec2 p, vec2 samples, bool halved) {
    // The corner where the four meet, so that no driver rounds to others: textures repeat their edges.
    vec2 corner = vec2((p.x >> 1) + 1, halved ? (p.y + 1) >> 1 : p.y) / samples;
    vec4 u = gather_u(corner), v = gather_v(corner);
    vec4 upper = vec4(u.wz, v.wz), lower = vec4(u.xy, v.xy);
    vec4 near = halved && (p.y & 1) == 1 ? upper : lower;
    vec4 far = halved && (p.y & 1) == 0 ? upper : lower;
    vec4 both = mix(far, near, 0.75);
    return (both.xz + ((p.x & 1) == 0 ? both.xz : both.yw)) * 0.5;
}
#else
vec2 chroma(ivec2 p, vec2 samples, bool halved) {
    ivec2 near = ivec2(p.x >> 1, halved ? p.y >> 1 : p.y);
    ivec2 far = clamp(near + ivec2(p.x & 1, halved ? (p.y & 1) * 2 - 1 : 0), ivec2(0), ivec2(samples) - 1);
    vec2 here = mix(fetch(ivec2(near.x, far.y)), fetch(near), 0.75);
    vec2 right = mix(fetch(far), fetch(ivec2(far.x, near.y)), 0.75);
    return (here + right) * 0.5;
}
#endif

vec3 picture(ivec2 p, ivec2 luma, ivec2 samples) {
    return vec3(texel0(p).r, chroma(p, vec2(samples), samples.y < luma.y));
}
