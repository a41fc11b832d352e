# The C ABI of include/camkit, as Cython sees it: declarations only, no class of ours.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "camkit/status.h" nogil:
    cdef enum camkit_status:
        CAMKIT_ERROR
        CAMKIT_OK
        CAMKIT_TIMEOUT
        CAMKIT_END
        CAMKIT_INTERRUPTED
        CAMKIT_DROP
        CAMKIT_FULL
        CAMKIT_BAD_FRAME


cdef extern from "camkit/pixel_format.h" nogil:
    cdef int CAMKIT_FORMAT_COUNT, CAMKIT_MAX_PLANES
    cdef int CAMKIT_MODEL_YUV, CAMKIT_MODEL_RGB, CAMKIT_MODEL_GREY, CAMKIT_MODEL_BAYER, CAMKIT_MODEL_COMPRESSED
    ctypedef struct camkit_plane_layout:
        uint8_t hsub, vsub, channels
    ctypedef struct camkit_format:
        const char *name
        uint32_t v4l2, drm
        int model
        const char *shader
        const char *order
        uint8_t itemsize, width_multiple, height_multiple, plane_count
        camkit_plane_layout planes[3]
    const camkit_format *camkit_format_row(uint32_t id)
    int camkit_format_from_v4l2(uint32_t fourcc)
    size_t camkit_row_bytes(const camkit_format *f, int plane, uint32_t width)
    uint32_t camkit_plane_rows(const camkit_format *f, int plane, uint32_t height)
    size_t camkit_plane_stride(const camkit_format *f, int plane, size_t first)
    size_t camkit_image_bytes(const camkit_format *f, size_t first, uint32_t height)


cdef extern from "camkit/frame.h" nogil:
    cdef int CAMKIT_MAX_COMPANIONS
    cdef int CAMKIT_CLOCK_UNKNOWN, CAMKIT_CLOCK_MONOTONIC, CAMKIT_CLOCK_COPY
    cdef int CAMKIT_STAMP_START_OF_EXPOSURE, CAMKIT_STAMP_END_OF_FRAME
    cdef int CAMKIT_MEMORY_HEAP, CAMKIT_MEMORY_MMAP, CAMKIT_MEMORY_USERPTR, CAMKIT_MEMORY_DMABUF
    cdef int CAMKIT_MEMORY_MEMFD, CAMKIT_MEMORY_FOREIGN
    cdef uint32_t CAMKIT_FRAME_CORRUPT, CAMKIT_FRAME_KEYFRAME, CAMKIT_FRAME_READ_ONLY, CAMKIT_FRAME_COPY
    cdef uint32_t CAMKIT_FRAME_DISCONTINUITY
    cdef int CAMKIT_PRIMARIES_BT709, CAMKIT_PRIMARIES_UNKNOWN, CAMKIT_PRIMARIES_BT470BG, CAMKIT_PRIMARIES_SMPTE170M
    cdef int CAMKIT_PRIMARIES_SMPTE240M, CAMKIT_PRIMARIES_BT2020, CAMKIT_PRIMARIES_DCI_P3
    cdef int CAMKIT_TRANSFER_BT709, CAMKIT_TRANSFER_UNKNOWN, CAMKIT_TRANSFER_SMPTE240M, CAMKIT_TRANSFER_LINEAR
    cdef int CAMKIT_TRANSFER_SRGB, CAMKIT_TRANSFER_PQ
    cdef int CAMKIT_MATRIX_RGB, CAMKIT_MATRIX_BT709, CAMKIT_MATRIX_UNKNOWN, CAMKIT_MATRIX_BT601
    cdef int CAMKIT_MATRIX_SMPTE240M, CAMKIT_MATRIX_BT2020
    cdef int CAMKIT_RANGE_LIMITED, CAMKIT_RANGE_FULL
    ctypedef struct camkit_colour:
        uint8_t primaries, transfer, matrix, range
    ctypedef struct camkit_plane:
        uint8_t *data  # borrowed from the slot
        size_t size
        uint32_t stride, rows, offset
        int32_t dmabuf_fd  # borrowed from the pool
    ctypedef struct camkit_driver_plane:
        uint32_t bytes_used, length, data_offset
    ctypedef struct camkit_driver_buffer:
        uint32_t index, type, bytes_used, flags, field, sequence, memory, length, timecode_type, timecode_flags
        uint8_t timecode[8]
        uint32_t plane_count
        camkit_driver_plane planes[4]
    ctypedef struct camkit_frame:
        void *pool  # borrowed; the slot keeps it alive
        camkit_plane planes[4]
        uint32_t plane_count, format, width, height
        size_t bytes_used
        camkit_colour colour
        uint32_t flags, memory, slot
        uint8_t clock, stamp
        int64_t timestamp_ns, dequeue_ns, hardware_ns
        uint64_t sequence, gap, generation
        uint32_t stage_count
        int64_t stage_ns[16]
        camkit_driver_buffer driver
        camkit_frame *companions[7]
        uint32_t companion_count
    void camkit_frame_retain(camkit_frame *f)
    void camkit_frame_release(camkit_frame *f)
    void camkit_frame_stamp(camkit_frame *f, int64_t now_ns)
    int camkit_frame_describe(camkit_frame *f, uint32_t format, uint32_t width, uint32_t height, uint8_t *memory,
                              size_t size, size_t stride)
    int camkit_frame_describe_planes(camkit_frame *f, uint32_t format, uint32_t width, uint32_t height, uint32_t n,
                                     uint8_t *const *memory, const size_t *size, const size_t *strides)


