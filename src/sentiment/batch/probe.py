"""The first answer of a model, by which its labels are known before any row is read."""

from sentiment.batch.scoring import Cells
from sentiment.batch.source import Source
from sentiment.errors import DataError, RejectedError, TextError
from sentiment.inference.pairs import Pair
from sentiment.inference.types import Classifier, Prediction
from sentiment.protocol.validation import CANARY


def probe(engine: Classifier, source: Source) -> tuple[Prediction, Cells]:
    """Ask for a first answer, so that it is seen at once whether the model reads such rows.

    Returns:
        The answer, and what the model reads of a row.

    Raises:
        DataError: The model reads aspects and no column of them is named, or the other way round.
    """
    try:
        if source.aspect is None:
            return engine.predict([CANARY])[0], Cells(source.text)
        canary = engine.predict([Pair(CANARY, "model")])[0]
    except (RejectedError, TextError) as error:
        raise DataError(str(error)) from error
    try:
        engine.predict([CANARY])
    except (RejectedError, TextError):
        return canary, Cells(source.text, source.aspect)
    return canary, Cells(source.text, source.aspect, default=True)
