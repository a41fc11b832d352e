// Which layout of the frame a shared library was compiled for, if it says so (camkit/stage.h).
#ifndef CAMKIT_LIBRARY_ABI_HPP
#define CAMKIT_LIBRARY_ABI_HPP

#if defined(_WIN32)
#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace camkit {

// The version that the library of `function` names, or 0: it names none, or lies in no library.
inline int library_abi(const void* function) noexcept {
  const int* told = nullptr;
#if defined(_WIN32)
  HMODULE module = nullptr;
  if (GetModuleHandleExA(
          GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
          static_cast<LPCSTR>(function), &module))
    told = reinterpret_cast<const int*>(GetProcAddress(module, "camkit_stage_abi"));
  return told ? *told : 0;
#else
  Dl_info home{}, found{};
  if (!dladdr(function, &home) || !home.dli_fname) return 0;
  void* library = dlopen(home.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  if (!library) return 0;
  told = static_cast<const int*>(dlsym(library, "camkit_stage_abi"));
  // dlsym() looks into the libraries that this one needs, too.
  const int version = told && dladdr(told, &found) && found.dli_fbase == home.dli_fbase ? *told : 0;
  dlclose(library);
  return version;
#endif
}

}  // namespace camkit

#endif
