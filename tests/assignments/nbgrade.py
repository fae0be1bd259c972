"""Grades one assignment of a course folder with nbgrader, in a process of its own, and prints {student: {test: points}}.

    python tests/assignments/nbgrade.py COURSE ps1

What nbgrader and its libraries warn of is no test's business, so it is not imported by tests.
"""

import json
import logging
import os
import sys

from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config


def main(course, name):
    """Generate the release, autograde all that was submitted, print the scores."""
    os.chdir(course)
    config = Config()
    config.CourseDirectory.root = course
    config.CourseDirectory.course_id = "test"
    config.ExecutePreprocessor.timeout = 60
    api = NbGraderAPI(config=config)
    api.log.setLevel(logging.WARNING)
    for made in (api.generate_assignment(name), *(api.autograde(name, s) for s in sorted(os.listdir("submitted")))):
        if not made["success"]:
            sys.exit(made.get("log") or made.get("error"))
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        scores = {
            submission.student.id: {
                grade.name: grade.auto_score for notebook in submission.notebooks for grade in notebook.grades
            }
            for submission in book.assignment_submissions(name)
        }
    print(json.dumps(scores))


if __name__ == "__main__":
    main(*sys.argv[1:])
