"""System parameters, masks, bytes of a media type, and the other ways to say what one wants."""

import json

import pytest

from grpc_transcoding import Transcoder
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc
from tests.grpc_transcoding.asgi_client import call

BOOK = "/v1/shelves/1/books/2"
FULL = library_pb2.Book(
    name="shelves/1/books/2",
    title="Emma",
    author=library_pb2.Author(full_name="Jane", year=1775),
    titles={"de": "Emma", "fr": "Emma"},
    binding=library_pb2.BINDING_SOFT,
)


async def test_alt_json_is_what_is_replied_anyway(app):
    plain = await call(app, "GET", BOOK)
    for parameter in ("alt=json", "$alt=json", "%24alt=json", "$.xgafv=2", "prettyPrint=false"):
        assert (await call(app, "GET", f"{BOOK}?{parameter}")).body == plain.body


async def test_enums_are_numbers_when_that_is_asked_for(app, servicer):
    servicer.reply = FULL
    assert (await call(app, "GET", BOOK)).json["binding"] == "BINDING_SOFT"
    assert (await call(app, "GET", BOOK + "?$alt=json;enum-encoding=int")).json["binding"] == 2
    assert (await call(app, "GET", BOOK + "?alt=json%3Benum-encoding%3Dint")).json["binding"] == 2


async def test_alt_proto_replies_with_the_message_itself(app, servicer):
    servicer.reply = FULL
    answer = await call(app, "GET", BOOK + "?alt=proto")
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert library_pb2.Book.FromString(answer.body) == FULL


async def test_pretty_print_indents(app):
    answer = await call(app, "GET", BOOK + "?prettyPrint=true")
    assert answer.body == b'{\n  "name": "shelves/1/books/2",\n  "title": "Emma"\n}\n'


@pytest.mark.parametrize(
    ("mask", "shown"),
    [
        ("name", {"name": "shelves/1/books/2"}),
        ("author.fullName", {"author": {"fullName": "Jane"}}),
        ("author/full_name", {"author": {"fullName": "Jane"}}),
        ("author(fullName,year)", {"author": {"fullName": "Jane", "year": 1775}}),
        ("author(year),author.fullName", {"author": {"fullName": "Jane", "year": 1775}}),
        ("titles.de", {"titles": {"de": "Emma"}}),
        ("title,binding", {"title": "Emma", "binding": "BINDING_SOFT"}),
        ("printTime", {}),
    ],
)
async def test_a_mask_selects_what_is_replied(app, servicer, mask, shown):
    servicer.reply = FULL
    assert (await call(app, "GET", f"{BOOK}?fields={mask}")).json == shown
    assert (await call(app, "GET", f"{BOOK}?$fields={mask}")).json == shown
    assert (await call(app, "GET", BOOK, headers={"X-Goog-FieldMask": mask})).json == shown


async def test_a_star_selects_everything(app, servicer):
    servicer.reply = FULL
    everything = await call(app, "GET", BOOK)
    assert (await call(app, "GET", BOOK + "?fields=*")).json == everything.json


async def test_a_mask_reaches_into_lists(app, servicer):
    servicer.reply = library_pb2.ListBooksResponse(books=[FULL, FULL], next_page_token="t")
    answer = await call(app, "GET", "/v1/shelves/1/books?fields=books(title),next_page_token")
    assert answer.json == {"books": [{"title": "Emma"}] * 2, "nextPageToken": "t"}


@pytest.mark.parametrize(
    ("body", "query", "paths"),
    [
        ({"title": "Emma"}, "", ["title"]),
        ({"title": None, "author": {"fullName": "J", "year": 1}}, "", ["title", "author.full_name", "author.year"]),
        ({"author": {}, "tags": [], "titles": {"de": "x"}, "printTime": "2020-01-01T00:00:00Z"}, "", ["author", "tags", "titles", "print_time"]),
        ({"name": "shelves/1/books/2", "title": "Emma"}, "", ["title"]),
        ({"title": "Emma", "tags": ["a"]}, "?updateMask=title", ["title"]),
        ({"title": "Emma"}, "?update_mask=author.fullName,tags", ["author.full_name", "tags"]),
        ({}, "", []),
    ],
)  # fmt: skip
async def test_a_patch_without_a_mask_changes_what_the_body_holds(
    app, servicer, body, query, paths
):
    answer = await call(app, "PATCH", BOOK + query, body)
    assert answer.status == 200, answer.body
    (request,) = servicer.requests
    assert request.book.name == "shelves/1/books/2"
    assert list(request.update_mask.paths) == paths


