// presentation: what a Wayland compositor says of the pictures of one window (wp_presentation), by
// libwayland-client, which is loaded at run time. On an event queue of its own, so that nobody
// else's events are touched; belongs to one thread, and after open() nothing in it waits.
#ifndef CAMKIT_GL_CORE_PRESENTATION_HPP
#define CAMKIT_GL_CORE_PRESENTATION_HPP

#include <poll.h>

#include <cstdint>
#include <cstring>

#include "_wayland_library.hpp"

namespace camkit {

struct presented_picture {
  std::uint64_t number;    // as it was requested
  bool shown;              // false: discarded
  std::int64_t ns;         // on the compositor's clock
  std::uint32_t refresh;   // nanoseconds; 0: not constant, or not known
  std::uint64_t sequence;  // of the vblank; 0: not counted
  std::uint32_t flags;     // 1 vsync, 2 hardware clock, 4 hardware completion, 8 zero copy
};

class presentation {
 public:
  static constexpr int most = 16;

  presentation() noexcept = default;
  presentation(const presentation&) = delete;
  presentation& operator=(const presentation&) = delete;
  ~presentation() { close(); }

  // nullptr, or why there is nothing to be had. Asks the compositor and waits for its answer.
  const char* open(void* display, void* surface) noexcept {
    if (const char* missing = library_.load()) return missing;
    display_ = display;
    surface_ = surface;
    describe();
    queue_ = library_.create_queue(display);
    void* wrapper = queue_ ? library_.create_wrapper(display) : nullptr;
    if (!wrapper) return "libwayland-client has no memory for an event queue";
    library_.set_queue(wrapper, queue_);
    wayland_argument get_registry[1] = {};
    registry_ = library_.construct(wrapper, 1, get_registry, library_.registry_interface, 1);
    library_.destroy_wrapper(wrapper);
    if (!registry_) return "the compositor gives no registry";
    // Of wl_registry: global, global_remove.
    static void (*const heard[])() = {(void (*)())on_global, (void (*)())on_nothing};
    library_.listen(registry_, heard, this);
    if (library_.roundtrip(display_, queue_) < 0)
      return "the connection to the compositor is broken";
    if (!manager_) return "the compositor does not offer wp_presentation";
    if (library_.roundtrip(display_, queue_) < 0)
      return "the connection to the compositor is broken";
    if (clock_id_ < 0) return "the compositor does not say which clock it uses";
    return nullptr;
  }

  void close() noexcept {
    for (pending& each : pending_) forget(each);
    if (manager_) {
      wayland_argument none[1] = {};
      library_.marshal(manager_, 0, none);
      library_.destroy(manager_);
    }
    if (registry_) library_.destroy(registry_);
    if (queue_) library_.destroy_queue(queue_);
    manager_ = registry_ = queue_ = nullptr;
  }

  int clock_id() const noexcept { return clock_id_; }

  // Ask what becomes of the window's next commit.
  void request(std::uint64_t number) noexcept {
    if (!manager_) return;
    for (pending& each : pending_) {
      if (each.proxy) continue;
      wayland_argument arguments[2] = {};
      arguments[0].o = surface_;
      each.owner = this;
      each.number = number;
      each.proxy = library_.construct(manager_, 1, arguments, &feedback_interface_, 1);
      // Of wp_presentation_feedback: sync_output, presented, discarded.
      static void (*const heard[])() = {(void (*)())on_nothing, (void (*)())on_presented,
                                        (void (*)())on_discarded};
      if (each.proxy) library_.listen(each.proxy, heard, &each);
      return;
    }
  }

  // Take in what has arrived, by whichever thread read it; read what lies there unread.
  void poll() noexcept {
    if (!manager_) return;
    while (library_.prepare_read(display_, queue_) != 0) {
      if (library_.dispatch_pending(display_, queue_) < 0) return;
    }
    pollfd ready{library_.get_fd(display_), POLLIN, 0};
    if (::poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN)) {
      if (library_.read_events(display_) < 0) return;
    } else {
      library_.cancel_read(display_);
    }
    library_.dispatch_pending(display_, queue_);
  }

