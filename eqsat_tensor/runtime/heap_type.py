"""A heap type whose instances are called through the native entry, made by ctypes alone.

In: a name.  Out: a Python class with a native vectorcall, a dict, weak references and the collector's
traverse and clear, to which methods may be set.  `native` gives it those of `Callable`.
"""

from __future__ import annotations

import ctypes

from eqsat_tensor.lower.cpu import entry

# From CPython's typeslots.h, object.h, structmember.h: part of its stable ABI.
_SLOT_CALL, _SLOT_CLEAR, _SLOT_DEALLOC, _SLOT_TRAVERSE, _SLOT_MEMBERS, _SLOT_GETSET = (
    50, 51, 52, 71, 72, 73,
)  # fmt: skip
_DEFAULT, _HAVE_GC, _HAVE_VECTORCALL = 1 << 18, 1 << 14, 1 << 11
_SIGNED_SIZE, _READ_ONLY = 19, 1

_alive: list[object] = []  # what types point to; types live as long as the process


class _Slot(ctypes.Structure):
    _fields_ = (("slot", ctypes.c_int), ("value", ctypes.c_void_p))


class _Spec(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(_Slot)),
    )


class _Member(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _GetSet(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("get", ctypes.c_void_p),
        ("set", ctypes.c_void_p),
        ("doc", ctypes.c_char_p),
        ("closure", ctypes.c_void_p),
    )


def _address(name: str) -> int:
    found = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
    assert found, name
    return found


def bare_type(name: str) -> type:
    """A heap type without methods, whose instances are called through the entry."""
    offsets = {"vectorcall": "vectorcall", "dict": "dict", "weaklist": "weakrefs"}
    members = (_Member * 4)(
        *(
            _Member(f"__{k}offset__".encode(), _SIGNED_SIZE, entry.INSTANCE[v], _READ_ONLY, None)
            for k, v in offsets.items()
        )
    )
    get, put = _address("PyObject_GenericGetDict"), _address("PyObject_GenericSetDict")
    getset = (_GetSet * 2)(_GetSet(b"__dict__", get, put, None, None))
    code = entry.object_addresses()
    slots = (_Slot * 7)(
        _Slot(_SLOT_CALL, _address("PyVectorcall_Call")),
        _Slot(_SLOT_TRAVERSE, code["traverse"]),
        _Slot(_SLOT_CLEAR, code["clear"]),
        _Slot(_SLOT_DEALLOC, code["dealloc"]),
        _Slot(_SLOT_MEMBERS, ctypes.addressof(members)),
        _Slot(_SLOT_GETSET, ctypes.addressof(getset)),
    )
    flags = _DEFAULT | _HAVE_GC | _HAVE_VECTORCALL
    spec = _Spec(name.encode(), entry.INSTANCE_BYTES, 0, flags, slots)
    make = ctypes.pythonapi.PyType_FromSpec
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p]
    made: type = make(ctypes.addressof(spec))
    _alive.extend((made, members, getset, slots, spec))
    return made
