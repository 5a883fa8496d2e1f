"""The course's configuration, for `autograder`, plain nbgrader and formgrader alike."""

c = get_config()  # noqa: F821  (nbgrader provides it)

c.CourseDirectory.course_id = "before-the-first-step"

# Every assignment ships these modules to students, beside its notebook.
c.Autograder.shipped = ["dp.py", "lab.py", "checks.py"]

# At least this share of the named mistakes shows before an assignment is handed in.
c.Autograder.least_visible = 0.4

# Tests hand networks and nodes to students' functions; `checks` stays with the tests.
c.SandboxLimits.student_modules = ["dp", "lab"]

# Preparing and running a submission are ours: rebuilt from the instructor's notebook,
# and run in a sandbox. What follows (points, late penalties) stays nbgrader's.
c.Autograde.sanitize_preprocessors = ["autograder.preprocess.RebuildSubmission"]
c.Autograde.autograde_preprocessors = [
    "autograder.preprocess.SandboxExecute",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# Feedback is ours too: nbgrader's own pages show the hidden tests.
c.GenerateFeedback.exporter_class = "autograder.feedback.PageExporter"
