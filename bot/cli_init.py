"""`casewire init`: from questions to a `.env` that works."""

from __future__ import annotations

import os
from pathlib import Path

from bot.cli_errors import give_up
from bot.config import ENV_FILE
from bot.setting_files import SUFFIX, read_files, written


def init() -> None:
    """Ask for the settings, try each answer, and write .env; Enter keeps what is in brackets, - empties it."""
    from bot.setup import env_file
    from bot.setup.dialogue import NAMES, Left, Terminal, answer_all, shown
    from bot.setup.draft import Draft
    from bot.setup.steps import STEPS

    path = Path(ENV_FILE)
    try:
        text = path.read_text() if path.exists() else ""
        given = written(ENV_FILE)
    except (OSError, UnicodeDecodeError) as error:
        give_up("Nothing was written.", [f"{ENV_FILE} cannot be read: {error}"])
    files = read_files([name.lower() for name in NAMES], given)
    if files.problems:
        give_up("Mend this first.", list(files.problems.values()))
    in_files = {name.upper(): value for name, value in files.values.items()}
    draft = Draft({name: given.env_file[name] for name in NAMES if name in given.env_file}, in_files)
    if problems := draft.other_problems(NAMES, NAMES):
        give_up("Mend this first: it is not among what is asked here.", problems)
    terminal = Terminal()
    questions = {question.name: question for step in STEPS for question in step.questions}
    terminal.say("Enter keeps what stands in brackets; - empties it. Nothing is written before the end.")
    try:
        answer_all(terminal, draft)
        sections = [(step.title, draft.changes(step.names)) for step in STEPS]
        changes = {name: value for _, values in sections for name, value in values.items()}
        if not changes:
            return terminal.say(f"\nNothing changed, so {ENV_FILE} stays as it is.")
        terminal.say("")
        for name, value in changes.items():
            terminal.say(f"  {name}={shown(questions[name], value)}")
        what = (
            f"Change {ENV_FILE} so? What it was stays in {ENV_FILE}{env_file.OLD}."
            if text
            else f"Write {ENV_FILE}?"
        )
        if not terminal.ask_yes(what, default=True):
            raise Left
    except (Left, KeyboardInterrupt):
        give_up("Nothing was written.", ["start again when you have the answers: casewire init"])
    try:
        env_file.write(path, env_file.changed(text or env_file.HEAD, sections))
    except OSError as error:
        give_up("Nothing was written.", [f"{ENV_FILE}: {error.strerror}"])
    terminal.say(f"{ENV_FILE} is written; only you can read it. `casewire doctor` looks the whole over.")
    for name in changes:
        if os.environ.get(name) or os.environ.get(name + SUFFIX):
            terminal.say(f"{name} is in the environment, too, and goes before {ENV_FILE}: take it out there.")
    return None
