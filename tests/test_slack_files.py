"""Files as events tell of them, whatever the events tell."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk.model import File, FileTrouble
from bot.slack_files import read_file, read_files

URL = "https://files.slack.com/files-pri/T1-F1/a.png"
TOLD = {
    "id": "F1",
    "name": "a.png",
    "mimetype": "image/png",
    "size": 7,
    "mode": "hosted",
    "url_private": URL,
    "url_private_download": URL + "?download",
}


def test_what_is_told_of_a_file() -> None:
    assert read_file(TOLD) == File("F1", "a.png", "image/png", 7, URL + "?download")


def test_without_a_download_address_the_other_is_taken() -> None:
    assert read_file(TOLD | {"url_private_download": None}).url == URL


def test_what_must_be_asked_for_has_no_address_yet() -> None:
    told = {"id": "F1", "mode": "file_access", "file_access": "check_file_info"}
    assert read_file(told) == File("F1", "file")


@pytest.mark.parametrize(
    ("changed", "trouble"),
    [
        ({"mode": "tombstone"}, FileTrouble.DELETED),
        ({"file_access": "file_not_found"}, FileTrouble.DELETED),
        ({"mode": "hidden_by_limit"}, FileTrouble.HIDDEN),
        ({"mode": "external"}, FileTrouble.EXTERNAL),
        ({"is_external": True}, FileTrouble.EXTERNAL),
        ({"file_access": "access_denied"}, FileTrouble.UNREADABLE),
        ({"id": ""}, FileTrouble.UNREADABLE),
        ({"mode": "snippet"}, None),
    ],
)
def test_what_stands_in_its_way_from_the_start(changed: dict[str, Any], trouble: FileTrouble | None) -> None:
    assert read_file(TOLD | changed).trouble is trouble


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(TOLD)), inner, max_size=4),
    max_leaves=9,
)


@given(json)
def test_no_shape_of_an_event_is_too_strange(files: Any) -> None:
    for file in read_files({"files": files}):
        assert file.name
        assert file.size >= 0
        (file.id + file.url + file.mime_type).encode()
