"""What commits say about records."""

from __future__ import annotations

import pytest

from gangsaw.sources.references import Commit, Says, said_by

KEYS = [f"T{n:03}" for n in range(1, 30)] + [
    "bd-a3f8.1",
    "ws-login",
    "FIX-001",
    "A-1",
    "words of it",
    "7",
]
IDS = {key.lower().replace(" ", "-"): key for key in KEYS}


def commit(message: str, *trailers: tuple[str, str], n: int = 0, merge: bool = False) -> Commit:
    return Commit(f"{n:040x}", 1000.0 + n, message, trailers, merge)


def said_in(message: str, *trailers: tuple[str, str], merge: bool = False) -> dict[str, Says]:
    found = said_by([commit(message, *trailers, merge=merge)], IDS)
    return {key: word.says for key, word in found.words.items()}


@pytest.mark.parametrize(
    ("message", "keys"),
    [
        ("T001: goals", "T001"),
        ("T001 Create the goal model", "T001"),
        ("[T001] goals", "T001"),
        ("feat(T001): goals", "T001"),
        ("feat!: T001 goals", "T001"),
        ("feat(api)!: T001, T002 and T003: goals", "T001 T002 T003"),
        ("Create the goal model (T001)", "T001"),
        ("Create the goal model (T001, T002).", "T001 T002"),
        ("Goal model [T001]", "T001"),
        ("T001-T003: goals", "T001 T002 T003"),
        ("T001 – T003: goals", "T001 T002 T003"),
        ("Goals\n\nCloses T001", "T001"),
        ("Goals\n\nThis completes tasks T001 and T002, and names T003 too.", "T001 T002"),
        ("Goals, fixes #T004", "T004"),
        ("Goals\n\nT005 is done", "T005"),
        ("Goals\n\n- [x] T005 model\n- [ ] T006 service", "T005"),
        ("Goals\n\nT005 ✅ T006", "T005"),
        ("bd-a3f8.1: goals", "bd-a3f8.1"),
        ("Login (ws-login)", "ws-login"),
        ("FIX-001 no more crash", "FIX-001"),
        ("Skip empty lines (T001)", "T001"),
        ("Reopen the connection after a timeout (T001)", "T001"),
        ("T001: failed logins are counted", "T001"),
        ("T001: skip to the content", "T001"),
        ("T001: Defer images", "T001"),
        ("T001 Can drop goals", "T001"),
        ("feat: T001 cancel button when editing", "T001"),
        ("fix: T001: cancel button when editing", "T001"),
        ("test: T001 contract test of goals", "T001"),
        ("fix(T001): the cancel button", "T001"),
        ("chore: close T001", "T001"),
        ("docs: guide (closes T001)", "T001"),
        ("docs: T001 is done", "T001"),
        ("docs: guide\n\nCloses T001.", "T001"),
        ("Fix T001: typo", "T001"),
        ("fixes T001 with a lock", "T001"),
        ("closes T001 - goals", "T001"),
        ("closes T001 (goals) and starts T002", "T001"),
        ("Fix T001", "T001"),
        ("closes T001, and T002 is done", "T001 T002"),
        ("No crash when saving (T001)", "T001"),
        ("Do not crash when saving, closes T001", "T001"),
        ("Goals\n\nIt waits no more. T001 is done", "T001"),
        ("Goals\n\nT001 ✅ T002 ✅", "T001 T002"),
        ("Goals\n\n```\nT002 is done\n```\nCloses T001", "T001"),
        ("Goals\n\n```T002 is done```\nCloses T001", "T001"),
    ],
)
def test_commits_say_that_records_are_done(message: str, keys: str) -> None:
    done = [key for key, says in said_in(message).items() if says is Says.DONE]
    assert done == keys.split(" ")


@pytest.mark.parametrize(
    "message",
    [
        "Prepare for T001",
        "Do not close T001",
        "Goals\n\nThis will finish T001",
        "Goals\n\nIt does not yet complete T001",
        "Goals\n\n> T001 is done",
        "Goals\n\nDepends on T001",
        "Goals\n\n- T001 comes next",
        "Goals\n\n- [ ] T001 model",
        'Revert "T001: goals"',
        "XT001: goals",
        "T001x.y: goals",
        "Before T001 is merged",
        "fix T001 typo",
        "Fix T001 and T002 typos",
        "fix: T001 typo",
        "refactor: T001 model",
        "Goals\n\nAlso fixes T001 wording",
        "complete T001 docs",
        "closes T001?",
        "docs: T001: plan only",
        "docs(T001): plan only",
        "docs: the plan (T001)",
        "plan: T001",
        "chore(deps)!: T001",
        "Chore: [T001] tidy up",
        "revert: T001: goals",
        "docs: fix T001",
    ],
)
def test_who_only_names_a_record_does_not_close_it(message: str) -> None:
    assert Says.DONE not in said_in(message).values()
    assert Says.BEGUN not in said_in(message).values()