  bool take(presented_picture* out) noexcept {
    if (!count_) return false;
    *out = told_[first_];
    first_ = (first_ + 1) % most;
    --count_;
    return true;
  }

 private:
  struct pending {
    presentation* owner = nullptr;
    std::uint64_t number = 0;
    void* proxy = nullptr;
  };

  static void on_nothing() noexcept {}

  static void on_global(void* data, void* registry, std::uint32_t name, const char* interface,
                        std::uint32_t) noexcept {
    auto* self = static_cast<presentation*>(data);
    if (self->manager_ || std::strcmp(interface, "wp_presentation") != 0) return;
    wayland_argument arguments[4] = {};
    arguments[0].u = name;
    arguments[1].s = interface;
    arguments[2].u = 1;
    self->manager_ = self->library_.construct(registry, 0, arguments, &self->manager_interface_, 1);
    static void (*const heard[])() = {(void (*)())on_clock_id};
    if (self->manager_) self->library_.listen(self->manager_, heard, self);
  }

  static void on_clock_id(void* data, void*, std::uint32_t id) noexcept {
    static_cast<presentation*>(data)->clock_id_ = static_cast<int>(id);
  }

  static void on_presented(void* data, void*, std::uint32_t high, std::uint32_t low,
                           std::uint32_t nanoseconds, std::uint32_t refresh,
                           std::uint32_t sequence_high, std::uint32_t sequence_low,
                           std::uint32_t flags) noexcept {
    auto* each = static_cast<pending*>(data);
    const auto seconds = static_cast<std::int64_t>(std::uint64_t{high} << 32 | low);
    each->owner->tell({each->number, true, seconds * 1000000000 + nanoseconds, refresh,
                       std::uint64_t{sequence_high} << 32 | sequence_low, flags});
    each->owner->forget(*each);
  }

  static void on_discarded(void* data, void*) noexcept {
    auto* each = static_cast<pending*>(data);
    each->owner->tell({each->number, false, 0, 0, 0, 0});
    each->owner->forget(*each);
  }

  void tell(const presented_picture& picture) noexcept {
    if (count_ == most) return;
    told_[(first_ + count_) % most] = picture;
    ++count_;
  }

  void forget(pending& each) noexcept {
    if (each.proxy) library_.destroy(each.proxy);
    each.proxy = nullptr;
  }

  // presentation-time, version 1: the opcodes are the places in these lists.
  void describe() noexcept {
    output_type_[0] = library_.output_interface;
    feedback_types_[0] = library_.surface_interface;
    feedback_types_[1] = &feedback_interface_;
    feedback_events_[0] = {"sync_output", "o", output_type_};
    feedback_events_[1] = {"presented", "uuuuuuu", no_types_};
    feedback_events_[2] = {"discarded", "", no_types_};
    feedback_interface_ = {"wp_presentation_feedback", 1, 0, nullptr, 3, feedback_events_};
    manager_methods_[0] = {"destroy", "", no_types_};
    manager_methods_[1] = {"feedback", "on", feedback_types_};
    manager_events_[0] = {"clock_id", "u", no_types_};
    manager_interface_ = {"wp_presentation", 1, 2, manager_methods_, 1, manager_events_};
  }

  const wayland_interface* no_types_[7] = {};
  const wayland_interface* output_type_[1] = {};
  const wayland_interface* feedback_types_[2] = {};
  wayland_message feedback_events_[3] = {}, manager_methods_[2] = {}, manager_events_[1] = {};
  wayland_interface feedback_interface_ = {}, manager_interface_ = {};

  void* display_ = nullptr;  // glfw's, as the surface
  void* surface_ = nullptr;
  void* queue_ = nullptr;
  void* registry_ = nullptr;
  void* manager_ = nullptr;
  int clock_id_ = -1;
  pending pending_[most];
  presented_picture told_[most] = {};
  int first_ = 0, count_ = 0;
  wayland_library library_;
};

}  // namespace camkit

#endif
