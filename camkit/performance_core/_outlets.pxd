from libc.stdint cimport int32_t, int64_t, uint64_t

from camkit.memory_manager._abi cimport camkit_frame
from camkit.performance_core._queue cimport Link, frame_link


cdef extern from "camkit/lone_value.hpp" namespace "camkit" nogil:
    cdef cppclass lone_counter:
        uint64_t get() noexcept
        void set(uint64_t value) noexcept
        void add(uint64_t n) noexcept
    cdef cppclass lone_int "camkit::lone_value<std::int32_t>":
        int32_t get() noexcept
        void set(int32_t value) noexcept


cdef extern from "camkit/outlet.hpp" namespace "camkit" nogil:
    cdef cppclass outlet:
        outlet() except +
        frame_link *link
        int32_t number
        lone_counter offered, full, late, aborted, high_water
        int push(camkit_frame *f, uint64_t tick) noexcept
        uint64_t stamped(const camkit_frame *f) noexcept
        void stamp_as(const outlet &other) noexcept
    cdef cppclass outlet_list:
        outlet_list(size_t n) except +
        size_t count
        outlet **at
        bint ok() noexcept
    cdef cppclass outlet_switch:
        outlet_switch() except +
        void want(outlet_list *list) noexcept
        const outlet_list *adopted() noexcept
        const outlet_list &current() noexcept


cdef class Outlet:
    cdef outlet *o  # owned
    cdef readonly Link link  # keeps what o.link points to
    cdef readonly str name, policy
    cdef object keeper  # of the bell that the link rings
    cdef Outlet like  # keeps the table that `o` may note stamps in


cdef class Outlets:
    cdef outlet_switch *choice  # owned
    cdef outlet_list *wanted  # owned; what `choice` was told last
    cdef list old  # of Retired: lists of before that the producer may still look at
    cdef tuple outlets  # what `wanted` points to
    cdef Outlet inlet  # where the producer fetches, and waits; None: it has a source
    cdef bint ended  # the producer has gone; guarded by `lock`
    cdef object lock

    cdef tuple _now(self)
    cdef int _want(self, tuple outlets) except -1
