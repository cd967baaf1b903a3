"""Staff with their sessions, and devices."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict


class StaffOut(TypedDict):
    name: str
    role: str
    site: str | None
    must_change: bool
    display_name: NotRequired[str]


class ProgramOut(TypedDict):
    """A program of a device and its last sign of life; `clock_offset_s`: by how much its own clock is ahead of the server's."""

    connected: bool
    seen_s_ago: float | None
    seen_at: str | None
    version: str | None
    clock_offset_s: float | None
    facts: dict[str, Any]


class DeviceRowOut(ProgramOut):
    """`page`: the screen of a kiosk, beside the program that prints."""

    name: str
    kind: str
    place: str
    revoked: bool
    page: ProgramOut | None


class AlarmOut(TypedDict):
    """Something that wants looking after. `kind` and `name` (a device, or a hall) are the same for as long as it lasts, `for_s` real
    seconds so far."""

    kind: str
    device: str
    name: str
    place: str
    words: str
    todo: str
    since: str
    for_s: int
    urgent: bool


class NewDeviceOut(TypedDict):
    name: str
    kind: str
    place: str
    key: str


class PairingOut(TypedDict):
    """`code` is shown, `secret` is kept by the device that shows it. `lasts_s` is for devices whose clock is wrong."""

    code: str
    secret: str
    expires_at: str
    lasts_s: int


class PairingAskedOut(TypedDict):
    code: str
    kind: str
    place: str | None
    expires_at: str


class PairingWaitsOut(TypedDict):
    state: str


class PairedOut(TypedDict):
    name: str
    kind: str
    place: str
    site: str
    key: str


class WhoOut(TypedDict):
    user: str
    role: str
    site: str | None
    sites: list[str]
    must_change: bool
    display_name: NotRequired[str]


class SessionOut(WhoOut):
    token: str
    expires_at: str


class DeviceOut(TypedDict):
    name: str
    kind: str
    place: str
    site: str
