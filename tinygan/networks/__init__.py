"""Players that several recipes share, each file with the settings that its networks read.

`rows.py`: pictures written row by row. `dcgan.py`: pictures drawn at once. `sequences.py`: numbers in a row.
`perceptrons.py`: points.
"""
