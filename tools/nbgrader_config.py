"""How nbgrader makes the students' copy of nbs/build, and grades what comes back.

`make student` and `make grade` use it.

Solutions and hidden tests are what stands between its own marks (`### BEGIN SOLUTION`). Nothing here decides
about points: a check returns what was earned, and nbgrader reads it.

Why nbgrader: its source is a notebook that runs as it stands, students need nothing but the course, and it
grades a folder without Docker, which otter-grader needs for that. Points given by a person (`nbgrader
formgrader`) stay in runs/grading until that folder is deleted.
"""
import csv
import os
from pathlib import Path

from nbgrader.plugins import ExportPlugin

c = get_config()  # noqa: F821 - nbgrader runs this file
work = Path("runs/grading").resolve()  # never committed
work.mkdir(parents=True, exist_ok=True)

c.CourseDirectory.course_id = "compressed_ad"
c.CourseDirectory.root = str(Path.cwd())
c.CourseDirectory.source_directory = "nbs"
c.CourseDirectory.release_directory = "build_student"
c.CourseDirectory.submitted_directory = str(Path(os.environ.get("SUBMISSIONS", work / "submitted")).resolve())
c.CourseDirectory.autograded_directory = str(work / "autograded")
c.CourseDirectory.feedback_directory = str(work / "feedback")
c.CourseDirectory.db_url = f"sqlite:///{work / 'gradebook.db'}"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "__pycache__", "*.pyc"]
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError  # your code"}
c.ClearSolutions.text_stub = "*Write here.*"
c.ExecutePreprocessor.timeout = 600


class OneRowAStudent(ExportPlugin):
    "A CSV file: a row for each student, a column for each notebook. What a person grades counts when done."
    def export(self, gradebook):
        rows = []
        for submission in gradebook.assignment_submissions("build"):
            scores = {notebook.name: notebook.score for notebook in submission.notebooks}
            waits = ["yes" if submission.needs_manual_grade else ""]
            rows.append([submission.student.id, *(scores[name] for name in sorted(scores)), submission.score,
                         submission.max_score, *waits])
        names = sorted(notebook.name for notebook in gradebook.find_assignment("build").notebooks)
        with open(self.to or "grades.csv", "w", newline="", encoding="utf-8") as file:
            header = ["student", *names, "points", "of", "waits_for_a_person"]
            csv.writer(file).writerows([header, *sorted(rows)])


c.ExportApp.plugin_class = OneRowAStudent
