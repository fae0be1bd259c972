"""`python -m tinygan.profile RECIPE`: print where a training step of a recipe spends its time and memory."""

import argparse
import sys
from collections.abc import Sequence

from tinygan.profile.measure import profile


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, by default those of the command line, and return the exit code."""
    from tinygan.cli import exit_code

    parser = argparse.ArgumentParser(
        prog="python -m tinygan.profile", description="Where the time and memory of a recipe's training step go."
    )
    parser.add_argument("recipe", metavar="RECIPE", help="a name that `tinygan list` prints")
    parser.add_argument("--steps", type=int, default=16, dest="measured", help="training steps to measure (default 16)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, as for train")
    parser.add_argument("--data", metavar="PATH", help="data of your own, as for train")
    parser.set_defaults(command=_command, steps=None, seed=None)
    return exit_code(parser.parse_args(arguments))


def _command(options: argparse.Namespace) -> None:
    from tinygan.opening import UsageError, find_recipe, make_game, read_settings

    if options.measured < 1:
        raise UsageError(f"--steps {options.measured}: must be at least 1")
    recipe = find_recipe(options.recipe)
    print(profile(make_game(recipe, read_settings(recipe, options).shares()[0], "cpu"), options.measured))


if __name__ == "__main__":
    sys.exit(main())
