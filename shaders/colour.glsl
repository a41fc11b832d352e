// What every fragment shader shares. The target has the size of the picture and its row 0 is the picture's top row, so
// that a fragment's own place is the pixel it shows: texels are fetched by number and nothing is filtered by accident.
uniform mat3 to_rgb;
uniform vec3 zero;  // what codes of 0 are

out vec4 colour;

ivec2 pixel() {
    return ivec2(gl_FragCoord.xy);
}

// Codes from 0 to 1 to R'G'B'; the range and the matrix of the frame are in the two uniforms.
vec4 converted(vec3 code) {
    return vec4(to_rgb * code + zero, 1.0);
}
