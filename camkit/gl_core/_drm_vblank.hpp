// drm_vblank: ask a graphics card of Linux when its last vblank was. No rights beyond opening the
// node are needed for that, and no header of the kernel's: the layouts are fixed for good.
#ifndef CAMKIT_GL_CORE_DRM_VBLANK_HPP
#define CAMKIT_GL_CORE_DRM_VBLANK_HPP

#include <sys/ioctl.h>

#include <cerrno>
#include <cstdint>

namespace camkit {

struct drm_capability {  // struct drm_get_cap
  std::uint64_t capability, value;
};
struct drm_resources {  // struct drm_mode_card_res
  std::uint64_t fb_ids, crtc_ids, connector_ids, encoder_ids;
  std::uint32_t fbs, crtcs, connectors, encoders;
  std::uint32_t min_width, max_width, min_height, max_height;
};
struct drm_sequence {  // struct drm_crtc_get_sequence
  std::uint32_t crtc, active;
  std::uint64_t sequence;
  std::int64_t ns;
};
static_assert(sizeof(drm_capability) == 16 && sizeof(drm_resources) == 64, "the kernel's layout");
static_assert(sizeof(drm_sequence) == 24, "likewise");

constexpr unsigned long drm_get_cap = _IOWR('d', 0x0c, drm_capability);
constexpr unsigned long drm_get_resources = _IOWR('d', 0xa0, drm_resources);
constexpr unsigned long drm_get_sequence = _IOWR('d', 0x3b, drm_sequence);
constexpr std::uint64_t drm_cap_timestamp_monotonic = 6;

inline int drm_call(int fd, unsigned long request, void* argument) noexcept {
  int answer;
  do answer = ::ioctl(fd, request, argument);
  while (answer < 0 && (errno == EINTR || errno == EAGAIN));
  return answer < 0 ? errno : 0;
}

// The screens of one card that are lit: their CRTCs. Returns 0 or errno.
inline int drm_lit(int fd, std::uint32_t* crtcs, int room, int* lit) noexcept {
  std::uint32_t all[64];
  drm_capability clock{drm_cap_timestamp_monotonic, 0};
  *lit = 0;
  if (const int error = drm_call(fd, drm_get_cap, &clock)) return error;
  if (!clock.value) return ENOTSUP;
  drm_resources found{};
  found.crtc_ids = reinterpret_cast<std::uintptr_t>(all);
  found.crtcs = 64;
  if (const int error = drm_call(fd, drm_get_resources, &found)) return error;
  int last = 0;
  for (std::uint32_t i = 0; i < found.crtcs && i < 64; ++i) {
    drm_sequence now{all[i], 0, 0, 0};
    const int error = drm_call(fd, drm_get_sequence, &now);
    if (error) last = error;
    if (!error && now.active && *lit < room) crtcs[(*lit)++] = all[i];
  }
  return *lit ? 0 : last;
}

}  // namespace camkit

#endif
