// Chroma at pixel p of a plane with half the columns and half the rows, whose samples lie on even columns and between
// two rows (the "left" siting of H.26x and of cameras): interpolated to the pixel's own place. Needs fetch(); `last` is
// the last sample of the plane.
vec2 chroma(ivec2 p, ivec2 last) {
    ivec2 near = p >> 1;
    ivec2 far = clamp(near + ivec2(p.x & 1, (p.y & 1) * 2 - 1), ivec2(0), last);
    vec2 here = mix(fetch(ivec2(near.x, far.y)), fetch(near), 0.75);
    vec2 right = mix(fetch(far), fetch(ivec2(far.x, near.y)), 0.75);
    return (here + right) * 0.5;
}
