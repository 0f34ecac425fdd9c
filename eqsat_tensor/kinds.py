"""The few forms an op can have.  A kind says what a room may assume of an op, no more."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """What an op does to shapes; every op has one."""

    LEAF = "leaf"  # no operands: input, constant, iota
    ELEMENTWISE = "elementwise"  # all operands have the result's shape; one scalar body
    REDUCTION = "reduction"  # attribute ``axes``; the result's shape lacks them
    CUMULATIVE = "cumulative"  # attributes ``axis``, ``reverse``; each place from the one before it
    MOVEMENT = "movement"  # moves elements, computes none
    SCATTER = "scatter"  # its first operand, changed at the labels that its second holds
    CONTRACTION = "contraction"  # a matrix product, or one with an epilogue
    COMPOSITE = "composite"  # defined by its expansion into other ops
    BARRIER = "barrier"  # a value that no rewrite crosses
    LIBRARY = "library"  # made of whole arrays by one call of a library; opaque to loops


class Attribute(Enum):
    """How a static attribute is held and how it is encoded for the e-graph."""

    INT = "int"  # an int
    AXES = "axes"  # a tuple of non-negative ints
    SIZES = "sizes"  # a tuple of sizes
    SHAPE = "shape"  # the shape of the result, encoded with its type
    DTYPE = "dtype"  # the dtype of the result, encoded with its type
    LITERAL = "literal"  # a typed constant
    TEXT = "text"  # a string
    OBJECT = "object"  # compared by identity; encoded as a number
