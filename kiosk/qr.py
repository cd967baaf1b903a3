"""A web address as a QR code: rows of modules for paper, a picture for screens. Pure; the only file that knows segno."""

from __future__ import annotations

import io

import segno

VERSIONS = range(4, 11)
"""From the size the paper is laid out for to the largest that a phone reads well at that size."""
QUIET_SCREEN = 4
"""Modules of quiet zone as the standard wants it: around a picture on a screen may stand anything."""


def rows(address: str, quiet: int = 2) -> tuple[bytes, ...] | None:
    """The modules, dark 1 and light 0, with a quiet zone of so many; None for an address that no version holds."""
    code = _made(address)
    return tuple(bytes(row) for row in code.matrix_iter(border=quiet)) if code else None


def svg(address: str) -> bytes | None:
    """The code as an SVG document that takes any size, black on white with the whole quiet zone; None as with `rows`."""
    code = _made(address)
    if code is None:
        return None
    out = io.BytesIO()
    code.save(out, kind="svg", border=QUIET_SCREEN, dark="#000", light="#fff", omitsize=True, xmldecl=False, nl=False)
    return out.getvalue()


def _made(address: str) -> segno.QRCode | None:
    for version in VERSIONS:
        try:
            return segno.make(address, version=version, error="m", micro=False)
        except segno.DataOverflowError:
            continue
    return None
