"""`gangsaw trust`: agree to the setup of a repository, or take that back."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gangsaw.cli import output
from gangsaw.cli.config_option import config_option
from gangsaw.cli.place import here
from gangsaw.cli.project import open_project
from gangsaw.cli.requests import user_name
from gangsaw.cli.trusting import described
from gangsaw.core.errors import UserError
from gangsaw.engine.trust import is_trusted, revoke, setup_in, setup_of, trust, trusted
from gangsaw.store.control import make_control


@click.command("trust")
@click.option("--in", "folder", type=click.Path(path_type=Path, exists=True, file_okay=False),
              metavar="DIR", help="As it lies in this checkout or worktree.")  # fmt: skip
@click.option("--list", "only_list", is_flag=True, help="Show what was agreed to; change nothing.")
@click.option("--revoke", "take_back", is_flag=True, help="Forget everything that was agreed to.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print setup and agreements as an object.")
def command(
    folder: Path | None, only_list: bool, take_back: bool, config: Path | None, as_json: bool
) -> int:
    """Agree to the `setup` of [worktree] as it is now: its line and the files that it names.

    Before a setup is run for the first time, or after it changed, gangsaw run asks at a terminal,
    and refuses elsewhere. What you agreed to is kept in the control folder, which no commit
    reaches. Checks are commands that you ask to be run, and need no agreement.

    \b
    Examples:
      gangsaw trust
      gangsaw trust --list
      gangsaw trust --revoke
    """
    if only_list and take_back:
        raise UserError("cannot show and forget at once; try one of --list and --revoke")
    project = open_project(here(), os.environ, config)
    control = make_control(project.repo.control_dir).root
    line = project.settings.worktree.setup
    setup = None
    if line is not None:
        setup = setup_in(folder, line) if folder else setup_of(project.repo, line)
    forgotten = revoke(control) if take_back else 0
    if setup is not None and not only_list and not take_back:
        trust(control, setup, user_name())
    known = trusted(control)
    is_agreed = setup is not None and is_trusted(control, setup)
    if as_json:
        output.say_json(
            {"schema_version": 1, "setup": line, "trusted": is_agreed,
             "agreed": [{"line": e.line, "files": list(e.files), "by": e.by} for e in known]}
        )  # fmt: skip
    elif take_back:
        output.say(f"Forgotten: {forgotten}. Nothing is trusted now.")
    elif only_list:
        for each in known:
            files = f"  (with {', '.join(each.files)})" if each.files else ""
            output.say(f"{each.line}{files}  by {each.by}")
        if line is not None and not is_agreed:
            output.say(f"not trusted: {line}; try: gangsaw trust")
    elif setup is None:
        output.say("There is no setup in [worktree] of the settings; nothing to agree to.")
    else:
        output.say(f"{described(setup)}\nTrusted, until it changes.")
    return 0
