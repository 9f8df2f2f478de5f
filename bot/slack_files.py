"""Files as Slack's events and `files.info` tell of them: https://docs.slack.dev/reference/objects/file-object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.desk.model import File, FileTrouble
from bot.text.files import file_name
from bot.text.safe import clean


def read_files(message: Mapping[str, Any]) -> tuple[File, ...]:
    """The files of a message. Never raises."""
    files = message.get("files")
    if not isinstance(files, list):
        return ()
    return tuple(read_file(file) for file in files if isinstance(file, Mapping))


def read_file(file: Mapping[str, Any]) -> File:
    """What an event leaves to be asked for (`check_file_info`) is asked for when the file is fetched."""
    asked_for_later = file.get("file_access") == "check_file_info"
    size = file.get("size")
    return File(
        id=clean(str(file.get("id") or "")),
        name=file_name(str(file.get("name") or file.get("title") or "")),
        mime_type=clean(str(file.get("mimetype") or ""))[:100],
        size=size if isinstance(size, int) and size > 0 else 0,
        url=""
        if asked_for_later
        else clean(str(file.get("url_private_download") or file.get("url_private") or "")),
        trouble=_trouble(file),
    )


def _trouble(file: Mapping[str, Any]) -> FileTrouble | None:
    mode = file.get("mode")
    if mode == "tombstone" or file.get("file_access") == "file_not_found":
        return FileTrouble.DELETED
    if mode == "hidden_by_limit":
        return FileTrouble.HIDDEN
    if mode == "external" or file.get("is_external"):
        return FileTrouble.EXTERNAL
    if file.get("file_access") in {"access_denied", "slack_file_access_denied"}:
        return FileTrouble.UNREADABLE
    return None if file.get("id") else FileTrouble.UNREADABLE
