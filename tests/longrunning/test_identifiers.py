"""Ids are UUIDs of version 7 that never go backwards."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from longrunning.identifiers import IdFactory


def test_an_id_is_a_uuid_of_version_7_that_tells_its_time() -> None:
    made = IdFactory()(1_800_000_000_123_456)
    parsed = uuid.UUID(made)
    assert str(parsed) == made
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == 1_800_000_000_123


@given(st.lists(st.integers(0, 4_000_000_000_000_000), min_size=2, max_size=50))
def test_ids_grow_even_when_the_clock_does_not(times: list[int]) -> None:
    new_id = IdFactory()
    made = [new_id(time) for time in times]
    assert made == sorted(set(made))


def test_a_millisecond_that_is_used_up_borrows_the_next() -> None:
    new_id = IdFactory(random_bits=lambda bits: (1 << bits) - 1)
    made = [new_id(5000) for _ in range(10)]
    new_id._tail = (1 << 74) - 2
    made += [new_id(5000), new_id(5000)]
    assert made == sorted(set(made))
    assert uuid.UUID(made[-1]).int >> 80 == 6


def test_threads_share_a_factory_without_clashes() -> None:
    new_id = IdFactory()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: new_id(1), range(2000)))
    assert len(set(made)) == 2000
