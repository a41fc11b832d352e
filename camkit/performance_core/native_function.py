"""Addresses of native functions, however Python holds them: ctypes, Numba, cffi."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

FunctionPointer: Any = ctypes.CFUNCTYPE(None).__mro__[1]  # ctypes shows the base of all its functions nowhere else
CALLS_PYTHON = 4  # ctypes: FUNCFLAG_PYTHONAPI, a function that must hold the GIL


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
    found = _ctypes(function) or _numba(function) or _cffi(function)
    if found is None:
        return None
    address, arguments = found
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
    # These have the buffer protocol too, and it would give the memory that holds the pointer.
    if isinstance(user, (ctypes.c_void_p, ctypes._Pointer)):
        return ctypes.cast(user, ctypes.c_void_p).value or 0
    backend = sys.modules.get("_cffi_backend")
    if backend is not None and isinstance(user, backend.FFI.CData):
        return int(backend.FFI().cast("uintptr_t", user))
    return None


def _ctypes(function: Any) -> tuple[int, int | None] | None:
    if not isinstance(function, FunctionPointer):
        return None
    if function._flags_ & CALLS_PYTHON:
        raise TypeError(f"{function!r} needs the GIL, and would be called without: use ctypes.CFUNCTYPE or CDLL")
    declared = function.argtypes
    if declared is None:
        declared = getattr(function, "_argtypes_", None)
    return ctypes.cast(function, ctypes.c_void_p).value or 0, None if declared is None else len(declared)


def _numba(function: Any) -> tuple[int, int | None] | None:
    if not type(function).__module__.startswith("numba.") or not isinstance(getattr(function, "address", None), int):
        return None
    signature = getattr(function, "_sig", None)
    if signature is None:
        return function.address, None
    wide = [
        str(kind) for kind in signature.args[:2] if getattr(kind, "bitwidth", 0) != 8 * ctypes.sizeof(ctypes.c_size_t)
    ]
    if str(signature.return_type) != "int32" or wide:
        raise TypeError(f'{function!r} is {signature}; it must be declared as cfunc("int32(uintp, uintp, voidptr)")')
    return function.address, len(signature.args)


def _cffi(function: Any) -> tuple[int, int | None] | None:
    backend = sys.modules.get("_cffi_backend")
    if backend is None or not isinstance(function, backend.FFI.CData):
        return None
    kind = backend.FFI().typeof(function)
    if kind.kind != "function":
        raise TypeError(f"{function!r} is no function")
    return int(backend.FFI().cast("uintptr_t", function)), len(kind.args)
