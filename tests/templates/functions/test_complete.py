"""Every name of Home Assistant 2025.4 that needs nothing but a clock is there, in the same forms."""

from __future__ import annotations

from nanobot.templates import functions
from nanobot.util.dt import Clock

GLOBALS = """
now utcnow today_at
as_datetime as_timestamp as_local as_timedelta timedelta strptime relative_time time_since time_until
int float bool is_number log sin cos tan asin acos atan atan2 sqrt e pi tau max min average median statistical_mode
set tuple zip combine flatten union intersect difference symmetric_difference shuffle
slugify urlencode version typeof md5 sha1 sha256 sha512 pack unpack iif merge_response
"""
FILTERS = """
acos add as_datetime as_local as_timedelta as_timestamp asin atan atan2 average base64_decode base64_encode bitwise_and
bitwise_or bitwise_xor bool combine contains cos difference flatten float from_json iif int intersect is_defined
is_number log md5 median multiply ord ordinal pack random regex_findall regex_findall_index regex_match regex_replace
regex_search relative_time round sha1 sha256 sha512 shuffle sin slugify sqrt statistical_mode symmetric_difference tan
time_since time_until timestamp_custom timestamp_local timestamp_utc to_json today_at typeof union unpack version
"""
TESTS = "contains datetime is_number list match search set string_like tuple"


def test_all_names_are_there_and_no_others() -> None:
    names, filters, tests = functions.make(Clock(), lambda: None)
    assert sorted(names) == sorted(GLOBALS.split())
    assert sorted(filters) == sorted(FILTERS.split())
    assert sorted(tests) == sorted(TESTS.split())
