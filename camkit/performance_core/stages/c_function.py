"""What a stage wants of the C function that it calls: its type, its address and its name."""

from __future__ import annotations

from typing import Any

from camkit.performance_core.native_function import NEEDS_GIL, cffi, is_cffi, is_ctypes, is_numba

TYPES = {2: "int (camkit_frame *, void *)", 3: "int (const camkit_frame *, camkit_frame *, void *)"}


def is_native(function: Any) -> bool:
    """Tell whether this is a C function of a kind that `address_of` knows."""
    return (
        is_ctypes(function) or is_numba(function) or (is_cffi(function) and cffi().typeof(function).kind == "function")
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
    if is_ctypes(function):
        address, name = _ctypes_address(function, parameters)
    elif is_cffi(function):
        address, name = _cffi_address(function, parameters)
    elif is_numba(function):
        address, name = _numba_address(function, parameters)
    else:
        hint = "; of cffi's lib, give ffi.addressof(lib, 'name')" if "cffi" in type(function).__module__ else ""
        hint = "; give it to the pipeline as it is" if not hint and callable(function) else hint
        raise TypeError(f"{function!r:.80} is no C function of ctypes, cffi or Numba{hint}")
    if not address:
        raise ValueError(f"C function {name!r} is a NULL pointer")
    return address, name


def _wrong(name: str, what: str, parameters: int) -> TypeError:
    reason = "with an output" if parameters == 3 else "without an output"
    return TypeError(f"C function {name!r} {what}; {reason} a stage is {TYPES[parameters]}")


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


def _cffi_address(function: Any, parameters: int) -> tuple[int, str]:
    ffi = cffi()
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


def _numba_address(function: Any, parameters: int) -> tuple[int, str]:
    name, signature = function.__name__, function._sig
    if len(signature.args) != parameters:
        raise _wrong(name, f"takes {len(signature.args)} arguments", parameters)
    if any(type(kind).__name__ not in ("CPointer", "RawPointer") for kind in signature.args):
        raise _wrong(name, "takes an argument by value", parameters)
    if str(signature.return_type) != "int32":
        raise _wrong(name, f"returns {signature.return_type}", parameters)
    return function.address, name
