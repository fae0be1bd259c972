"""Generators of text, and the ways of training them.

Read `language.py` first. `policy.py`, `relaxed.py` and `infill.py` are games, `vae.py` a second yardstick; `ways.py` has
them by name. `oracle.py` is a known LSTM whose sentences have known probabilities.
"""
