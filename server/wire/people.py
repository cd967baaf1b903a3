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


class DeviceRowOut(TypedDict):
    name: str
    kind: str
    place: str
    revoked: bool
    connected: bool
    seen_s_ago: float | None
    facts: dict[str, Any]


class NewDeviceOut(TypedDict):
    name: str
    kind: str
    place: str
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
