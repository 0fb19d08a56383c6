"""Tables: what no single file of the corpus shows."""

from __future__ import annotations

import pytest

from gangsaw.sources import Document, Report, Standing, Sure, dialect, with_edits

KIND = dialect("csv")


def said(text: str, *reports: Report) -> str:
    return with_edits(text, KIND.edits(Document("tasks.csv", text), reports).edits)


@pytest.mark.parametrize(
    ("cells", "begun", "done"),
    [
        (("open", ""), "in progress", "done"),
        (("Open", "Open"), "In progress", "Done"),
        (("OPEN", "OPEN"), "IN PROGRESS", "DONE"),
        (("open", "Closed"), "in progress", "Closed"),
        (("no", "no"), "no", "yes"),
        (("", "x"), "", "x"),
        (("false", ""), "false", "true"),
        (('"open"', ""), '"in progress"', '"done"'),
        ((" open ", ""), " in progress ", " done "),
    ],
)
def test_a_cell_gets_a_word_that_goes_with_its_column(
    cells: tuple[str, str], begun: str, done: str
) -> None:
    text = "id,title,status,more\r\n1,A,{},kept  \r\n2,B," + cells[1] + ",\r\n"
    before = text.format(cells[0])
    assert said(before, Report("1", Standing.RUNNING)) == text.format(begun)
    assert said(before, Report("1", Standing.DONE)) == text.format(done)


def test_a_row_that_is_too_short_gets_the_cells_that_it_lacks() -> None:
    text = "title,needs,status\nA\nB,A\n"
    reports = [Report(key, Standing.DONE) for key in "AB"]
    assert said(text, *reports) == "title,needs,status\nA,,done\nB,A,done\n"


def test_a_mapping_comes_before_the_usual_names() -> None:
    text = "# gangsaw: title=Task, status=Where\ntitle,task,status,where\nx,A,odd,open\n"
    (item,) = KIND.read([Document("x.csv", text)]).items
    assert (item.key, item.standing) == ("A", Standing.OPEN)
    assert said(text, Report("A", Standing.DONE)) == text.replace("open", "done")


@pytest.mark.parametrize(
    ("path", "head", "sure"),
    [
        ("a.csv", "id,title,status", Sure.CERTAIN),
        ("a.TSV", "Summary\tDone", Sure.CERTAIN),
        ("a.csv", "price,amount", Sure.MAYBE),
        ("a.md", "id,title,status", Sure.NO),
    ],
)
def test_a_table_is_certain_by_its_head(path: str, head: str, sure: Sure) -> None:
    assert KIND.detect(path, f"{head}\n1,A,open\n") is sure


def test_a_word_over_two_lines_is_not_taken_over() -> None:
    text = 'id,title,status\r\n1,A,open\r\n2,B,"in \r\nprogress"\r\n'
    after = said(text, Report("1", Standing.RUNNING))
    assert after == text.replace("open", "in progress")
