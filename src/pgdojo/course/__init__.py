"""What is taught: documents, passages, facts and the glossary, read and validated into frozen records."""
