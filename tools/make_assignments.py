"""Makes what students get of the assignments, from their sources lessons/assignments/psN_name.py.

    python tools/make_assignments.py                     writes lessons/assignments/psN_name.ipynb: no solutions, no outputs
    python tools/make_assignments.py --nbgrader COURSE   a course folder: COURSE/source/psN/psN.ipynb, nbgrader_config.py
    python tools/make_assignments.py ps9_scale.py        the same for a source of your own, in any folder: ps9_scale.ipynb

In the course folder `nbgrader generate_assignment ps1` makes the release, `nbgrader autograde ps1` grades. nbgrader is not
needed here. tests/assignments uses the functions of this file.
"""

import argparse
from pathlib import Path

from tinygan.grading.source import SourceError, as_notebook, as_text, find_sources, read_source, release

ASSIGNMENTS = Path(__file__).resolve().parent.parent / "lessons" / "assignments"
CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "tinygan"
# a test may take as long as the slowest; one that hangs is stopped, and its points are lost
c.ExecutePreprocessor.timeout = {seconds}
c.ExecutePreprocessor.interrupt_on_timeout = True
"""


def student_notebook(source):
    """Return the text of the notebook that students get."""
    return as_text(as_notebook(release(read_source(source))))


def write_course(folder, sources):
    """Write an nbgrader course folder with the `sources`, a dict {psN: path}; tell where each notebook is."""
    folder = Path(folder)
    slowest = 30
    for name, path in sources.items():
        assignment = read_source(path)
        slowest = max([slowest, *(cell.seconds for cell in assignment.cells)])
        notebook = folder / "source" / name / f"{name}.ipynb"
        notebook.parent.mkdir(parents=True, exist_ok=True)
        notebook.write_text(as_text(as_notebook(assignment)), encoding="utf-8")
        yield notebook
    config = folder / "nbgrader_config.py"
    if not config.exists():  # a teacher may have changed it
        config.write_text(CONFIG.format(seconds=slowest), encoding="utf-8")
        yield config


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description="Make students' notebooks, or an nbgrader course.")
    parser.add_argument("--nbgrader", metavar="DIR", help="write a course folder instead of students' notebooks")
    parser.add_argument("sources", metavar="psN_name.py", nargs="*", help="sources of your own (default: those of tinygan)")
    options = parser.parse_args()
    try:
        for path in make(options.sources, options.nbgrader):
            print(path)
    except (SourceError, FileNotFoundError) as error:
        parser.error(str(error))


def make(files, course=None):
    """Write students' notebooks of the sources `files`, or an nbgrader `course` folder; yield what was written."""
    sources = {read_source(path).name: Path(path) for path in files} or find_sources(ASSIGNMENTS)
    if course:
        yield from write_course(course, sources)
        return
    for path in sources.values():
        path.with_suffix(".ipynb").write_text(student_notebook(path), encoding="utf-8")
        yield path.with_suffix(".ipynb")


if __name__ == "__main__":
    main()
