"""What people and agents may say to a task, and when it is sent back for what was said.

People say, answer, take an attempt over and hand it back. Agents, whose requests carry the attempt
they come from, say, ask, claim paths, release them and say that they are done; they steer nobody.
A message of a person's is never lost: work that would land without it goes back for one more turn.
"""

from __future__ import annotations

from gangsaw.core import events as ev
from gangsaw.core import events_talk as et
from gangsaw.core.messages import Message
from gangsaw.core.model import TurnKind
from gangsaw.core.observations import Asked
from gangsaw.core.phases import AGENT_ALIVE, Phase
from gangsaw.core.policy.retry import is_spent
from gangsaw.core.reopening import LATER, Answer
from gangsaw.core.scopes import is_pattern, overlaps
from gangsaw.core.state import Attempt, State, TaskState, is_live, landing_of

PEOPLE_VERBS = ("say", "answer", "take", "hand_back")
AGENT_VERBS = ("say", "ask", "heard", "unask", "claim", "release", "done")
VERBS = tuple(dict.fromkeys((*PEOPLE_VERBS, *AGENT_VERBS)))

TEXT_MAX = 20_000
"""Characters of one message, question or answer."""
MESSAGES_MAX = 50
"""Messages that may wait for the next turn of one task."""
NUDGES_MAX = 3
"""How often the work of one attempt goes back for words of other agents alone."""
QUESTIONS_MAX = 10
"""Questions that one attempt may have open at once."""
CLAIMS_MAX = 100
"""Paths that one attempt may claim."""
PATH_MAX = 500
PATTERN_MAX = 100
"""Characters of a claimed pattern. Whether two patterns meet takes as long as the product of their
lengths, and it is looked at for every task that could start."""

_TAKEABLE = frozenset(
    {Phase.STARTING, Phase.RUNNING, Phase.REVIEWING, Phase.RETURNED, Phase.PARKED}
)
_ON_ITS_WAY = frozenset({Phase.QUEUED, Phase.LANDING})
_SPENT = "its budget is spent; to go on all the same: gangsaw retry {task}"
_SENT_BACK = _ON_ITS_WAY | {Phase.REVIEWING}


def refusal(asked: Asked) -> str:
    """Why nothing is done about a request, whatever it asks for; empty if there is no reason."""
    if asked.refused:
        return asked.refused
    if asked.attempt and asked.verb not in AGENT_VERBS:
        return f"an agent may not {asked.verb}; a person has to ask for that"
    if not asked.attempt and asked.verb in AGENT_VERBS and asked.verb not in PEOPLE_VERBS:
        return f"only an agent may {asked.verb}, from inside its worktree"
    return ""


def answer(state: State, asked: Asked) -> Answer:
    """The facts that follow from a request with one of `VERBS`, whether it is granted, and why."""
    if asked.verb in PEOPLE_VERBS and asked.task not in state.tasks:
        return _refused(f"there is no task '{asked.task}' in {state.run}")
    if asked.verb in ("say", "answer", "ask"):
        if not asked.text.strip():
            return _refused("there is nothing in it")
        if len(asked.text) > TEXT_MAX:
            return _refused(f"{len(asked.text)} characters are more than the {TEXT_MAX} allowed")
    match asked.verb:
        case "say":
            return _say(state, asked)
        case "answer":
            return _answer(state, asked)
        case "take":
            return _take(state, asked)
        case "hand_back":
            return _hand_back(state, asked)
        case _:
            return _of_agent(state, asked)


def in_hand_text(attempt: Attempt | None) -> str:
    """Why people cannot decide about an attempt that another works in; empty where nobody does."""
    if attempt is None or not attempt.taken_by or not is_live(attempt):
        return ""
    return (
        f"{attempt.taken_by} has taken {attempt.task} over; "
        f"try gangsaw attach {attempt.task} --hand-back first"
    )


# --- messages -----------------------------------------------------------------------------------


def has_word_for(state: State, attempt: Attempt) -> bool:
    """Whether messages or answers wait for the attempt's next turn."""
    return bool(_words_for(state, attempt.task))


def goes_back(state: State, attempt: Attempt) -> bool:
    """Whether finished work must not go on before its agent has read what waits for it: a word of
    a person's always, one of another agent's `NUDGES_MAX` times."""
    messages = _words_for(state, attempt.task)
    if not messages or is_spent(state, attempt):
        return False
    return attempt.nudged < NUDGES_MAX or any(not said.agent for said in messages)


def unread_by(state: State, attempt: Attempt) -> str:
    """Who left a word that the agent cannot be told any more, since the money is spent."""
    messages = _words_for(state, attempt.task)
    from_people = [said.by for said in messages if not said.agent]
    return from_people[0] if from_people and not goes_back(state, attempt) else ""


