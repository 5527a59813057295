"""Every term is whole in every language."""

import re

import pytest

from xception_lab.common.glossary import glossary

TERMS = glossary()


@pytest.mark.parametrize("key", TERMS)
def test_a_term_is_explained_in_both_languages(key: str) -> None:
    assert re.fullmatch(r"\w+", key), "a key is the end of an address"
    assert TERMS[key].keys() == {"en", "ko"}
    english, korean = TERMS[key]["en"], TERMS[key]["ko"]
    assert re.search(r"[A-Za-z]{3}", korean.name), "the Korean name carries the English word"
    assert english.name != korean.name
    assert re.search("[가-힣]", korean.text)
    assert not re.search("[가-힣]", english.name + english.text)
    for term in (english, korean):
        assert 1 <= len(re.findall(r"[.](?=\s|$)", term.text)) <= 3
        # shown as plain text, in a card of limited size
        assert not re.search(r"[*_`\[~]|\$", term.name + term.text)
        assert len(term.text) < 260


def test_both_languages_say_the_same_numbers() -> None:
    for key, languages in TERMS.items():
        numbers = [set(re.findall(r"\d+", languages[language].text)) for language in ("en", "ko")]
        assert numbers[0] <= numbers[1], key
        # a number word of the English text may be a digit in the Korean
        assert all(len(number) == 1 for number in numbers[1] - numbers[0]), key


def test_no_name_stands_for_two_terms() -> None:
    for language in ("en", "ko"):
        names = [languages[language].name for languages in TERMS.values()]
        assert len(set(names)) == len(names)
