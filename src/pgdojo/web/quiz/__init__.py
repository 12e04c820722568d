"""Drawing quizzes: the start, a question, its feedback, the result and the reviews."""