def back_text(state: State, task: str) -> str:
    """Why work goes back for what was said."""
    names = ", ".join(dict.fromkeys(said.by for said in _words_for(state, task)))
    return f"{names} left a message"


def _words_for(state: State, task: str) -> list[Message]:
    """What waits for the task's next turn and is worth a turn of its own."""
    return [said for said in state.task_states[task].messages if not said.advice]


def _say(state: State, asked: Asked) -> Answer:
    known, attempt = state.task_states[asked.task], _live_attempt(state, asked.task)
    why_not = _cannot_be_told(state, asked, known, attempt)
    if why_not:
        return _refused(why_not)
    sender = state.attempts[asked.attempt].task if asked.attempt else ""
    by = f"the agent of {sender}" if sender else asked.by
    left = et.MessageLeft(asked.task, asked.key, asked.text, by, asked.attempt)
    return _leave(state, attempt, known, left)


def _answer(state: State, asked: Asked) -> Answer:
    known, attempt = state.task_states[asked.task], _live_attempt(state, asked.task)
    waiting = [one for one in attempt.asked if one.waits] if attempt else []
    if attempt is not None and waiting:
        first = waiting[0]
        facts = [et.QuestionAnswered(attempt.id, first.key, asked.text, asked.by)]
        return [*facts], True, f"answered; the agent of {asked.task} was waiting for it"
    question = attempt.question if attempt else ""
    if not question and not (attempt and attempt.phase is Phase.PARKED):
        return _refused(
            f"{asked.task} has asked nothing; to tell it something: gangsaw say {asked.task} TEXT"
        )
    why_not = _cannot_be_told(state, asked, known, attempt)
    if why_not:
        return _refused(why_not)
    left = et.MessageLeft(asked.task, asked.key, asked.text, asked.by, question=question)
    return _leave(state, attempt, known, left)


def _cannot_be_told(state: State, asked: Asked, known: TaskState, attempt: Attempt | None) -> str:
    task = asked.task
    if known.finished:
        again = f"; to take it back: gangsaw undo {task}" if known.landed_commit else ""
        return f"{task} has landed and nobody works on it any more; try a new task{again}"
    if asked.attempt and state.attempts[asked.attempt].task == task:
        return f"{task} is your own task"
    if len(known.messages) >= MESSAGES_MAX:
        return f"{MESSAGES_MAX} messages wait for {task} already"
    if attempt is None:
        return ""
    if attempt.phase in _ON_ITS_WAY:
        found = landing_of(state, attempt.id)
        if asked.attempt or (found is not None and found.wanted):
            return f"the work of {task} is being put on the integration branch; try a new task"
    if attempt.phase in _SENT_BACK and not asked.attempt and is_spent(state, attempt):
        return f"the budget for {task} is spent, so its agent cannot go on with it"
    return ""


def _leave(state: State, attempt: Attempt | None, known: TaskState, left: et.MessageLeft) -> Answer:
    """The message, and the work sent back at once where only a person or the queue has it."""
    task = left.task
    if attempt is None:
        idle = known.given_up or known.cancelled or known.undone
        when = (
            f"nobody works on it until: gangsaw retry {task}" if idle else "it is told at its start"
        )
        return [left], True, f"left for {task}; {when}"
    if attempt.phase is Phase.PARKED and attempt.parked_until is None and not attempt.in_hand:
        if is_spent(state, attempt):
            return [left], True, f"left for {task}; {_SPENT.format(task=task)}"
        return [left], True, f"{task} goes on with that as soon as a slot is free"
    if attempt.phase in _SENT_BACK and not left.agent and not attempt.taken_by:
        back = ev.WorkReturned(attempt.id, ev.Cause.SAID, f"{left.by} left a message")
        return [left, back], True, f"{task} goes back to its agent with that"
    return [left], True, f"left for {task}; it is told with its next turn, before anything lands"


# --- taking over --------------------------------------------------------------------------------


def taken(attempt: Attempt) -> list[ev.Event]:
    """What follows while somebody wants to work in the attempt's place: nothing more runs."""
    free = attempt.phase in (Phase.EXITED, Phase.RETURNED, Phase.REVIEWING, Phase.PARKED)
    if attempt.in_hand or not free:
        return []
    return [et.AttemptTaken(attempt.id, attempt.taken_by)]


def _take(state: State, asked: Asked) -> Answer:
    attempt = _live_attempt(state, asked.task)
    if attempt is None:
        return _refused(f"nobody works on {asked.task} now; see: gangsaw why {asked.task}")
    if attempt.taken_by:
        return _refused(in_hand_text(attempt))
    if state.stopping:
        return _refused("the run is being stopped; go on with: gangsaw run")
    if attempt.phase in _ON_ITS_WAY:
        return _refused(f"the work of {asked.task} is on its way onto the integration branch")
    if attempt.phase not in _TAKEABLE:
        return _refused(f"{asked.task} is {attempt.phase}; {LATER}")
    text = "its agent is being stopped" if attempt.phase in AGENT_ALIVE else "nothing of it runs"
    return [et.TakeWanted(attempt.id, asked.by)], True, f"{asked.task} is yours; {text}"


