"""Words marked by colour and by line, and told in a sentence."""

import re

from sentiment.inference.types import Explanation, Prediction, Word
from sentiment.ui.render import bars
from sentiment.ui.words import words

GUESS = Prediction("positive", 0.9, {"negative": 0.1, "positive": 0.9})


def explained(text, *attributions):
    found, at = [], 0
    for part, value in zip(text.split(), attributions, strict=False):
        start = text.index(part, at)
        at = start + len(part)
        found.append(Word(part, start, at, value))
    return words(Explanation(GUESS, "positive", text, tuple(found), -1.0, 0.0, 16))


def test_each_side_has_its_colour_and_its_line_by_strength():
    drawn = explained("a warm but slow film", 0.05, 2.0, -0.5, -1.0, 0.45)
    assert '<mark class="for l3" title="+2.00 in log-odds">warm</mark>' in drawn
    assert '<mark class="against l1" title="-0.50 in log-odds">but</mark>' in drawn
    assert '<mark class="against l2" title="-1.00 in log-odds">slow</mark>' in drawn
    assert '<p class="text">a <mark' in drawn
    assert "Most for it: warm, film; against it: slow, but." in drawn
    assert '<mark class="for l2">shaded, solid line</mark> speaks for positive' in drawn
    assert '<mark class="against l2">dotted line</mark> speaks against it' in drawn


def test_words_for_a_label_have_the_colour_of_its_bar():
    [bar] = re.findall(r'class="(series-\d) best"', bars(GUESS.probabilities))
    assert f'<section class="answer {bar}"' in explained("a warm film", 0.05, 2.0)


def test_where_nothing_stands_out_nothing_is_marked():
    drawn = explained("it was there", 0.01, -0.015, 0.005)
    assert "No single word decides this" in drawn
    assert "<mark" not in drawn


def test_what_was_not_read_is_set_apart():
    assert '<span class="unread"> film, and more</span></p>' in explained("warm film, and more", 2.0)


def test_a_word_stays_a_word():
    drawn = explained("<script> warm", 2.0, 1.0)
    assert "&lt;script&gt;" in drawn
    assert "<script" not in drawn
