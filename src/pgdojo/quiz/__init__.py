"""Quizzes: sittings, grading, the review schedule, item analysis and exports."""
