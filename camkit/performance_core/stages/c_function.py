"""Where a C function lies, whichever library made it callable: ctypes, cffi or Numba. None of them is imported here."""

from __future__ import annotations

import sys
from typing import Any

NEEDS_GIL = 0x4  # of ctypes' function types: those of PyDLL
TYPES = {2: "int (camkit_frame *, void *)", 3: "int (const camkit_frame *, camkit_frame *, void *)"}


def is_native(function: Any) -> bool:
    """Tell whether this is a C function of a kind that `address_of` knows."""
    return (
        _is_ctypes(function)
        or _is_numba(function)
        or (_is_cffi(function) and _cffi().typeof(function).kind == "function")
    )


def address_of(function: Any, parameters: int) -> tuple[int, str]:
    """Return the address and the name of a C function with so many parameters (2 or 3).

    Raises
    ------
    TypeError
        It is none, is of another type, or needs the GIL.
    ValueError
        It is a NULL pointer.
    """
    if _is_ctypes(function):
        address, name = _ctypes_address(function, parameters)
    elif _is_cffi(function):
        address, name = _cffi_address(function, parameters)
    elif _is_numba(function):
        address, name = _numba_address(function, parameters)
    else:
        hint = "; of cffi's lib, give ffi.addressof(lib, 'name')" if "cffi" in type(function).__module__ else ""
        hint = "; give it to the pipeline as it is" if not hint and callable(function) else hint
        raise TypeError(f"{function!r:.80} is no C function of ctypes, cffi or Numba{hint}")
    if not address:
        raise ValueError(f"C function {name!r} is a NULL pointer")
    return address, name


def pointer_value(value: Any) -> int | None:
    """Return the address in a ctypes or cffi pointer; None: it is neither."""
    if _is_cffi(value):
        if _cffi().typeof(value).kind not in ("pointer", "array"):
            raise TypeError(f"user is the cffi value {value!r}, not a pointer: give ffi.addressof(it)")
        return int(_cffi().cast("uintptr_t", value))
    ctypes = sys.modules.get("ctypes")
    if ctypes is None:
        return None
    if isinstance(value, ctypes.c_void_p):
        return value.value or 0
    if isinstance(value, ctypes._Pointer):
        return ctypes.cast(value, ctypes.c_void_p).value or 0
    return None


def _wrong(name: str, what: str, parameters: int) -> TypeError:
    reason = "with an output" if parameters == 3 else "without an output"
    return TypeError(f"C function {name!r} {what}; {reason} a stage is {TYPES[parameters]}")


def _is_ctypes(value: Any) -> bool:
    ctypes = sys.modules.get("ctypes")
    return ctypes is not None and isinstance(value, ctypes._CFuncPtr)


def _ctypes_address(function: Any, parameters: int) -> tuple[int, str]:
    import ctypes

    name = getattr(function, "__name__", "function")
    if type(function)._flags_ & NEEDS_GIL:
        raise TypeError(
            f"C function {name!r} is of a PyDLL and needs the GIL, which a stage has not: load it with CDLL"
        )
    kept = (function._objects or {}).values() if isinstance(function._objects, dict) else [function._objects]
    if any(type(thing).__name__ == "CThunkObject" for thing in kept):
        raise TypeError(
            f"{function!r} is a Python function behind a C pointer, and an exception in it would be lost: give the "
            "Python function to the pipeline as it is"
        )
    arguments = getattr(function, "argtypes", None)
    if arguments is not None and len(arguments) != parameters:
        raise _wrong(name, f"takes {len(arguments)} arguments", parameters)
    for kind in arguments or ():
        if not (issubclass(kind, (ctypes._Pointer, ctypes.c_void_p, ctypes.c_char_p))):
            raise _wrong(name, f"takes a {kind.__name__} by value", parameters)
    if function.restype is not ctypes.c_int:
        raise _wrong(name, f"returns {getattr(function.restype, '__name__', 'nothing')}", parameters)
    return ctypes.cast(function, ctypes.c_void_p).value or 0, name


def _is_cffi(value: Any) -> bool:
    backend = sys.modules.get("_cffi_backend")
    return backend is not None and isinstance(value, backend._CDataBase)


def _cffi() -> Any:
    return sys.modules["_cffi_backend"].FFI()


def _cffi_address(function: Any, parameters: int) -> tuple[int, str]:
    ffi = _cffi()
    kind = ffi.typeof(function)
    name = kind.cname
    if kind.kind != "function":
        raise TypeError(f"{function!r} is no pointer to a function")
    if len(kind.args) != parameters or kind.ellipsis:
        raise _wrong(name, f"takes {len(kind.args)} arguments", parameters)
    if any(argument.kind != "pointer" for argument in kind.args):
        raise _wrong(name, "takes an argument by value", parameters)
    if kind.result.cname != "int":
        raise _wrong(name, f"returns {kind.result.cname}", parameters)
    return int(ffi.cast("uintptr_t", function)), "C function"


def _is_numba(value: Any) -> bool:
    return type(value).__module__ == "numba.core.ccallback" and hasattr(value, "address")


def _numba_address(function: Any, parameters: int) -> tuple[int, str]:
    name, signature = function.__name__, function._sig
    if len(signature.args) != parameters:
        raise _wrong(name, f"takes {len(signature.args)} arguments", parameters)
    if any(type(kind).__name__ not in ("CPointer", "RawPointer") for kind in signature.args):
        raise _wrong(name, "takes an argument by value", parameters)
    if str(signature.return_type) != "int32":
        raise _wrong(name, f"returns {signature.return_type}", parameters)
    return function.address, name
