"""One login in a process of its own: `python -m pgdojo.lab.login`.

libpq's Kerberos finds its realm and its ticket by variables of the process alone. In a process that serves several
labs they would be everybody's; so whoever needs them logs in here. What to do comes as JSON on the input, what came of
it goes as JSON to the output.
"""

from __future__ import annotations

import json
import sys

import psycopg


def main() -> None:
    """Log in, run the statements, leave, and say how it ended."""
    asked = json.load(sys.stdin)
    ended = {"error": "", "code": "", "connected": False}
    try:
        with psycopg.connect(asked["conninfo"], autocommit=True) as connection:
            ended["connected"] = True
            for statement in asked["statements"]:
                connection.execute(statement.encode())
    except psycopg.Error as cause:
        ended |= {"error": str(cause) or type(cause).__name__, "code": cause.sqlstate or ""}
    json.dump(ended, sys.stdout)


if __name__ == "__main__":
    main()
