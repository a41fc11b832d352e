from libc.stdint cimport int64_t

from camkit.performance_core._queue cimport Link, frame_link


cdef extern from "camkit/map_lane.hpp" namespace "camkit" nogil:
    cdef cppclass ordered_map(frame_link):
        ordered_map(frame_link *front, unsigned workers, size_t in_flight) except +
        bint ok() noexcept
    cdef cppclass lane_inlet(frame_link):
        lane_inlet(ordered_map *map, unsigned index) except +
    cdef cppclass lane_outlet(frame_link):
        lane_outlet(lane_inlet *inlet) except +


cdef class OrderedMap(Link):
    cdef ordered_map *map  # the same as `link`, which owns it
    cdef readonly Link front  # which `map` borrows
    cdef readonly int workers, in_flight


cdef class LaneInlet(Link):
    cdef lane_inlet *inlet  # the same as `link`
    cdef OrderedMap of  # keeps the map


cdef class LaneOutlet(Link):
    cdef LaneInlet inlet  # keeps what `link` borrows
