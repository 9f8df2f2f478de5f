"""Slack's limits on blocks and views."""

import asyncio

import pytest
from slack_sdk.models import blocks as models

from bot.sandbox.people import ADA, SUPPORT
from tests.sandbox.calls import button, refused, section
from tests.sandbox.sockets import connected


class TestBlocks:
    @pytest.mark.parametrize(
        "blocks",
        [
            [section("")],
            [section("x" * 3001)],
            [section("x")] * 51,
            [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
            [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
            [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}],
            [{"type": "actions", "elements": []}],
            [{"type": "actions", "elements": [button(action_id=str(n)) for n in range(26)]}],
            [{"type": "actions", "elements": [button(), button()]}],
            [{"type": "actions", "elements": [button(text={"type": "plain_text", "text": "x" * 76})]}],
            [{"type": "actions", "elements": [button(value="x" * 2001)]}],
            [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}],
            [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}],
            [{"type": "nonsense"}],
        ],
    )
    async def test_blocks_beyond_slacks_limits_are_refused_with_a_reason(self, web, blocks):
        with refused("invalid_blocks") as failure:
            await web.chat_postMessage(channel=SUPPORT, text="hi", blocks=blocks)
        assert "json-pointer" in failure.value.response["response_metadata"]["messages"][0]

    async def test_blocks_that_are_too_much_together_are_refused(self, web):
        with refused("msg_blocks_too_long"):
            await web.chat_postMessage(channel=SUPPORT, text="hi", blocks=[section("x" * 3000)] * 5)

    async def test_what_slacks_own_block_models_build_is_taken(self, web):
        built = [
            models.HeaderBlock(text="Case #CASE_001"),
            models.SectionBlock(
                text=models.MarkdownTextObject(text="*it* is broken"),
                fields=["*Priority*\nhigh", "*Since*\nyesterday"],
                accessory=models.OverflowMenuElement(
                    action_id="more",
                    options=[models.Option(value="a", text="A"), models.Option(value="b", text="B")],
                ),
            ),
            models.DividerBlock(),
            models.ContextBlock(
                elements=[
                    models.ImageElement(image_url="https://a.example/a.png", alt_text="Dana"),
                    models.MarkdownTextObject(text="Dana Lee"),
                ]
            ),
            models.ActionsBlock(
                elements=[
                    models.ButtonElement(
                        text="Close",
                        action_id="close",
                        value="1",
                        style="danger",
                        confirm=models.ConfirmObject(title="Sure?", text="Really close it?"),
                    ),
                    models.StaticSelectElement(
                        placeholder="Priority",
                        action_id="priority",
                        options=[models.Option(value="high", text="High")],
                    ),
                    models.LinkButtonElement(text="Open", url="https://a.example", action_id="link"),
                ]
            ),
            models.RichTextBlock(
                elements=[
                    models.RichTextSectionElement(
                        elements=[models.RichTextElementParts.Text(text="plain", style={"bold": True})]
                    )
                ]
            ),
            models.ImageBlock(image_url="https://a.example/a.png", alt_text="a picture"),
            models.MarkdownBlock(text="**hi**"),
        ]
        blocks = [block.to_dict() for block in built]
        answer = await web.chat_postMessage(channel=SUPPORT, text="a card", blocks=blocks)
        assert [b["type"] for b in answer["message"]["blocks"]] == [b["type"] for b in blocks]

    @pytest.mark.parametrize(
        "element",
        [
            button(confirm={"title": {"type": "plain_text", "text": "x" * 101}}),
            button(style="warning"),
            button(text={"type": "mrkdwn", "text": "Go"}),
            {"type": "overflow", "action_id": "more", "options": []},
            {"type": "static_select", "action_id": "s", "options": [{"value": "a"}]},
            {"type": "plain_text_input", "action_id": "t"},
        ],
    )
    async def test_elements_beyond_slacks_limits_are_refused(self, web, element):
        blocks = [{"type": "actions", "elements": [element]}]
        with refused("invalid_blocks"):
            await web.chat_postMessage(channel=SUPPORT, text="hi", blocks=blocks)

    async def test_a_view_is_held_to_its_limits(self, slack, web):
        for view in (
            {"type": "home", "blocks": [section("x" * 3001)]},
            {"type": "home", "blocks": [{"type": "divider"}] * 101},
            {"type": "page", "blocks": []},
            {"type": "home", "blocks": [], "private_metadata": "x" * 3001},
        ):
            with refused("invalid_arguments"):
                await web.views_publish(user_id=ADA, view=view)
        await web.views_publish(user_id=ADA, view={"type": "home", "blocks": [{"type": "divider"}] * 100})

    async def test_a_view_is_updated_under_its_hash(self, slack, http, web):
        view = {
            "type": "modal",
            "title": {"type": "plain_text", "text": "A"},
            "blocks": [],
            "external_id": "x",
        }
        async with connected(slack, http) as socket:
            opening = asyncio.create_task(slack.shortcut(ADA, "case_new"))
            frame = await socket.next("interactive")
            await socket.ack(frame)
            await opening
        opened = (await web.views_open(trigger_id=frame["payload"]["trigger_id"], view=view))["view"]
        updated = await web.views_update(view_id=opened["id"], hash=opened["hash"], view=view)
        assert updated["view"]["id"] == opened["id"]
        with refused("hash_conflict"):
            await web.views_update(external_id="x", hash=opened["hash"], view=view)
        with refused("not_found"):
            await web.views_update(view_id="V0NOTHING1", view=view)
