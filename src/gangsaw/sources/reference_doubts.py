"""Where the words of a commit about a record are no certain word that it is done.

"Remove it when T001 is done", "stops closing T001", "T001 postponed", "Reopen (T001)": a mark that
is set too early starts what waits for the record, one that is not set costs a look. So a doubtful
mention is as good as a name: it is told and marks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_I = re.IGNORECASE
_LATER = (
    r"when(?:ever)?|once|until|till?|unless|if|whether|before|after|while|as\s+soon\s+as|as\s+long\s+as|"
    r"so\s+that|in\s+case|provided|assum(?:e[sd]?|ing)|(?:en|as)sures?|make\s+sure|check(?:s|ing)?|"
    r"requires?|needs?|wait(?:s|ing)?|depend(?:s|ing)?|expect(?:s|ed)?|hop(?:es?|ing)|"
    r"pretend(?:s|ing)?|as\s+if|as\s+though"
)
_UNTRUE = (
    r"not|no|never|neither|nor|without|cannot|hardly|todo|almost|nearly|half|part(?:ial)?ly|mostly|"
    r"will|would|should|shall|must|can|could|may|might"
)
_ENDS = (
    r"stop(?:s|ped|ping)?|avoid(?:s|ed|ing)?|prevent(?:s|ed|ing)?|fail(?:s|ed|ing)?|quit(?:s|ting)?|"
    r"refus(?:e[sd]?|ing)|forg[eo]t(?:s|ting)?|delay(?:s|ed|ing)?|tr(?:y|ies|ied|ying)|"
    r"start(?:s|ed|ing)?|beg[aiu]n(?:s|ning)?|plan(?:s|ned|ning)?|prepar(?:e[sd]?|ing)|"
    r"instead\s+of|rather\s+than|to|half-?way"
)
_BEFORE_WORD = re.compile(
    rf"(?:\b(?:{_UNTRUE}|{_LATER}|{_ENDS})|n['’]t)[\s,]+(?:[\w-]+\s+){{0,2}}\Z", _I
)
_IN_SENTENCE = re.compile(rf"\b(?:{_UNTRUE}|{_LATER})\b|n['’]t\b", _I)
_SENTENCE_END = re.compile(r"[.!?;](?=\s)")
_AFTER_WORD = re.compile(
    rf"\s*(?:\?|,?\s*\b(?:{_LATER}|except|but|only|soon|later|tomorrow|next)\b)", _I
)

_PUT_OFF = (
    r"re-?open(?:s|ed|ing)?|postpon(?:e[sd]?|ing)|skip(?:s|ped|ping)?|defer(?:s|red|ring)?|"
    r"suspend(?:s|ed)?|paus(?:e[sd]?|ing)|delay(?:s|ed)?|drop(?:s|ped|ping)?|cancel(?:s|l?ed|l?ing)?|"
    r"abandon(?:s|ed|ing)?|reject(?:s|ed)?|un-?(?:do|does|done|tick(?:s|ed)?|complete[sd]?|block(?:s|ed)?)|"
    r"block(?:s|ed)?|todo|to\s+do|plan(?:s|ned|ning)?|prepar(?:e[sd]?|ing)|schedul(?:e[sd]?|ing)|"
    r"move[sd]?|assign(?:s|ed)?|discuss(?:es|ed)?|try|tries|attempt(?:s|ed)?"
)
_NOUN = r"(?:tasks?|issues?|items?|records?|stor(?:y|ies)|tickets?|work)"
_FILLER = rf"(?:the|this|that|these|those|it|them|our|again|now|for|of|temporarily|{_NOUN})"
_KIND = r"(?:\([^()]*\))?!?:"
_TYPED = rf"(?:(?:{_PUT_OFF}){_KIND}|[a-z]+{_KIND}\s*(?:{_PUT_OFF})\b|(?:{_PUT_OFF})\b)"
_PUT_OFF_LEAD = re.compile(
    rf"\s*{_TYPED}(?:[\s,:]+{_FILLER}\b)*(?:\s.*\b{_NOUN})?[\s:,–—-]*[(\[#\s]*", _I
)
_STANDING = (
    r"re-?opened|postponed|skipped|deferred|suspended|paused|delayed|dropped|cancell?ed|abandoned|"
    r"rejected|reverted|undone|unticked|blocked|stuck|pending|planned|scheduled|moved|unassigned|"
    r"failed|waiting|on\s+hold|open|todo|to\s+do|next|later|broken|started|tbd"
)
_WHY = (
    r"until|till|for|because|due|as|since|in|on|to|again|by|from|while|when|after|and|but|"
    r":|-|–|—|\("
)
_STANDS_SO = re.compile(
    rf"[\])\s:,–—-]*(?:(?:is|are|was|were|has|have|been|be|still|now|again|yet)\s+)*"
    rf"(?:(?:{_STANDING})(?:\s*[.,;!?)\]]*\s*\Z|[.,;]?\s+(?:{_WHY})(?!\w))"
    r"|(?:re-?open|postpone|skip|defer|suspend|pause|delay|drop|cancel|abandon|reject|undo)"
    r"(?:\s+(?:for\s+now|again|it|this))?\s*[.!]?\s*\Z)",
    _I,
)
_SPOKEN_OF = re.compile(
    r"\s+(?:is|are|was|were|will|would|should|shall|must|can|could|may|might|cannot|needs?|to\s+be|"
    r"has|have|still|not|never|remains?|comes?|waits?|depends?|requires?|blocks?|"
    r"[a-z]+n['’]t)\b"
)
_TYPE = re.compile(r"([a-z]+)(?:\([^()]*\))?!?:", _I)
_ASIDE = (
    "docs", "doc", "wip", "plan", "plans", "planning", "chore", "revert", "draft", "spec", "specs",
    "design", "style", "typo", "todo",
)  # fmt: skip
_REPAIRS = ("fix", "hotfix", "bugfix", "refactor", "perf")
_ENDED = re.compile(
    r"""[\])}'’"”`*_]*(?:\s*\Z|\s*[.,;:!–—|✅✓✔]|\s+[-("“'&+]|"""
    r"\s+(?:and|by|with|using|via|through|too|also|as\s+well|now|finally|at\s+last|completely|"
    r"entirely|fully|for\s+good|together|along|plus|which|thereby|(?:is|are)\s+(?:now\s+)?"
    r"(?:done|completed?|finished))\b)",
    _I,
)
_FENCE = re.compile(r"\s{0,9}(`{3,}(?=[^`]*\Z)|~{3,})(.*)")


def goes_on(tail: str) -> bool:
    """Whether what follows a record after a word such as "fixes" makes it a part of something else:
    `fix T002 typo` is about a typo, `fixes T002: typo`, `fixes T002 with a lock` are not."""
    return _ENDED.match(tail) is None


def is_aside(subject: str) -> bool:
    """Whether the type of a subject says that it is no work on a task: `docs: …`, `chore(a): …`."""
    kind = _TYPE.match(subject)
    return kind is not None and kind[1].lower() in _ASIDE


def is_repair(subject: str) -> bool:
    """Whether the type of a subject says that something that was there is made better."""
    kind = _TYPE.match(subject)
    return kind is not None and kind[1].lower() in _REPAIRS


def doubtful_verb(before: str) -> bool:
    """Whether what stands before a word such as "closes" takes it back: `not`, `stops`, `until`."""
    return _BEFORE_WORD.search(before) is not None


def doubtful_state(before: str, after: str) -> bool:
    """Whether a sentence that says `T001 is done` says so under a condition, for later, or not at
    all. `after` is what follows those words."""
    begin = max((match.end() for match in _SENTENCE_END.finditer(before)), default=0)
    return _IN_SENTENCE.search(before, begin) is not None or _AFTER_WORD.match(after) is not None


def doubtful_place(lead: str, tail: str) -> bool:
    """Whether a subject with the record in its place says what else became of it: `T001 skipped`,
    `Reopen (T001)`, `T001 should wait`."""
    return (
        _PUT_OFF_LEAD.fullmatch(lead) is not None
        or _STANDS_SO.match(tail) is not None
        or _SPOKEN_OF.match(tail) is not None
    )


def is_quoted(lead: str, tail: str) -> bool:
    """Whether it stands between backticks or quotation marks that something else shares."""
    return any(lead.count(mark) % 2 and mark in tail for mark in ("`", '"'))


def with_code(lines: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is a part of a fenced block of code. A fence that nobody closes
    lasts to the end."""
    fence = ""
    for line in lines:
        mark = _FENCE.fullmatch(line)
        if not fence:
            fence = mark[1] if mark is not None else ""
            yield line, bool(fence)
            continue
        yield line, True
        if mark is not None and mark[1].startswith(fence) and not mark[2].strip():
            fence = ""
