"""A page token is good for its own list, for a while, and for nobody's guess."""

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longrunning import InvalidArgument
from longrunning.page_tokens import ListBinding, PageTokens

BINDING = ListBinding(
    service="s", parent="projects/p", filter="done", partial_success=False, caller="c"
)
DAY = 24 * 60 * 60 * 1_000_000
TOKENS = PageTokens(b"k" * 32)


@given(st.text(min_size=1).filter(lambda text: text.isprintable()), st.integers(0, 2**62))
def test_a_token_gives_its_position_back(position: str, now: int) -> None:
    token = TOKENS.write(position, BINDING, now=now)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert TOKENS.read(token, BINDING, now=now) == position


@pytest.mark.parametrize(
    "change",
    [
        *({part: "other"} for part in ("service", "parent", "filter", "caller")),
        {"partial_success": True},
    ],
)
def test_a_token_of_another_list_is_refused(change: dict[str, object]) -> None:
    token = TOKENS.write("a", BINDING, now=0)
    with pytest.raises(InvalidArgument) as refused:
        TOKENS.read(token, dataclasses.replace(BINDING, **change), now=0)  # type: ignore[arg-type]
    assert refused.value.message == (
        "The page token is invalid: it belongs to another list; "
        "all but page_size must be as for the page before."
    )
    assert (refused.value.field, refused.value.reason) == ("page_token", "INVALID_PAGE_TOKEN")


def test_text_cannot_move_between_the_parts_of_a_binding() -> None:
    token = TOKENS.write("a", dataclasses.replace(BINDING, parent="ab", filter="c"), now=0)
    with pytest.raises(InvalidArgument):
        TOKENS.read(token, dataclasses.replace(BINDING, parent="a", filter="bc"), now=0)


def test_a_token_of_another_store_is_refused() -> None:
    token = PageTokens(b"x" * 32).write("a", BINDING, now=0)
    with pytest.raises(InvalidArgument, match="belongs to another list"):
        TOKENS.read(token, BINDING, now=0)


def test_a_token_expires_after_three_days() -> None:
    token = TOKENS.write("a", BINDING, now=0)
    assert TOKENS.read(token, BINDING, now=3 * DAY) == "a"
    with pytest.raises(InvalidArgument) as refused:
        TOKENS.read(token, BINDING, now=3 * DAY + 1)
    assert refused.value.message == (
        "The page token is invalid: it has expired; start again from the first page."
    )


@pytest.mark.parametrize("token", ["?", "a", "é", "====", "AA==", "not a token", "A" * 5000])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument, match="The page token is invalid"):
        TOKENS.read(token, BINDING, now=0)


@given(st.data())
def test_a_changed_token_is_refused(data: st.DataObject) -> None:
    token = TOKENS.write("0190-abc", BINDING, now=0)
    # The last character may hold unused bits; every other one counts.
    place = data.draw(st.integers(0, len(token) - 2))
    other = data.draw(st.sampled_from("ABCabc019-_").filter(lambda c: c != token[place]))
    with pytest.raises(InvalidArgument):
        TOKENS.read(token[:place] + other + token[place + 1 :], BINDING, now=0)


@given(st.text())
def test_no_text_breaks_the_reader(token: str) -> None:
    with pytest.raises(InvalidArgument):
        TOKENS.read(token, BINDING, now=0)
