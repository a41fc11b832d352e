#include "camkit/message_ring.hpp"

#include <memory>
#include <string>

#include "check.hpp"

namespace {

using camkit::message;
using camkit::message_ring;

void push(message_ring& ring, std::uint32_t kind, const std::string& text) {
  ring.push(kind, 1, 2, 3, text.data(), text.size());
}

void test_words() {
  auto ring = std::make_unique<message_ring>();
  message got;
  CHECK(ring->total() == 0 && !ring->read(0, got));
  push(*ring, 0, "one");
  push(*ring, 2, std::string(1000, 'x'));
  CHECK(ring->total() == 2 && ring->count(0) == 1 && ring->count(1) == 0 && ring->count(2) == 1);
  CHECK(ring->read(0, got) && std::string(got.text) == "one" && got.kind == 0 && got.id == 3);
  CHECK(ring->read(1, got) && std::string(got.text) == std::string(sizeof(got.text) - 1, 'x'));
  CHECK(!ring->read(2, got) && !ring->read(1 + message_ring::capacity, got));
  push(*ring, 99, "");
  CHECK(ring->count(message_ring::kinds - 1) == 1 && ring->read(2, got) && got.text[0] == 0);
}

void test_the_oldest_are_overwritten() {
  auto ring = std::make_unique<message_ring>();
  message got;
  for (int i = 0; i < 100; ++i) push(*ring, 0, std::to_string(i));
  for (std::uint64_t i = 0; i < 100; ++i) {
    CHECK(ring->read(i, got) == (i >= 100 - message_ring::capacity));
    if (i >= 100 - message_ring::capacity) CHECK(std::string(got.text) == std::to_string(i));
  }
}

// Whatever is read is whole: number and text belong together.
void test_many_threads(int count) {
  auto ring = std::make_unique<message_ring>();
  std::atomic<int> writing{3};
  std::atomic<std::uint64_t> read{0};
  in_threads(5, [&](int role) {
    if (role < 3) {
      for (int i = 0; i < count; ++i)
        push(*ring, static_cast<std::uint32_t>(role),
             std::string(8, static_cast<char>('a' + role)));
      writing.fetch_sub(1);
      return;
    }
    message got;
    while (writing.load() != 0)
      for (std::uint64_t n = ring->total(), i = 0; i < message_ring::capacity && i < n; ++i)
        if (ring->read(n - 1 - i, got)) {
          CHECK(std::string(got.text) == std::string(8, static_cast<char>('a' + got.kind)));
          read.fetch_add(1);
        }
  });
  for (std::uint32_t kind = 0; kind < 3; ++kind)
    CHECK(ring->count(kind) == static_cast<std::uint64_t>(count));
  CHECK(ring->total() == 3 * static_cast<std::uint64_t>(count));
}

}  // namespace

int main() {
  test_words();
  test_the_oldest_are_overwritten();
  test_many_threads(20000);
}
