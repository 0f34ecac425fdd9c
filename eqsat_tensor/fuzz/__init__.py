"""Random programs through the whole pipeline: ``eqsat fuzz``.

`programs` draws one program and holds what the compiler makes of it against the true values;
`workers` does so for many, in processes whose end is noticed.
"""
