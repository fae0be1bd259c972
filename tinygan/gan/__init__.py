"""The game of networks against each other, without what they are about.

Read `players.py` first (Player, Game), then `adversarial.py`, which has the training step, then `objectives.py` and
`penalties.py`, which it calls.
"""
