// The texels of a plane as they are: what the GPU sees of its memory.
uniform sampler2D plane0;

out vec4 texel;

void main() {
    texel = texelFetch(plane0, ivec2(gl_FragCoord.xy), 0);
}
