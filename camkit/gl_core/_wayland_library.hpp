// wayland_library: the part of libwayland-client that presentation feedback needs, found at run
// time.
#ifndef CAMKIT_GL_CORE_WAYLAND_LIBRARY_HPP
#define CAMKIT_GL_CORE_WAYLAND_LIBRARY_HPP

#include <dlfcn.h>

#include <cstdint>
#include <type_traits>

namespace camkit {

// As libwayland's wl_message, wl_interface and wl_argument, which are fixed for good.
struct wayland_interface;
struct wayland_message {
  const char* name;
  const char* signature;
  const wayland_interface** types;
};
struct wayland_interface {
  const char* name;
  int version;
  int method_count;
  const wayland_message* methods;
  int event_count;
  const wayland_message* events;
};
union wayland_argument {
  std::int32_t i;
  std::uint32_t u;
  const char* s;
  void* o;
};

struct wayland_library {
  const wayland_interface* registry_interface = nullptr;
  const wayland_interface* surface_interface = nullptr;
  const wayland_interface* output_interface = nullptr;
  void* (*create_queue)(void*) = nullptr;
  void (*destroy_queue)(void*) = nullptr;
  void* (*create_wrapper)(void*) = nullptr;
  void (*destroy_wrapper)(void*) = nullptr;
  void (*set_queue)(void*, void*) = nullptr;
  void* (*construct)(void*, std::uint32_t, wayland_argument*, const wayland_interface*,
                     std::uint32_t) = nullptr;
  void (*marshal)(void*, std::uint32_t, wayland_argument*) = nullptr;
  int (*listen)(void*, void (*const*)(), void*) = nullptr;
  void (*destroy)(void*) = nullptr;
  int (*roundtrip)(void*, void*) = nullptr;
  int (*dispatch_pending)(void*, void*) = nullptr;
  int (*prepare_read)(void*, void*) = nullptr;
  void (*cancel_read)(void*) = nullptr;
  int (*read_events)(void*) = nullptr;
  int (*get_fd)(void*) = nullptr;

  // nullptr, or what is missing.
  const char* load() noexcept {
    // Stays loaded: glfw uses the same library.
    void* library = ::dlopen("libwayland-client.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) return "libwayland-client.so.0 is missing";
    const auto find = [&](auto& to, const char* name) {
      to = reinterpret_cast<std::decay_t<decltype(to)>>(::dlsym(library, name));
      return to != nullptr;
    };
    const bool all =
        find(create_queue, "wl_display_create_queue") &&
        find(destroy_queue, "wl_event_queue_destroy") &&
        find(create_wrapper, "wl_proxy_create_wrapper") &&
        find(destroy_wrapper, "wl_proxy_wrapper_destroy") &&
        find(set_queue, "wl_proxy_set_queue") &&
        find(construct, "wl_proxy_marshal_array_constructor_versioned") &&
        find(marshal, "wl_proxy_marshal_array") && find(listen, "wl_proxy_add_listener") &&
        find(destroy, "wl_proxy_destroy") && find(roundtrip, "wl_display_roundtrip_queue") &&
        find(dispatch_pending, "wl_display_dispatch_queue_pending") &&
        find(prepare_read, "wl_display_prepare_read_queue") &&
        find(cancel_read, "wl_display_cancel_read") &&
        find(read_events, "wl_display_read_events") && find(get_fd, "wl_display_get_fd") &&
        find(registry_interface, "wl_registry_interface") &&
        find(surface_interface, "wl_surface_interface") &&
        find(output_interface, "wl_output_interface");
    return all ? nullptr : "libwayland-client.so.0 is older than 1.11";
  }
};

}  // namespace camkit

#endif
