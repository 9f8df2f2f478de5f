"""The corpus on disk: <rule>/<name>.eml, and beside it the reading expected of it as JSON."""

import json
from pathlib import Path

from tests.mail.mails.build import HardMail

CORPUS = Path(__file__).parent / "corpus"


def documents(hard: HardMail) -> dict[Path, bytes]:
    stem = CORPUS / hard.rule / hard.name
    reading = json.dumps(hard.reading, ensure_ascii=False, indent=2) + "\n"
    return {stem.with_name(f"{hard.name}.eml"): hard.raw, stem.with_name(f"{hard.name}.json"): reading.encode()}
