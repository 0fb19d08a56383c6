"""prd.json: what no single file of the corpus shows."""

from __future__ import annotations

from pathlib import Path

from gangsaw.sources import Document, Report, Standing, dialect, with_edits
from gangsaw.sources.writing import Wish, Written, write_back

KIND = dialect("prd")
TEXT = (
    '{ "userStories":[\r\n\t{"id":"US-1", "title":"A" ,"passes" : false , "x":1.0},\r\n'
    '{"id":"US-2"}] }'
)


def test_all_else_of_a_prd_stays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "prd.json"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    wishes = [Wish(Report(key, Standing.DONE, "c" * 40)) for key in ("US-1", "US-2")]
    assert write_back(path, "prd.json", KIND, wishes) == Written(True)
    after = TEXT.replace("false", "true").replace('"US-2"', '"US-2","passes":true')
    assert path.read_bytes() == b"\xef\xbb\xbf" + after.encode()
    back = [Wish(Report("US-1", Standing.OPEN), Standing.DONE)]
    assert write_back(path, "prd.json", KIND, back) == Written(True)
    assert path.read_bytes() == b"\xef\xbb\xbf" + after.replace("true", "false", 1).encode()


def test_a_story_that_is_begun_does_not_pass_yet() -> None:
    document = Document("prd.json", TEXT)
    assert KIND.edits(document, [Report("US-1", Standing.RUNNING)]).edits == ()


def test_one_story_that_names_its_needs_ends_the_order_of_priorities() -> None:
    stories = '{"id":"a","priority":1},{"id":"b","priority":2%s}'
    for more, needs in (("", ["a"]), (',"dependsOn":[]', [])):
        text = '{"userStories":[' + stories % more + "]}"
        items = KIND.read([Document("x", text)]).items
        assert [need.key for need in items[1].needs] == needs
        assert with_edits(text, KIND.edits(Document("x", text), []).edits) == text
