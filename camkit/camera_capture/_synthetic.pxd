from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libcpp.pair cimport pair
from libcpp.vector cimport vector

from camkit.camera_capture._timed cimport TimedBackend, parker
from camkit.memory_manager._abi cimport camkit_colour, camkit_frame, frame_pool, page_memory


cdef extern from "_pattern.hpp" namespace "camkit" nogil:
    uint32_t bar_count, least_width, least_height
    uint8_t bar_rgb[8][3]
    cdef cppclass pattern:
        pattern() except +
        void set(uint32_t format, uint32_t width, uint32_t height) noexcept
        camkit_colour colour() noexcept
        uint32_t box_x(uint64_t index) noexcept
        void draw_background(camkit_frame *f) noexcept
        void erase_box(camkit_frame *f, uint32_t x) noexcept
        void draw_box(camkit_frame *f, uint32_t x) noexcept
        void draw_stamp(camkit_frame *f, uint64_t sequence, int64_t time) noexcept
    bint frame_stamp "camkit::read_stamp"(const camkit_frame *f, uint64_t *sequence, int64_t *time) noexcept
    bint array_stamp "camkit::read_stamp"(
        const uint8_t *data, Py_ssize_t row_step, Py_ssize_t pixel_step, int itemsize, uint32_t width, uint32_t height,
        uint64_t *sequence, int64_t *time) noexcept


cdef extern from "_synthetic.hpp" namespace "camkit" nogil:
    cdef cppclass fault:
        vector[uint64_t] numbers
        double share
        uint64_t seed
        bint hits(uint64_t number) noexcept

    cdef cppclass synthetic_buffers:
        synthetic_buffers() except +
        page_memory pages
        void *lender
        void (*give_up)(void *) noexcept nogil
        uint8_t *data[32]
        uint32_t count
        int64_t box_x[32]
        parker *bell
        uint32_t here(int64_t at) noexcept
        uint32_t take() noexcept
        @staticmethod
        void recycle(void *context, uint32_t slot) noexcept
        @staticmethod
        void destroy(void *context) noexcept
        void hand_over(int64_t now) noexcept
    cdef struct filled "camkit::synthetic_driver::filled":
        uint64_t index
        int64_t time, arrival
    cdef cppclass synthetic_driver:
        synthetic_driver() except +
        double period
        bint realtime
        uint64_t first, frames
        fault drop, damage
        vector[pair[uint64_t, int64_t]] delays
        void begin(synthetic_buffers *b, int64_t now) noexcept
        int64_t look(int64_t now) noexcept
        filled pop() noexcept


cdef class SyntheticBackend(TimedBackend):
    cdef synthetic_driver *driver  # owned
    cdef frame_pool *pool  # one reference while streaming, else NULL
    cdef synthetic_buffers *buffers  # borrowed from pool
    cdef pattern *picture  # owned
    cdef uint32_t format, width, height, stride
    cdef size_t image_bytes
    cdef object lender  # of the caller's memory; None: it is our own
    cdef uint32_t memory  # camkit_memory_kind

    cdef int get_memory(self, synthetic_buffers *buffers) except -1
    cdef void drop_pool(self) noexcept nogil
    cdef int describe(self, camkit_frame *f) noexcept nogil
    cdef camkit_frame *draw(self) noexcept nogil
