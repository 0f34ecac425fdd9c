"""`optimize="accuracy"`: the program whose measured error is least.

`search.py` is the room on one page.  A region of elementwise ops becomes scalar terms (`terms`);
points are drawn (`points`), their true values found in as many bits as they need (`truth`); the
e-graph and series give candidates (`explore` in the room of the e-graph, `series`), each class
keeps the term of least measured error (`pools`), and where none is best everywhere a decision
tree chooses between several (`branches`).  What loses more than a bit anywhere (`losses`) is not chosen
(`choosing`), and what is chosen is held at a million points (`verifying`).  `regions` cuts array programs into
such regions.
"""
