// The planes of the picture, texel by texel: texelN(p) and sizeN(), for plane N. One texture a plane; as a rule its rows
// are the plane's own. Memory whose rows a GPU cannot take as they lie is shown to it FOLDED: several rows, a power of
// two, make one row of the texture, and what does not fill one lies in a texture of its own.
uniform sampler2D plane0;
uniform sampler2D plane1;
uniform sampler2D plane2;

#ifdef FOLDED
// x: log2 of the rows folded into one; y: texels from row to row; z, w: columns and rows of the plane.
uniform ivec4 fold0;
uniform ivec4 fold1;
uniform ivec4 fold2;
uniform sampler2D rest0;
uniform sampler2D rest1;
uniform sampler2D rest2;

vec4 folded(sampler2D plane, sampler2D rest, ivec4 fold, ivec2 p) {
    int whole = (fold.w >> fold.x) << fold.x;
    if (p.y >= whole) return texelFetch(rest, ivec2(p.x, p.y - whole), 0);
    return texelFetch(plane, ivec2(p.x + (p.y - ((p.y >> fold.x) << fold.x)) * fold.y, p.y >> fold.x), 0);
}

vec4 texel0(ivec2 p) { return folded(plane0, rest0, fold0, p); }
vec4 texel1(ivec2 p) { return folded(plane1, rest1, fold1, p); }
vec4 texel2(ivec2 p) { return folded(plane2, rest2, fold2, p); }
ivec2 size0() { return fold0.zw; }
ivec2 size1() { return fold1.zw; }
#else
vec4 texel0(ivec2 p) { return texelFetch(plane0, p, 0); }
vec4 texel1(ivec2 p) { return texelFetch(plane1, p, 0); }
vec4 texel2(ivec2 p) { return texelFetch(plane2, p, 0); }
ivec2 size0() { return textureSize(plane0, 0); }
ivec2 size1() { return textureSize(plane1, 0); }
#endif
