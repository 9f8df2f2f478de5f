from bot.blocks.operations import channel_trouble, item_quarantined, row_parked
from tests.blocks.reading import assert_valid, seen


def test_a_quarantined_item_is_named_with_its_error_and_how_to_see_it() -> None:
    post = item_quarantined("slack:Ev1", "a Slack message", "KeyError: <user>", "casewire inspect slack:Ev1")

    for said in ("a Slack message", "slack:Ev1", "To look at it: casewire inspect slack:Ev1"):
        assert said in post.text
        assert said in seen(post)
    assert "Why: KeyError: &lt;user&gt;" in post.text
    assert_valid(post)


def test_a_parked_delivery_is_named_with_its_case_and_where_it_should_have_gone() -> None:
    post = row_parked("an answer", "CASE_001", "the mailbox does not exist", "dana@example.com")

    assert "an answer, case CASE_001, to dana@example.com" in post.text
    assert "Why: the mailbox does not exist" in post.text
    assert "not tried again by itself" in post.text
    assert_valid(post)


def test_what_is_parked_outside_of_a_case_names_none() -> None:
    post = row_parked("an alert list", "", "", "C123")

    assert "an alert list, to <#C123>" in post.text
    assert "Why: no reason was given." in post.text
    assert_valid(post, ours=("<#C123>",))


def test_trouble_with_a_channel_says_what_to_check() -> None:
    post = channel_trouble("C123", "not_in_channel")

    assert "I cannot work in <#C123>." in post.text
    assert "Why: I am no longer a member of it (not_in_channel)" in post.text
    assert "I am a member of it" in post.text
    assert_valid(post, ours=("<#C123>",))
