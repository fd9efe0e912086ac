"""Frames of texts: the special tokens around a text, and the aspect behind it.

An aspect is a second segment, `[CLS] text [SEP] aspect [SEP]`: a longer ending of each of a text's rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tokenizers import Tokenizer

from sentiment.errors import ModelError, TextError
from sentiment.inference.pairs import Pair, Text, aspects_of
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.word_pieces import clean_aspects, ids_of, remove_limits


class PairRow(list[int]):
    """Token ids of a text with an aspect; the last `types` of them have the token type 1, all others 0."""

    __slots__ = ("types",)

    def __init__(self, ids: Sequence[int], types: int) -> None:
        super().__init__(ids)
        self.types = types


@dataclass(frozen=True, slots=True)
class Frame:
    """Token ids around the ids of a text: special tokens, and in `ending` its aspect."""

    prefix: list[int]
    ending: list[int]
    room: int  # most ids of the text between them
    specials: int  # ids around the text
    pair: bool = False
    types: int = 0  # ids of `ending` with the token type 1, at its end

    def around(self, ids: list[int]) -> list[int]:
        row = self.prefix + ids + self.ending
        return PairRow(row, self.types) if self.pair else row


def frames_of(texts: Sequence[Text], tokenizer: Tokenizer, preprocessing: Preprocessing) -> list[Frame]:
    """Return the frame of each text, equal ones for texts without an aspect.

    Raises:
        TextError: An aspect cannot be tokenized, or leaves less than half of the tokens for its text.
    """
    if not isinstance(texts[0], Pair):
        prefix, suffix = special_tokens(tokenizer)
        specials = len(prefix) + len(suffix)
        return [Frame(prefix, suffix, preprocessing.max_length - specials, specials)] * len(texts)
    form = pair_form(tokenizer)
    most = preprocessing.max_length - len(form.prefix) - len(form.middle) - len(form.suffix)
    aspects = clean_aspects([aspect or "" for aspect in aspects_of(texts)], preprocessing.cleaning)
    distinct = list(dict.fromkeys(aspects))  # often few, such as names of products
    ids = dict(zip(distinct, ids_of(distinct, tokenizer, [aspects.index(one) for one in distinct]), strict=True))
    for i, aspect in enumerate(aspects):
        if not 0 < len(ids[aspect]) <= most // 2:
            problem = (
                f"the aspect has {len(ids[aspect])} tokens, of which the model reads {most // 2} at most beside a text "
                f"(half of max_length={preprocessing.max_length}); shorten it"
                if ids[aspect]
                else "the aspect has no word"
            )
            raise TextError(problem, index=i, reason="aspect")
    frames = {
        aspect: Frame(
            form.prefix,
            form.middle + own + form.suffix,
            most - len(own),
            preprocessing.max_length - most + len(own),
            pair=True,
            types=(len(own) + len(form.suffix)) * form.typed,
        )
        for aspect, own in ids.items()
    }
    return [frames[aspect] for aspect in aspects]


@dataclass(frozen=True, slots=True)
class PairForm:
    """Special tokens of two segments: [CLS] first [SEP] second [SEP] in BERT."""

    prefix: list[int]
    middle: list[int]
    suffix: list[int]
    typed: bool  # the second segment and `suffix` have the token type 1


@lru_cache(maxsize=8)
def pair_form(tokenizer: Tokenizer) -> PairForm:
    """Return the special tokens that a tokenizer adds around and between two texts.

    Raises:
        ModelError: It puts nothing between them, or gives them token types of another form.
    """
    encoded = remove_limits(tokenizer).encode("a", "b")
    ids, owners = encoded.ids, encoded.sequence_ids
    starts = [owners.index(own) for own in (0, 1)]
    ends = [len(owners) - owners[::-1].index(own) for own in (0, 1)]
    types = [0] * starts[1] + [1] * (len(ids) - starts[1])
    typed = any(encoded.type_ids)
    if starts[1] <= ends[0] or (typed and encoded.type_ids != types):
        raise ModelError(
            "the tokenizer has no form for a text with an aspect, two segments with a separator between them; set "
            "model.backbone to one that has, such as BERT or RoBERTa, or leave data.aspect_column out"
        )
    return PairForm(ids[: starts[0]], ids[ends[0] : starts[1]], ids[ends[1] :], typed)


@lru_cache(maxsize=8)
def special_tokens(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the special token ids a tokenizer adds before and after a single text, e.g. ([CLS], [SEP])."""
    encoded = remove_limits(tokenizer).encode("a")
    ids, special = encoded.ids, encoded.special_tokens_mask
    first, last = special.index(0), len(special) - special[::-1].index(0)
    return ids[:first], ids[last:]
