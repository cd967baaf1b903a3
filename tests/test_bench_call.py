"""The bench of a call tells a loudspeaker and screens that have heard it from those that have not."""

from __future__ import annotations

from bench import call


def test_a_press_is_heard_and_seen_after_it_and_the_voice_gathers_before_it_speaks() -> None:
    found = call.measure(calls=2, screens=3, echoes=5)
    assert (len(found.voice), len(found.screen), len(found.echo)) == (2, 6, 5)
    assert min(found.voice) > call.playlist.GATHER_S
    assert min(found.screen) > 0
    assert min(found.echo) > 0


def test_a_missed_aim_is_said_and_a_kept_one_too() -> None:
    said, kept = call.table(call.Found(voice=[0.26, 0.31], screen=[0.01, 0.02], echo=[0.001, 0.002]))
    assert not kept
    assert "300 ms: MISSED" in said
    assert "100 ms: kept" in said
    assert call.table(call.Found(voice=[0.26, 0.29], screen=[0.01, 0.02], echo=[0.001, 0.002]))[1]


def test_the_99th_of_a_few_values_is_among_them() -> None:
    assert call.p([0.001], 99) == 1.0
    assert 4.0 < call.p([0.001, 0.002, 0.005], 99) <= 5.0
