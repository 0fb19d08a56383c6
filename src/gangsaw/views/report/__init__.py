"""The report of a run for people and programs: JSON, Markdown, a page, a picture."""
