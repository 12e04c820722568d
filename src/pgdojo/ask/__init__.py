"""A question's way to a cited answer: conversation, evidence, gate, answer, verification, refusal."""
