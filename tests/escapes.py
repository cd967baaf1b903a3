"""How somebody may try to get away from the kiosk's page: fingers, a keyboard that was plugged in, and a script that got into the page.

Each attempt is a name and its steps. A step is what xdotool does, or `ORDER` / `TOUCHED` and a deed of `intruder.js` (at once, or at the
next touch). `{office}` stands for the address of the server.
"""

from __future__ import annotations

ORDER, TOUCHED = "order", "touched"
QUIET = ("mousemove", "900", "1720")
"""A place of the first screen where there is nothing to touch."""
TOUCH = (*QUIET, "click", "1")
TEXT = ("mousemove", "200", "205")

Step = tuple[str, ...]


def keys(*names: str) -> tuple[Step, ...]:
    return tuple(("key", "--clearmodifiers", name) for name in names)


def typed(first: str, text: str) -> tuple[Step, ...]:
    """A key that may bring an address field, and an address into it."""
    return (("key", first), ("type", "--delay", "5", text), ("key", "alt+Return"))


def drag(x: int, y: int, to_x: int, to_y: int) -> Step:
    half = str((x + to_x) // 2), str((y + to_y) // 2)
    return (
        "mousemove",
        str(x),
        str(y),
        "mousedown",
        "1",
        "mousemove",
        *half,
        "sleep",
        "0.1",
        "mousemove",
        str(to_x),
        str(to_y),
        "mouseup",
        "1",
    )


def tried(*deed: str) -> tuple[Step, ...]:
    """A deed of the script alone."""
    return ((ORDER, *deed),)


def touched(*deed: str) -> tuple[Step, ...]:
    """A deed of the script when the citizen touches the glass: the browser allows it more."""
    return ((TOUCHED, *deed), TOUCH)


KEYBOARD: list[tuple[str, tuple[Step, ...]]] = [
    ("a new tab: Ctrl+T", keys("ctrl+t")),
    ("a new window: Ctrl+N", keys("ctrl+n")),
    ("a private window: Ctrl+Shift+N", keys("ctrl+shift+n")),
    ("the last tab again: Ctrl+Shift+T", keys("ctrl+shift+t")),
    ("close the tab: Ctrl+W", keys("ctrl+w")),
    ("close the window: Ctrl+Shift+W", keys("ctrl+shift+w")),
    ("end the browser: Ctrl+Shift+Q", keys("ctrl+shift+q")),
    ("close the window: Alt+F4", keys("alt+F4")),
    ("the full screen's end: F11", keys("F11")),
    ("the full screen's end: Escape, held", (("keydown", "Escape", "sleep", "1.8", "keyup", "Escape"),)),
    ("open a file: Ctrl+O", keys("ctrl+o")),
    ("save the page: Ctrl+S", keys("ctrl+s")),
    ("print: Ctrl+P", keys("ctrl+p")),
    ("print with the system's dialog: Ctrl+Shift+P", keys("ctrl+shift+p")),
    ("the source: Ctrl+U", keys("ctrl+u")),
    ("downloads: Ctrl+J", keys("ctrl+j")),
    ("history: Ctrl+H", keys("ctrl+h")),
    ("erase the history: Ctrl+Shift+Delete", keys("ctrl+shift+Delete")),
    ("bookmark: Ctrl+D", keys("ctrl+d")),
    ("bookmarks: Ctrl+Shift+O", keys("ctrl+shift+o")),
    ("find: Ctrl+F", keys("ctrl+f")),
    ("find: F3", keys("F3")),
    ("the developer's tools: Ctrl+Shift+I", keys("ctrl+shift+i")),
    ("the developer's console: Ctrl+Shift+J", keys("ctrl+shift+j")),
    ("the developer's tools: F12", keys("F12")),
    ("the browser's task manager: Shift+Escape", keys("shift+Escape")),
    ("the task manager: Ctrl+Shift+Escape", keys("ctrl+shift+Escape")),
    ("help: F1", keys("F1")),
    ("the address field: Ctrl+L", typed("ctrl+l", "file:///etc/passwd")),
    ("the address field: Alt+D", typed("alt+d", "chrome://settings")),
    ("the address field: F6", typed("F6", "view-source:{office}")),
    ("search: Ctrl+E", typed("ctrl+e", "{office}/elsewhere")),
    ("the browser's menu: F10", keys("F10", "Down", "space")),
    ("the browser's menu: Alt+F", keys("alt+f", "Down", "space")),
    ("the window's menu: Alt+Space", keys("alt+space", "Down", "space")),
    ("the context menu's key", keys("Menu", "Down", "space")),
    ("the context menu: Shift+F10", keys("shift+F10", "Down", "space")),
    ("another window: Alt+Tab", keys("alt+Tab")),
    ("another window: Alt+Escape", keys("alt+Escape")),
    ("the system's menu: Super", keys("super", "super+d", "super+e", "super+r")),
    ("a terminal: Ctrl+Alt+T", keys("ctrl+alt+t")),
    ("a text console: Ctrl+Alt+F2", keys("ctrl+alt+F2")),
    ("the X server's end: Ctrl+Alt+Backspace", keys("ctrl+alt+BackSpace")),
    ("a restart: Ctrl+Alt+Delete", keys("ctrl+alt+Delete")),
    ("a program: Alt+F2", keys("alt+F2")),
    ("one page back: Alt+Left", keys("alt+Left")),
    ("the home page: Alt+Home", keys("alt+Home")),
    ("load again: F5 and Ctrl+Shift+R", keys("F5", "ctrl+shift+r")),
    ("larger: Ctrl+plus", keys("ctrl+plus", "ctrl+plus", "ctrl+plus")),
    ("smaller: Ctrl+minus", keys("ctrl+minus")),
    ("caret browsing: F7", keys("F7")),
    ("profiles: Ctrl+Shift+M", keys("ctrl+shift+m")),
    (
        "keys of an office keyboard",
        keys("XF86HomePage", "XF86Back", "XF86Search", "XF86Mail", "XF86Favorites", "XF86Calculator", "XF86WWW"),
    ),
]

GESTURES: list[tuple[str, tuple[Step, ...]]] = [
    ("the right button", ((*QUIET, "click", "3"),)),
    ("the right button on text", ((*TEXT, "click", "3"), ("key", "Down"), ("key", "space"))),
    ("the middle button", ((*QUIET, "click", "2"),)),
    ("the buttons for back and forward", ((*QUIET, "click", "8", "click", "9"),)),
    ("a long press", ((*TEXT, "mousedown", "1", "sleep", "1.5", "mouseup", "1"),)),
    ("a double and a triple touch on text", ((*TEXT, "click", "--repeat", "3", "--delay", "60", "1"),)),
    ("a swipe from the left edge", (drag(0, 1720, 1000, 1720),)),
    ("a swipe from the right edge", (drag(1079, 1720, 60, 1720),)),
    ("a swipe from the upper edge", (drag(540, 0, 540, 230),)),
    ("a swipe from the lower edge", (drag(540, 1919, 540, 1725),)),
    ("text dragged away", (("mousemove", "200", "205", "click", "--repeat", "2", "--delay", "60", "1"), drag(200, 205, 540, 1725))),
    ("the wheel", ((*QUIET, "click", "--repeat", "5", "4", "click", "--repeat", "5", "5"),)),
    ("the wheel with Ctrl", ((*QUIET, "keydown", "ctrl", "click", "--repeat", "4", "4", "keyup", "ctrl"),)),
    ("the wheel with Ctrl, smaller", ((*QUIET, "keydown", "ctrl", "click", "--repeat", "4", "5", "keyup", "ctrl"),)),
    ("the wheel with Shift", ((*QUIET, "keydown", "shift", "click", "--repeat", "5", "4", "keyup", "shift"),)),
]

SCRIPT: list[tuple[str, tuple[Step, ...]]] = [
    ("another page of the server", tried("go", "{office}/elsewhere")),
    ("another server", tried("go", "http://127.0.0.2:1/")),
    ("a file: file:///etc/passwd", tried("go", "file:///etc/passwd")),
    ("view-source:", touched("open", "view-source:{office}/kiosk/demo/k1")),
    ("chrome://settings", touched("link", "chrome://settings", "")),
    ("data:", touched("open", "data:text/html,<h1>x")),
    ("about:blank", touched("open", "about:blank")),
    ("blob:", touched("blob")),
    ("javascript:", touched("open", "javascript:document.title")),
    ("mailto:", touched("link", "mailto:a@example.vn", "")),
    ("tel:", touched("link", "tel:113", "")),
    ("a program of the system: ssh:", touched("link", "ssh://example.vn", "")),
    ("a popup", tried("open", "{office}/elsewhere")),
    ("a popup at a touch", touched("open", "{office}/elsewhere")),
    ("a small popup at a touch", touched("open", "{office}/elsewhere", "popup,width=300,height=300")),
    ("the kiosk's own page in a popup", touched("open", "{office}/kiosk/demo/k1")),
    ("a link to a new tab", touched("link", "{office}/elsewhere", "_blank")),
    ("a form to a new tab", touched("form", "{office}/elsewhere")),
    ("a frame", tried("frame", "{office}/elsewhere")),
    ("a download", touched("link", "{office}/kiosk/static/main.js", "", "download.js")),
    ("a download without a server", touched("keep")),
    ("the print dialog", touched("print")),
    ("a smaller window", touched("small")),
    ("a full screen of the page's own, and Escape", (*touched("full"), ("key", "Escape"))),
    ("the window's end", touched("close")),
    ("a message that waits", tried("say", "x")),
    ("a page that will not go", (*touched("stay"),)),
    ("questions for rights", touched("ask")),
    ("history back", touched("back")),
    ("many popups", touched("many", "{office}/elsewhere")),
]

ATTEMPTS = [*KEYBOARD, *GESTURES, *SCRIPT]
