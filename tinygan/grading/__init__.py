"""Assignments that grade themselves: `tinygan grade`, with nothing but Python and tinygan.

`source.py` reads an assignment and makes what students get; `submission.py` reads what they hand in; `run.py` runs it, in
processes of its own (`child.py`, `guard.py`); `report.py` writes grades.csv and a page for every student. `grade.py` puts
them together.
"""
