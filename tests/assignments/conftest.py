"""What is run by tests of this folder, and holds none."""

collect_ignore = ["nbgrade.py", "planted.py", "mistakes"]
