"""A scripted model on loopback that speaks the vendors' protocols, with no model behind it.

It lets real, unmodified agent programs run in tests: Anthropic's Messages, OpenAI's Responses and
Chat Completions, Google's Gemini, all from one server and one scenario file. Which answer a request
gets follows from the request alone, so retries, parallel agents and a resume after a kill need no
state:

- The prompt carries a marker, `[[scenario:NAME key=value …]]`; the last one in the conversation
  counts. `{key}` in the scenario's texts is replaced by the marker's values. `cwd=` names the
  folder for relative paths; without it the one counts that the agent tells its model.
- The step is the number of tool-result rounds after that marker.
- Tools are abstract: a step says `write` or `bash` and is answered with the tool that the
  request's own list has for it, with the arguments that tool's schema asks for.
- A request that offers neither a shell nor a tool to read files is a side request (titles,
  commit messages, summaries): a fixed text and no usage. One without tools whose system text asks
  for edits in a format of text (`SEARCH/REPLACE` blocks, whole files) is none: its step is the
  number of answers after the marker, and its answer is text.

A scenario file is JSON, name → list of steps. A step is an object with any of

    {"say": "text"}                          words of the model, before its tool calls if any
    {"write": {"path": "a.txt", "content": "…"}}
    {"bash": "git add -A && git commit -m x"}
    {"apply_patch": "*** Begin Patch …"}     a patch as Codex knows it
    {"call": {"name": "…", "arguments": {}}} any tool that is offered by this name (or its end);
                                             with "unoffered": true one that is not
    {"text": "…"}                            the whole answer where no tools are offered;
    {"edit": {"path": "…", "content": "…"}}  or this file in the format asked for (else `write`)
    {"usage": {"input": 1200, "output": 25, "cached": 300, "cache_write": 0, "reasoning": 0}}
    {"gate": "name"}                         the answer waits until the test opens the gate
    {"fault": "overloaded"}                  see `gangsaw.testing.models.faults`

A request without any key is refused as the vendor would; which key it is does not matter.

A conversation that goes on beyond its scenario gets the last step's words again, without tools.
The one piece of state are the tries of each step (by marker and step), for faults that pass.

Control (also over HTTP, for use from another process): `GET /__log` lists the requests seen,
`GET /__waiting` the gates at which requests stand, `POST /__open/NAME` opens a gate for good.

    python -m gangsaw.testing.models --scenarios FILE --port 0      prints its port
"""

from __future__ import annotations

from gangsaw.testing.models.faults import FaultKind
from gangsaw.testing.models.script import Scenarios, Step
from gangsaw.testing.models.server import DIALECTS, ModelServer, Seen

__all__ = ["DIALECTS", "FaultKind", "ModelServer", "Scenarios", "Seen", "Step"]
