"""Properties of templates and routing, for whatever templates and paths there are."""

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from grpc_transcoding.bindings.router import Match
from grpc_transcoding.path_templates import MANY_SEGMENTS, ONE_SEGMENT, parse_template
from tests.grpc_transcoding.bindings.routing import router_of

LITERALS = st.sampled_from(["a", "b", "c", "operations", "x-1", "ф"])
SEGMENTS = LITERALS | st.just("*")
VERBS = st.sampled_from(["", "", "v", "w"])


@st.composite
def templates(draw):
    """A template as text: literals, wildcards, variables around some of them, perhaps a verb."""
    segments = draw(st.lists(SEGMENTS, min_size=1, max_size=5))
    if draw(st.booleans()):
        segments.insert(draw(st.integers(0, len(segments))), "**")
    parts, at, names = [], 0, iter("pqrstu")
    while at < len(segments):
        length = draw(st.integers(0, 2))
        if length and at + length <= len(segments):
            parts.append("{" + next(names) + "=" + "/".join(segments[at : at + length]) + "}")
            at += length
        else:
            parts.append(segments[at])
            at += 1
    verb = draw(VERBS)
    return "/" + "/".join(parts) + (f":{verb}" if verb else "")


IDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8)


@given(templates(), st.data())
def test_a_path_of_a_template_and_values_matches_it_and_returns_them(text, data):
    template = parse_template(text)
    segments, values = [], []
    for segment in template.segments:
        if segment is ONE_SEGMENT:
            group = [data.draw(IDS)]
        elif segment is MANY_SEGMENTS:
            # A slash in an id of `**` would stay encoded: this says what is in it without one.
            ids = IDS.filter(lambda text: "/" not in text)
            group = data.draw(st.lists(ids, max_size=3))
        else:
            group = [segment]
        values.append(group)
        segments += group
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    if template.verb:
        path += f":{template.verb}"
    router, _ = router_of([("GET", text)])
    match = router.find("GET", path.encode())
    assert isinstance(match, Match), (text, path)
    expected = {}
    for variable in template.variables:
        held = [
            value.replace("/", "%2F") if variable.is_multi_segment else value
            for group in values[variable.start : variable.end]
            for value in group
        ]
        expected[variable.field_path] = "/".join(held)
    assert dict(match.captures) == expected


def naive_rank(template, segments: list[str]):
    """Returns how a template matches segments, as the kinds in the order of precedence, or None.

    Every way to give `**` its segments is tried, one after the other.
    """
    best = None

    def walk(pattern, at, kinds):
        nonlocal best
        if not pattern:
            if at == len(segments) and (best is None or kinds < best):
                best = kinds
            return
        first, rest = pattern[0], pattern[1:]
        if first is MANY_SEGMENTS:
            for end in range(at, len(segments) + 1):
                walk(rest, end, (*kinds, *[2] * (end - at)))
        elif at < len(segments):
            if first is ONE_SEGMENT and segments[at]:
                walk(rest, at + 1, (*kinds, 1))
            elif first == segments[at]:
                walk(rest, at + 1, (*kinds, 0))

    walk(list(template.segments), 0, ())
    return best


PATHS = st.lists(st.sampled_from(["a", "b", "c", "operations", "z"]), max_size=6)


@given(st.lists(templates(), min_size=1, max_size=8), PATHS, VERBS)
def test_the_trie_agrees_with_trying_every_template(texts, segments, verb):
    parsed = [parse_template(text) for text in texts]
    router, _ = router_of([("GET", text) for text in texts])
    path = "/" + "/".join(segments) + (f":{verb}" if verb and segments else "")
    verb = verb if segments else ""

    def candidates(segments, verb):
        ranked = [
            (rank, index)
            for index, template in enumerate(parsed)
            if template.verb == verb and (rank := naive_rank(template, segments)) is not None
        ]
        return sorted(ranked)

    found = candidates(segments, verb) if verb else []
    if verb and not found:
        found = candidates([*segments[:-1], f"{segments[-1]}:{verb}"], "")
    elif not verb:
        found = candidates(segments, "")
    match = router.find("GET", path.encode())
    if not found:
        assert match is None
        return
    assert isinstance(match, Match)
    winner = parsed[match.binding.index]
    best = found[0][0]
    assert winner.shape in {parsed[index].shape for rank, index in found if rank == best}
