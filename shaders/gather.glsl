// GATHER: the driver reads four neighbours by one fetch. Included before all else, as #extension wants it. Rows that are
// folded have their neighbours elsewhere.
#if defined GL_ARB_texture_gather && defined GL_ARB_gpu_shader5 && !defined FOLDED
#extension GL_ARB_texture_gather : enable
#extension GL_ARB_gpu_shader5 : enable
#define GATHER
#endif