def _hand_back(state: State, asked: Asked) -> Answer:
    attempt = _live_attempt(state, asked.task)
    if attempt is None or not attempt.taken_by:
        return _refused(f"nobody has taken {asked.task} over")
    if not attempt.in_hand:
        return _refused(f"the agent of {asked.task} is still being stopped; {LATER}")
    text = f"the agent of {asked.task} goes on"
    if is_spent(state, attempt):
        text = f"{asked.task} waits: {_SPENT.format(task=asked.task)}"
    return [et.HandedBack(attempt.id, asked.by)], True, text


# --- agents -------------------------------------------------------------------------------------


def _of_agent(state: State, asked: Asked) -> Answer:
    attempt = state.attempts.get(asked.attempt)
    if attempt is None or not is_live(attempt):
        return _refused(f"{asked.attempt} is over")
    match asked.verb:
        case "heard":
            heard = any(said.key == asked.text for said in state.task_states[attempt.task].messages)
            return [et.AnswerHeard(attempt.id, asked.text)] if heard else [], True, "noted"
        case "release":
            return _release(attempt, asked.paths)
    if attempt.phase not in AGENT_ALIVE:
        return _refused(f"the turn of {asked.attempt} is over")
    match asked.verb:
        case "ask":
            return _ask(attempt, asked)
        case "unask":
            open_ones = any(one.key == asked.text and one.waits for one in attempt.asked)
            return [et.QuestionDropped(attempt.id, asked.text)] if open_ones else [], True, "noted"
        case "claim":
            return _claim(state, attempt, asked.paths)
        case _ if attempt.why is TurnKind.REVIEW:
            return [], True, "noted"  # a reviewer's word is its answer, and nothing else
        case _:
            return [et.DoneSaid(attempt.id, attempt.launch, asked.text[:TEXT_MAX])], True, "noted"


def _ask(attempt: Attempt, asked: Asked) -> Answer:
    if len(attempt.asked) >= QUESTIONS_MAX:
        return _refused(f"{QUESTIONS_MAX} questions of yours are open already")
    put = ev.QuestionAsked(
        attempt.id, attempt.launch, asked.text, asked.key, asked.by, waits=bool(asked.number)
    )
    return [put], True, "asked"


def _claim(state: State, attempt: Attempt, paths: tuple[str, ...]) -> Answer:
    for path in paths:
        if not path or len(path) > PATH_MAX or path.startswith("/") or ".." in path.split("/"):
            return _refused(f"'{path[:PATH_MAX]}' is no path below the worktree")
        if is_pattern(path) and len(path) > PATTERN_MAX:
            return _refused(f"a pattern has at most {PATTERN_MAX} characters; try naming a folder")
    wanted = tuple(path for path in dict.fromkeys(paths) if path not in attempt.claims)
    if not paths:
        return _refused("no path is named")
    if len(attempt.claims) + len(wanted) > CLAIMS_MAX:
        return _refused(f"more than {CLAIMS_MAX} claims of one attempt")
    for path in wanted:
        holder = holder_of(state, attempt, path)
        if holder:
            return _refused(f"{path} is held by {holder}")
    facts: list[ev.Event] = [et.PathsClaimed(attempt.id, wanted)] if wanted else []
    return facts, True, f"yours until you release it or are done: {', '.join(paths)}"


def holder_of(state: State, attempt: Attempt, path: str) -> str:
    """The other live attempt that has the path (or some of it), and by what; empty if none."""
    for other in state.live_attempts():
        if other.task == attempt.task or not is_live(other):
            continue
        for entry in other.claims:
            if overlaps((path,), (entry,)):
                return f"{other.task}, which has claimed {entry}"
        for entry in state.tasks[other.task].scope:
            if overlaps((path,), (entry,)):
                return f"{other.task}, whose scope has {entry}"
    return ""


def _release(attempt: Attempt, paths: tuple[str, ...]) -> Answer:
    gone = tuple(path for path in attempt.claims if not paths or path in paths)
    unknown = [path for path in paths if path not in attempt.claims]
    if unknown:
        return _refused(f"{unknown[0]} is not claimed by you")
    return [et.PathsReleased(attempt.id, gone)] if gone else [], True, "released"


def _live_attempt(state: State, task: str) -> Attempt | None:
    attempt = state.attempt_of(task)
    return attempt if attempt is not None and is_live(attempt) else None


def _refused(text: str) -> Answer:
    return [], False, text