@pytest.mark.parametrize(
    "message",
    [
        "Goals\n\nRemove it when A-1 is done.",
        "Remove it when A-1 is done.",
        "Unblock users until A-1 is done",
        "Goals\n\nMore of it once A-1 is complete",
        "Goals\n\nnot yet A-1 is done",
        "not yet A-1 is done",
        "Goals\n\nIf all goes well, A-1 is done",
        "Goals\n\nA-1 is done when the tests pass",
        "Is A-1 done?",
        "A-1 is done once B lands",
        "Make sure that A-1 is done",
        "Stops closing A-1",
        "Goals\n\nIt no longer closes A-1",
        "Starts implementing A-1",
        "Partly implements A-1",
        "Un-complete A-1",
        "(Un)complete A-1",
        "Reopen (A-1)",
        "Re-open the task again (A-1)",
        "Reopen the goals task [A-1]",
        "chore: postpone (A-1)",
        "reopen: A-1 goals",
        "TODO: A-1 goals",
        "A-1 postponed",
        "A-1: postponed until May",
        "A-1 skipped",
        "A-1: skip",
        "A-1 is still open",
        "A-1 should wait",
        "A-1 isn't there yet",
        "Goals\n\n```\ncloses A-1\n```",
        "Goals\n\n~~~sh\ncloses A-1\n```\n- [x] A-1\n~~~",
        "Goals\n\n```\ncloses A-1",
        "Goals\n\nOne may write `closes A-1` now",
        'Goals\n\nOne may write "closes A-1" now',
    ],
)
def test_a_doubtful_word_marks_nothing_and_is_told(message: str) -> None:
    assert said_in(message) == {"A-1": Says.NAMED}


@pytest.mark.parametrize(
    "message",
    ["WIP: T001 goals", "T001: goals (wip)", "Part of T001", "Start T001", "T001 (part 1)",
     "Work on T001", "T001: not yet finished"],
)  # fmt: skip
def test_who_has_only_begun_says_so(message: str) -> None:
    assert said_in(message) == {"T001": Says.BEGUN}


@pytest.mark.parametrize(
    "message", ["fixup! T001: goals", "squash! T001: goals", "7: seven", "words of it: x"]
)
def test_other_words_say_nothing(message: str) -> None:
    assert said_in(message) == {}


@pytest.mark.parametrize(
    ("trailer", "key"),
    [
        (("Task", "T001"), "T001"),
        (("Closes", "T001"), "T001"),
        (("Task", "words of it"), "words of it"),
        (("Task", "7"), "7"),
    ],
)
def test_trailers_close_records_in_merges_too(trailer: tuple[str, str], key: str) -> None:
    text = f"Merge T002\n\n{trailer[0]}: {trailer[1]}"
    assert said_in(text, trailer, merge=True) == {key: Says.DONE}


@pytest.mark.parametrize(
    ("name", "value", "keys"),
    [
        ("Closes", "#T001, T002 and T003: goals", ["T001", "T002", "T003"]),
        ("Closes", "tasks T001-T002.", ["T001", "T002"]),
        ("Task", "T001 Create the goal model of T002", ["T001"]),
        ("Fixes", "T001 typo", []),
        ("Fixes", '0123456789ab ("T001: goals")', []),
        ("Implements", "a part of T001", []),
    ],
)
def test_a_trailer_closes_what_it_lists(name: str, value: str, keys: list[str]) -> None:
    assert list(said_in(f"Goals\n\n{name}: {value}", (name, value))) == keys


def test_other_trailers_do_not() -> None:
    trailer = ("Refs", "T001")
    assert said_in("Goals\n\nRefs: T001", trailer) == {}


