"""The game of two networks, without what they are about: objectives, penalties, the training step, runs and their files.

Read `training` first, which has the step, then `objectives` and `penalties`, which it calls; `run` is the loop around it.
`sequences`, `language`, `policy`, `relaxed`, `infill` and `vae` are players and games of what comes in a row.
"""
