"""Native functions and pointers, whichever library holds them: ctypes, cffi or Numba. None is imported here."""

from __future__ import annotations

import sys
from typing import Any

NEEDS_GIL = 0x4  # of ctypes' function types: those of PyDLL


def is_ctypes(value: Any) -> bool:
    """Tell whether this is a function of ctypes."""
    ctypes = sys.modules.get("ctypes")
    return ctypes is not None and isinstance(value, ctypes._CFuncPtr)


def is_numba(value: Any) -> bool:
    """Tell whether this is a function compiled by Numba's `cfunc`."""
    return type(value).__module__ == "numba.core.ccallback" and hasattr(value, "address")


def is_cffi(value: Any) -> bool:
    """Tell whether this is anything of cffi's that C knows."""
    backend = sys.modules.get("_cffi_backend")
    return backend is not None and isinstance(value, backend._CDataBase)


def cffi() -> Any:
    """Return an FFI, which tells types and addresses of what `is_cffi`."""
    return sys.modules["_cffi_backend"].FFI()


def address_of(function: Any, signature: str) -> int | None:
    """Return where a native function lies in memory, or None for anything else.

    Parameters
    ----------
    function : object
        A ctypes function (of a library, or made with CFUNCTYPE), a Numba `@cfunc`, or a cffi function pointer.
    signature : str
        The C declaration that is wanted, such as `int (size_t, size_t, void *)`: its number of parameters is compared
        with the function's, where that tells its own.

    Raises
    ------
    TypeError
        It takes another number of arguments, or must hold the GIL (ctypes.PYFUNCTYPE, ctypes.pythonapi).
    ValueError
        It is a null pointer.
    """
    if is_ctypes(function):
        address, arguments = _ctypes(function)
    elif is_numba(function):
        address, arguments = _numba(function)
    elif is_cffi(function):
        address, arguments = _cffi(function)
    else:
        return None
    if not address:
        raise ValueError(f"{function!r} is a null pointer, not a function")
    wanted = signature.count(",") + 1
    if arguments is not None and arguments != wanted:
        raise TypeError(f"{function!r} takes {arguments} argument(s), where {signature} is called")
    return address


def pointer_of(user: Any) -> int | None:
    """Return the address that a pointer of ctypes or cffi, an int or None holds; None for an object with memory."""
    if user is None:
        return 0
    if isinstance(user, int) and not isinstance(user, bool):
        if not 0 <= user < 1 << 64:
            raise ValueError(f"user is {user}, not an address")
        return user
    return pointer_value(user)


def pointer_value(value: Any) -> int | None:
    """Return the address in a ctypes or cffi pointer; None: it is neither."""
    if is_cffi(value):
        if cffi().typeof(value).kind not in ("pointer", "array"):
            raise TypeError(f"user is the cffi value {value!r}, not a pointer: give ffi.addressof(it)")
        return int(cffi().cast("uintptr_t", value))
    ctypes = sys.modules.get("ctypes")
    if ctypes is None:
        return None
    # These have the buffer protocol too, and it would give the memory that holds the pointer.
    if isinstance(value, ctypes.c_void_p):
        return value.value or 0
    if isinstance(value, ctypes._Pointer):
        return ctypes.cast(value, ctypes.c_void_p).value or 0
    return None


def _ctypes(function: Any) -> tuple[int, int | None]:
    import ctypes

    if function._flags_ & NEEDS_GIL:
        raise TypeError(f"{function!r} needs the GIL, and would be called without: use ctypes.CFUNCTYPE or CDLL")
    declared = function.argtypes
    if declared is None:
        declared = getattr(function, "_argtypes_", None)
    return ctypes.cast(function, ctypes.c_void_p).value or 0, None if declared is None else len(declared)


def _numba(function: Any) -> tuple[int, int | None]:
    signature = getattr(function, "_sig", None)
    if signature is None:
        return function.address, None
    wide = [str(kind) for kind in signature.args[:2] if getattr(kind, "bitwidth", 0) != sys.maxsize.bit_length() + 1]
    if str(signature.return_type) != "int32" or wide:
        raise TypeError(f'{function!r} is {signature}; it must be declared as cfunc("int32(uintp, uintp, voidptr)")')
    return function.address, len(signature.args)


def _cffi(function: Any) -> tuple[int, int | None]:
    kind = cffi().typeof(function)
    if kind.kind != "function":
        raise TypeError(f"{function!r} is no function")
    return int(cffi().cast("uintptr_t", function)), len(kind.args)
