"""A stand-in for CuPy 14 on machines without a GPU: CuPy's names and signatures, arithmetic by NumPy.

What CuPy refuses is refused: NumPy's arrays beside its own, keywords that it does not have, lists assigned to arrays. Two
things are refused that CuPy lets pass: NumPy's functions of its arrays and NumPy's scalars beside them. Copies lie in memory
as CuPy's do. `_meter.py` counts launches, copies and waits; `signatures.txt` is written by `../write_signatures.py`.
"""

from cupy._functions import NAMES

globals().update(NAMES)
