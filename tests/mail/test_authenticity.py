"""Whose Authentication-Results count, and how one is read. What is concluded from them is in the corpus."""

import pickle

import authres
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.mail.authenticity import judge, read_results, trust_of
from bot.mail.parsed import Verdict
from bot.mail.structure import Field


@pytest.mark.parametrize(
    ("imap_server", "authserv_id", "known", "proven", "described"),
    [
        ("imap.gmail.com", "", True, True, "Gmail"),
        ("IMAP.Gmail.com.", "", True, True, "Gmail"),
        ("imap.fastmail.com", "", True, True, "Fastmail"),
        ("imap.mail.me.com", "", True, True, "iCloud"),
        ("posteo.de", "", True, True, "Posteo"),
        ("imap.mail.yahoo.com", "", True, True, "Yahoo"),
        ("imap.aol.com", "", True, True, "AOL"),
        ("outlook.office365.com", "", True, False, "unproven"),
        ("mail.casewire.example", "", False, False, "EMAIL_AUTHSERV_ID"),
        ("imap.gmail.com.mallory.example", "", False, False, "EMAIL_AUTHSERV_ID"),
        ("", "", False, False, "EMAIL_AUTHSERV_ID"),
        ("mail.casewire.example", "mx.casewire.example", True, True, "mx.casewire.example"),
        ("imap.gmail.com", "relay.casewire.example", True, True, "relay.casewire.example"),
    ],
)
def test_whose_word_counts(imap_server: str, authserv_id: str, known: bool, proven: bool, described: str) -> None:
    trust = trust_of(imap_server, authserv_id)
    assert (trust.is_known, trust.is_proven) == (known, proven)
    assert described in trust.described
    assert pickle.loads(pickle.dumps(trust)) == trust


def test_a_name_is_no_pattern() -> None:
    fields = (Field("authentication-results", b"mxx.example; dmarc=pass header.from=example.org"),)
    assert judge(fields, "a@example.org", trust_of("", "mx..example")).verdict is Verdict.UNTRUSTED
    assert judge(fields, "a@example.org", trust_of("", ".*")).verdict is Verdict.UNTRUSTED


words = st.sampled_from(["dkim", "spf", "dmarc", "pass", "fail", "none", "example.org", "a", "1"])
comments = st.sampled_from(["", "", " (a)", " (a (b) c)", " (;dmarc=pass)", r" (\))", ' (")'])
values = st.one_of(
    words, st.sampled_from(['"x y"', '"a; dmarc=pass"', r'"\"; dmarc=pass"', "@example.org", "a@example.org"])
)
properties = st.builds("{} header.{}={}".format, comments, st.sampled_from(["from", "d", "i", "b"]), values)
results = st.builds(
    lambda method, result, comment, more: f"{method}={result}{comment}{''.join(more)}",
    st.sampled_from(["dkim", "spf", "dmarc"]), st.sampled_from(["pass", "fail", "none", "temperror"]), comments,
    st.lists(properties, max_size=3),
)  # fmt: skip


@given(comments, st.lists(results, max_size=4), comments)
def test_what_the_library_can_read_is_read_the_same(behind_name: str, found: list[str], end: str) -> None:
    value = f"mx.example.org{behind_name}; {'; '.join(found) or 'none'}{end}"
    try:
        expected = authres.AuthenticationResultsHeader.parse(f"Authentication-Results: {value}")
    except authres.AuthResError:
        assume(False)
        raise
    name, read = read_results(value)
    assert name == expected.authserv_id
    told = [each for each in expected.results if hasattr(each, "method")]
    assert [(each.method, each.result) for each in read] == [(each.method, each.result) for each in told]
    for ours, theirs in zip(read, told, strict=True):
        # Of a property given twice the library keeps the last; here both are kept, and then neither is believed.
        # It leaves the backslashes of quoted pairs.
        plain = {(f"{each.type}.{each.name}", each.value.lower().replace("\\", "")) for each in theirs.properties}
        assert plain <= set(ours.properties)