def test_a_reverted_commit_does_not_count_until_that_is_reverted() -> None:
    first = commit("T001: goals", n=1)
    back = commit(f'Revert "T001: goals"\n\nThis reverts commit {first.id}.', n=2)
    again = commit(f'Reapply "T001: goals"\n\nThis reverts commit {back.id}.', n=3)
    found = said_by([back, first], IDS)
    assert [key for key, word in found.words.items() if word.says is Says.DONE] == []
    assert list(found.taken_back) == ["T001"]
    found = said_by([again, back, first], IDS)
    assert found.words["T001"].commit is first
    assert found.taken_back == {}


def test_what_was_undone_counts_only_if_it_landed_again() -> None:
    file = ("Gangsaw-File", "tasks.md")
    first = commit("T001 lands", ("Gangsaw-Task", "T001"), file, n=1, merge=True)
    undo = commit("Undo", ("Gangsaw-Undo", "T001"), file, n=2)
    again = commit("T001 lands", ("Gangsaw-Task", "T001"), file, n=3, merge=True)
    found = said_by([undo, first], IDS, "tasks.md".__eq__)
    assert found.words == {}
    assert list(found.taken_back) == ["T001"]
    found = said_by([again, undo, first], IDS, "tasks.md".__eq__)
    assert found.words["T001"].commit is again
    assert found.taken_back == {}
    other = commit("Undo", ("Gangsaw-Undo", "T001"), ("Gangsaw-File", "other.md"), n=4)
    assert said_by([other, again], IDS, "tasks.md".__eq__).words["T001"].commit is again


@pytest.mark.parametrize("name", ["T001", "t001"])
@pytest.mark.parametrize(
    ("file", "says"),
    [
        (("Gangsaw-File", "specs/a/tasks.md"), {"T001": Says.DONE}),
        (("Gangsaw-File", "specs/b/tasks.md"), {}),
        (("Reviewed-by", "Di <di@x.org>"), {"T001": Says.NAMED}),
    ],
)
def test_what_has_landed_is_of_the_file_that_it_names(
    name: str, file: tuple[str, str], says: dict[str, Says]
) -> None:
    """Whatever else the message says: it may hold words of an agent."""
    trailers = (("Closes", "T003"), ("Gangsaw-Task", name), file)
    found = said_by([commit("T002: goals", *trailers)], IDS, "specs/a/tasks.md".__eq__)
    assert {key: word.says for key, word in found.words.items()} == says
    assert not found.spoken


def test_an_agents_commit_leaves_the_word_to_the_landing() -> None:
    first = commit("T001: goals", n=1)
    file = (("Gangsaw-Task", "T002"), ("Gangsaw-File", "f"))
    inner = Commit("f" * 40, 9.0, f"T003: x\n\nThis reverts commit {first.id}.", file, False, True)
    found = said_by([inner, first], IDS, "f".__eq__)
    assert found.words == {}
    assert list(found.taken_back) == ["T001"]


def test_words_that_may_be_of_another_file_do_not_count() -> None:
    commits = [commit("closes T001 and t002", n=2), commit("T001: goals", n=1)]
    found = said_by(commits, IDS)
    assert found.spoken == {
        (commits[0].id, "t001"),
        (commits[0].id, "t002"),
        (commits[1].id, "t001"),
    }
    found = said_by(commits, IDS, unclear={(commits[0].id, "t001")})
    assert found.words["T001"].commit is commits[1]
    assert found.unclear == {"T001": commits[0]}


def test_the_newest_that_says_most_is_the_commit() -> None:
    commits = [commit("About T001", n=4), commit("T001: more", n=3), commit("T001: goals", n=2),
               commit("WIP T001", n=1)]  # fmt: skip
    word = said_by(commits, IDS).words["T001"]
    assert (word.says, word.commit) == (Says.DONE, commits[1])


def test_records_that_are_not_there_are_told() -> None:
    found = said_by([commit("T777: goals"), commit("T900-T902: more"), commit("about T778")], IDS)
    assert list(found.unknown) == ["T777", "T900"]


def test_a_range_as_long_as_a_book_is_cut() -> None:
    found = said_by([commit("T001-T999999: all")], IDS)
    assert len(found.words) == 29


def test_odd_messages_take_no_long_time_and_raise_nothing() -> None:
    for text in ("", "T001 " * 50_000, "(" * 100_000, "a-" * 50_000, "close " * 20_000 + "T001",
                 "\n" * 90_000 + "T001: x", "T001-" * 20_000, "\udcff T001: x\x00"):  # fmt: skip
        said_by([commit(text)], IDS)
