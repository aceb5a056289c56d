"""A secret can be carried, compared and revealed, and shows itself in no other way."""

import copy
import dataclasses
import json
import logging
import pickle

import msgspec
import pytest

from config.secrets import Secret

TEXT = "correct-horse-battery"


@dataclasses.dataclass
class Holder:
    name: str
    secret: Secret


class FrozenHolder(msgspec.Struct, frozen=True):
    secret: Secret


def test_reveal_gives_the_text_back() -> None:
    assert Secret(TEXT).reveal() == TEXT


@pytest.mark.parametrize(
    "shown",
    [
        str(Secret(TEXT)),
        repr(Secret(TEXT)),
        f"{Secret(TEXT)}",
        f"{Secret(TEXT):>40}",
        f"{Secret(TEXT)!r:.60}",
        "{0} {0!s}".format(Secret(TEXT)),
        "%s %r" % (Secret(TEXT), Secret(TEXT)),  # noqa: UP031 -- the older form is what is tested
        repr([Secret(TEXT)]),
        repr({"password": Secret(TEXT)}),
        repr(Holder("x", Secret(TEXT))),
        repr(dataclasses.asdict(Holder("x", Secret(TEXT)))),
        repr(FrozenHolder(Secret(TEXT))),
    ],
)
def test_no_formatting_shows_the_text(shown: str) -> None:
    assert TEXT not in shown
    assert "(set, hidden)" in shown


def test_logging_shows_a_mask(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("config").info("password %s", Secret(TEXT))
    assert caplog.messages == ["password (set, hidden)"]


def test_an_empty_secret_says_so_and_is_false() -> None:
    assert str(Secret("")) == "(empty)"
    assert not Secret("")
    assert Secret(TEXT)


def test_only_equal_secrets_are_equal() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret(TEXT + "x")
    assert Secret("ä\udc80") == Secret("ä\udc80")
    assert Secret(TEXT) != TEXT


def test_a_secret_has_no_hash() -> None:
    with pytest.raises(TypeError):
        hash(Secret(TEXT))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_is_refused(protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret(TEXT), protocol)


def test_state_is_not_handed_out() -> None:
    with pytest.raises(TypeError, match="no state"):
        Secret(TEXT).__getstate__()
    with pytest.raises(TypeError):
        vars(Secret(TEXT))


@pytest.mark.parametrize("encode", [msgspec.json.encode, msgspec.msgpack.encode, json.dumps])
def test_encoding_is_refused(encode: object) -> None:
    assert callable(encode)
    with pytest.raises(TypeError) as caught:
        encode({"password": Secret(TEXT)})
    assert TEXT not in str(caught.value)


def test_a_copy_is_the_same_secret() -> None:
    secret = Secret(TEXT)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


def test_a_secret_cannot_be_changed() -> None:
    secret = Secret(TEXT)
    with pytest.raises(AttributeError, match="cannot be changed"):
        secret._text = "other"
    with pytest.raises(AttributeError, match="cannot be changed"):
        del secret._text
    assert secret.reveal() == TEXT


def test_a_number_is_refused_without_being_shown() -> None:
    with pytest.raises(TypeError) as caught:
        Secret(12345678)  # type: ignore[arg-type]
    assert "12345678" not in str(caught.value)
