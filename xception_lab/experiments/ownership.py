"""Whose an experiment is, without accounts.

A person is whoever has a secret, 128 random bits that the browser keeps (ui/shell/person.py). The store has its hash
alone, as the owner of an experiment, so that whoever reads the store cannot pass for anybody. To let others control one
experiment, its owner gives them its control key. That is made of the secret and the experiment's id, so that it tells
nothing about the secret, and the store has the hash of it for as long as the owner shares it.

Owners that are no such hash are the terminal, and the sessions of earlier versions, whom nobody can be any more.
"""

import hashlib
import hmac
import re
import secrets
from typing import TypeGuard

TERMINAL = "terminal"

_SECRET = re.compile("[0-9a-f]{32}")
_OWNER = re.compile("[0-9a-f]{64}")


def make_secret() -> str:
    """A new person's secret."""
    return secrets.token_hex(16)


def is_secret(text: object) -> TypeGuard[str]:
    """Whether a text has the form of a secret, and of a control key."""
    return isinstance(text, str) and bool(_SECRET.fullmatch(text))


def owner_of(secret: str) -> str:
    """How the store names the person with this secret."""
    return _hash("person", secret)


def control_key(secret: str, experiment: str) -> str:
    """The key with which the person of this secret lets others control an experiment."""
    return hmac.new(secret.encode(), experiment.encode(), hashlib.sha256).hexdigest()[:32]


def control_hash(key: str) -> str:
    """What the store keeps of a control key."""
    return _hash("control", key)


def opens(key: str | None, stored: str) -> bool:
    """Whether a control key is the one whose hash the store has. stored: "" where the experiment is not shared."""
    return bool(stored) and is_secret(key) and hmac.compare_digest(control_hash(key or ""), stored)


def is_ownerless(owner: str) -> bool:
    """Whether an experiment is of a session of an earlier version: whoever has its link may control it, as then."""
    return owner != TERMINAL and not _OWNER.fullmatch(owner)


def _hash(what: str, secret: str) -> str:
    return hashlib.sha256(f"xception-lab {what} {secret}".encode()).hexdigest()
