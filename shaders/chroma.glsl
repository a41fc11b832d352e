// Chroma at pixel p of a plane with half the columns, and half the rows too if `halved`: samples lie on even columns
// and, where rows are halved, between two of them (the "left" siting of H.26x and of cameras). They are interpolated to
// the pixel's own place. Needs fetch(); `last` is the last sample of the plane.
vec2 chroma(ivec2 p, ivec2 last, bool halved) {
    ivec2 near = halved ? p >> 1 : ivec2(p.x >> 1, p.y);
    ivec2 far = clamp(near + ivec2(p.x & 1, halved ? (p.y & 1) * 2 - 1 : 0), ivec2(0), last);
    vec2 here = mix(fetch(ivec2(near.x, far.y)), fetch(near), 0.75);
    vec2 right = mix(fetch(far), fetch(ivec2(far.x, near.y)), 0.75);
    return (here + right) * 0.5;
}

vec3 picture(ivec2 p, ivec2 luma, ivec2 samples) {
    return vec3(texel0(p).r, chroma(p, samples - 1, samples.y < luma.y));
}