cdef extern from "camkit/clock.hpp" namespace "camkit" nogil:
    int64_t now_ns() noexcept
    bint one_clock(int64_t a, int64_t b) noexcept


cdef extern from "camkit/frame_copy.hpp" namespace "camkit" nogil:
    void copy_description(camkit_frame *to, const camkit_frame *source) noexcept
    int64_t copy_pixels(camkit_frame *to, const camkit_frame *source) noexcept


cdef extern from "camkit/page_memory.hpp" namespace "camkit" nogil:
    cdef enum huge_pages "camkit::huge_pages":
        huge_pages_no "camkit::huge_pages::no"
        huge_pages_wanted "camkit::huge_pages::wanted"
    cdef struct page_memory:
        uint8_t *data
        size_t size, mapped
        bint hugetlb, advised
        int hugetlb_errno, advise_errno
    int allocate_pages(page_memory &out, size_t size, size_t alignment, huge_pages huge, bint prefault) noexcept
    void free_pages(page_memory &m) noexcept
    int64_t transparent_huge_bytes(const page_memory &m) noexcept


cdef extern from "camkit/frame_pool.hpp" namespace "camkit" nogil:
    ctypedef struct frame_picture:
        uint32_t flags
    # How many of a frame's references are Python's.
    void count_lease "camkit::frame_pool::lease"(camkit_frame *f, int change) noexcept
    cdef cppclass slot_pool:
        uint32_t refs(uint32_t slot) noexcept
        uint32_t free_count() noexcept
        uint32_t held_count() noexcept
        uint32_t capacity() noexcept
        uint64_t acquired() noexcept
        uint64_t released() noexcept
        uint64_t failed() noexcept
        uint32_t high_water() noexcept
        uint64_t misuses() noexcept
    cdef cppclass relaxed_u64 "std::atomic<std::uint64_t>":
        uint64_t load() noexcept
        void store(uint64_t value) noexcept
    cdef cppclass frame_pool:
        frame_pool(uint32_t n, void (*recycle)(void *, uint32_t) noexcept nogil, void (*destroy)(void *) noexcept nogil,
                   void *context) noexcept
        slot_pool slots
        relaxed_u64 generation
        const frame_picture *pictures
        void (*returned)(void *, uint32_t) noexcept nogil
        bint ok() noexcept
        camkit_frame *frame(uint32_t slot) noexcept
        uint32_t leases(uint32_t slot) noexcept
        int64_t lent_at(uint32_t slot) noexcept
        void set_lent_at "lent_at"(uint32_t slot, int64_t now_ns) noexcept
        camkit_frame *acquire() noexcept
        camkit_frame *adopt(uint32_t slot) noexcept
        void stop() noexcept
        void close() noexcept
        void unref() noexcept


cdef extern from "camkit/pool_memory.hpp" namespace "camkit" nogil:
    cdef enum sharing "camkit::sharing":
        sharing_memfd "camkit::sharing::memfd"
        sharing_udmabuf "camkit::sharing::udmabuf"
        sharing_dma_heap "camkit::sharing::dma_heap"
    cdef cppclass relaxed_int "std::atomic<int>":
        int load() noexcept
    cdef cppclass pool_memory:
        uint32_t count
        size_t pitch, mapped
        uint8_t *data
        page_memory pages
        int memfd
        int *dmabufs
        frame_picture *pictures
        void (*give_up)(void *) noexcept nogil
        void *owner
        bint inherited
        relaxed_u64 unsynced
        relaxed_int unsynced_errno
        @staticmethod
        pool_memory *make(uint32_t count, size_t pitch) noexcept
        @staticmethod
        void destroy(void *context) noexcept
        @staticmethod
        void returned(void *context, uint32_t slot) noexcept
        void announce(uint32_t slot, bint begin) noexcept
        void describe(uint32_t slot, const camkit_frame &like, uint32_t flags, uint32_t kind) noexcept
        int share(sharing kind, int device, size_t alignment, bint reserved, const char **step) noexcept
