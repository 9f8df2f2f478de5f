"""files.*: the three steps of an upload, and what became of it."""

from __future__ import annotations

import mimetypes

from bot.sandbox.composer import posted_text
from bot.sandbox.errors import SlackError
from bot.sandbox.model import Json, StoredFile, bot_message
from bot.sandbox.people import BOT_USER
from bot.sandbox.web_api.call import Api, Args, Method


def get_upload_url(api: Api, args: Args) -> Json:
    """files.getUploadURLExternal: step one."""
    length = args.number("length", 0)
    if length <= 0:
        raise SlackError("invalid_arguments")
    name = args.required("filename")
    file = StoredFile(
        id=api.workspace.new_id("F"),
        name=name,
        user=BOT_USER,
        created=int(api.clock.now()),
        base_url=api.base_url,
        size=length,
        mimetype=mimetypes.guess_type(name)[0] or "application/octet-stream",
    )
    api.workspace.files[file.id] = file
    return {"upload_url": f"{api.base_url}/upload/v1/{file.id}", "file_id": file.id}


def complete_upload(api: Api, args: Args) -> Json:
    """files.completeUploadExternal: step three; posts the files if a channel is given."""
    wanted = args.structure("files")
    if not isinstance(wanted, list) or not wanted:
        raise SlackError("invalid_arguments")
    files = []
    for item in wanted:
        file = api.workspace.files.get(str(item.get("id", "")))
        if file is None or file.content is None or file.completed:
            raise SlackError("file_not_found")
        file.title = item.get("title") or file.name
        files.append(file)
    channels = [api.joined(name) for name in args.names("channels") or args.names("channel_id")]
    for file in files:
        file.completed = True
    for channel in channels:
        fields: Json = {
            "subtype": "file_share",
            "text": posted_text(args.text("initial_comment") or ""),
            "files": [file.to_slack() for file in files],
            "upload": False,
        }
        message = api.workspace.post(channel, bot_message(fields), thread_ts=args.text("thread_ts"))
        for file in files:
            api.workspace.share_file(file, channel, message)
    return {"files": [{"id": file.id, "title": file.title} for file in files]}


def info(api: Api, args: Args) -> Json:
    """files.info."""
    file = api.workspace.files.get(args.required("file"))
    if file is None or not file.completed:
        raise SlackError("file_not_found")
    shown = file.to_slack()
    if file.user == BOT_USER and file.asked_for < api.late_shares:
        file.asked_for += 1
        shown |= {"shares": {}, "channels": [], "groups": [], "ims": []}
    if shown["file_access"] == "check_file_info":
        shown["file_access"] = "visible"
    return {"file": shown, "comments": [], "response_metadata": {"next_cursor": ""}}


def delete(api: Api, args: Args) -> Json:
    """files.delete: one's own files only. Posts that showed nothing else go with it."""
    file = api.workspace.files.get(args.required("file"))
    if file is None or not file.completed:
        raise SlackError("file_not_found")
    if file.user != BOT_USER:
        raise SlackError("cant_delete_file")
    api.workspace.delete_file(file)
    return {}


METHODS = {
    "files.getUploadURLExternal": Method(get_upload_url, ("files:write",)),
    "files.completeUploadExternal": Method(complete_upload, ("files:write",)),
    "files.info": Method(info, ("files:read",)),
    "files.delete": Method(delete, ("files:write",)),
}
