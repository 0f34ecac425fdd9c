"""Equality saturation: `saturate` makes a `Graph` of a program, `decode` programs of a `Graph`."""
