"""The command line: parses, asks the rooms below, prints, and chooses the exit code.

- `main`: the group, the table of commands, what becomes of errors.
- `commands/`: one module per command, imported when it runs.
- `place`: from the current folder to the repository, its control folder and its journal.
- `requests`: how a command asks a live engine for something and waits for the answer.
- `output`, `clock`: the only places that print and that read the time.

It decides nothing about a run: what a task is and what it waits for is said by `core`.
"""
