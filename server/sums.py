"""One small sum, asked of whoever books while somebody books too much: a program made in a hurry stops there, a person does not.

It is no proof of being human. It is asked only when an address, or all of them together, have asked for more bookings than people do, and
it costs a citizen six seconds where a refusal would cost the place. What was asked is signed under the secret of the day, so nothing is
stored and every process can check it; each is good once.
"""

from __future__ import annotations

import secrets

from itsdangerous import BadData, URLSafeTimedSerializer

from server.access import Access
from server.core.refused import Refused
from server.core.words import sum_words
from server.ledger import Ledger

LASTS_S = 900
LEAST, MOST = 2, 9


def asked(ledger: Ledger, site: str, lang: str) -> dict[str, str]:
    """A question in words, and the token that has to come back with its answer."""
    first, second = (LEAST + secrets.randbelow(MOST - LEAST + 1) for _ in range(2))
    token = _signer(ledger, site).dumps([first, second, secrets.token_hex(6)])
    return {"question": sum_words(first, second, lang), "token": token}


def is_right(ledger: Ledger, access: Access, site: str, token: str, answer: str) -> bool:
    """Whether this is the sum that was asked with the token, for the first time."""
    try:
        first, second, once = _signer(ledger, site).loads(token, max_age=LASTS_S)
    except BadData:
        return False
    try:
        access.count("sum", 1, LASTS_S, site, once)
    except Refused:
        return False
    return answer.strip() == str(first + second)


def _signer(ledger: Ledger, site: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(ledger.day_key(site, ledger.today(site)), salt="sum")