async def test_bytes_of_a_media_type_are_replied_as_they_are(app):
    for target in ("/cover", "/cover?alt=media"):
        answer = await call(app, "GET", BOOK + target)
        assert (answer.headers["content-type"], answer.body) == ("image/png", b"\x89PNG")


async def test_bytes_of_a_media_type_are_taken_as_they_are(app):
    answer = await call(
        app, "PUT", BOOK + "/cover?caption=front", b"\xff\x00{", {"content-type": "image/gif"}
    )
    assert answer.json == {"contentType": "image/gif", "size": "3", "caption": "front"}


@pytest.mark.parametrize("headers", [{}, {"content-type": "image/gif"}, {"content-length": "0"}])
async def test_bytes_that_are_none_are_taken_as_they_are(app, servicer, headers):
    assert (await call(app, "PUT", BOOK + "/cover", headers=headers)).status == 200
    (request,) = servicer.requests
    assert request.HasField("cover")
    assert request.cover.content_type == headers.get("content-type", "")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
async def test_a_type_without_a_body_says_nothing(app, servicer, content_type):
    answer = await call(app, "GET", BOOK, headers={"content-type": content_type})
    assert answer.status == 200
    assert servicer.requests == [library_pb2.GetBookRequest(name="shelves/1/books/2")]


async def test_a_post_may_stand_for_another_method(app, servicer):
    answer = await call(app, "POST", BOOK, headers={"X-HTTP-Method-Override": "delete"})
    assert answer.status == 200
    assert servicer.requests == [library_pb2.DeleteBookRequest(name="shelves/1/books/2")]


async def test_credentials_in_the_query_are_metadata_when_that_is_allowed(servicer):
    transcoder = Transcoder(credentials_in_query=True)
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    await call(transcoder, "GET", BOOK + "?key=k&quotaUser=q&access_token=t&$apiVersion=v7")
    assert servicer.contexts[0].invocation_metadata() == (
        ("x-goog-api-key", "k"),
        ("x-goog-quota-user", "q"),
        ("authorization", "Bearer t"),
        ("x-goog-api-version", "v7"),
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"print_defaults": True}, {"books": [], "nextPageToken": ""}),
        ({"proto_names": True}, {"next_page_token": "t"}),
    ],
)
async def test_the_json_of_replies_has_options(servicer, options, expected):
    transcoder = Transcoder(**options)
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    token = expected.get("next_page_token", "")
    answer = await call(transcoder, "GET", f"/v1/shelves/1/books?pageToken={token}")
    assert answer.json == expected


async def test_enums_can_be_numbers_everywhere(servicer):
    transcoder = Transcoder(enums_as_numbers=True)
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    servicer.reply = FULL
    assert (await call(transcoder, "GET", BOOK)).json["binding"] == 2


async def test_what_is_unknown_can_be_passed_over(servicer):
    transcoder = Transcoder(ignore_unknown_query=True, ignore_unknown_body=True)
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    assert (await call(transcoder, "GET", BOOK + "?colour=red")).status == 200
    assert (await call(transcoder, "POST", BOOK + ":move?x=1", {"colour": 1})).status == 200
    answer = await call(transcoder, "POST", "/v1/shelves/1/books", {"colour": 1, "title": "E"})
    assert answer.json == {"title": "E"}
    # What is known must still be right.
    answer = await call(transcoder, "POST", "/v1/shelves/1/books", {"colour": 1, "title": 3})
    assert answer.error[2] == "book.title should be a string"


async def test_who_knows_a_replys_json_can_hand_it_over(servicer):
    seen = []

    def encoder(reply, style, encode):
        seen.append((reply, style.pretty))
        return b'{"cached":true}' if not style.pretty else encode(reply, style)

    transcoder = Transcoder(reply_encoder=encoder)
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    servicer.reply = FULL
    assert (await call(transcoder, "GET", BOOK)).body == b'{"cached":true}'
    assert json.loads((await call(transcoder, "GET", BOOK + "?prettyPrint=true")).body)["title"]
    assert [(reply is FULL, pretty) for reply, pretty in seen] == [(True, False), (True, True)]


async def test_a_patch_whose_body_is_the_whole_request_has_the_mask_of_its_resource(servicer):
    from google.api import http_pb2

    rule = http_pb2.HttpRule(
        selector="grpc_transcoding.testing.v1.Library.UpdateBook",
        patch="/v1/{book.name=shelves/*/books/*}",
        body="*",
    )
    transcoder = Transcoder(http_rules=[rule])
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    body = {"book": {"name": "shelves/1/books/2", "title": "E", "author": {"year": 1}}}
    answer = await call(transcoder, "PATCH", BOOK, body)
    assert answer.status == 200, answer.body
    (request,) = servicer.requests
    assert list(request.update_mask.paths) == ["title", "author.year"]
