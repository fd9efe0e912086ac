"""Explanation of the requests in one batch under a shared compute budget, by a model loaded when it is first needed."""

import logging
import threading
from collections.abc import Sequence

from sentiment.errors import RequestError, TextError
from sentiment.inference.explanations import Explainer, Plan
from sentiment.inference.predictor import Predictor
from sentiment.inference.runtimes import TorchRuntime
from sentiment.inference.types import Explanation
from sentiment.protocol.requests import Explain, rejection_of
from sentiment.worker.admission import is_of_machine, place_of

log = logging.getLogger(__name__)

BUSY = "the worker explains other texts; ask again"
LOADING = "the worker loads the weights that explanations need; ask again"
LOAD_SECONDS = 5  # Retry-After while they load


class LazyExplainer:
    """Explainer that is loaded in the background once it is asked for, while predictions are answered.

    An ONNX runtime needs neither transformers nor the fp32 weights, which would take half as much memory again.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._loaded = predictor.explainer if isinstance(predictor.compute, TorchRuntime) else None
        self._loading: threading.Thread | None = None
        self._failed: RequestError | None = None

    @property
    def is_loaded(self) -> bool:
        return self._loaded is not None

    def get(self) -> Explainer:
        """Return the explainer, and begin to load it if it is not there.

        Raises:
            RequestError: It is loading (503), or could not be loaded (500; the next request tries again).
        """
        if self._loaded is not None:
            return self._loaded
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed
        if self._loading is None or not self._loading.is_alive():
            self._loading = threading.Thread(target=self.load, name="explainer", daemon=True)
            self._loading.start()
        raise busy(LOADING, LOAD_SECONDS)

    def load(self) -> None:
        """Load it in this thread; a failure is kept for the next `get`."""
        try:
            self._loaded = self.predictor.explainer
        except Exception as error:  # raised in the thread, it would be lost
            log.error("explanations cannot be loaded: %s", place_of(error))
            told = "the weights that explanations need cannot be loaded; the server's log says why"
            self._failed = RequestError(told, status=500, reason="internal")


def explain_batch(explainer: Explainer, requests: Sequence[Explain]) -> list[list[Explanation] | RequestError]:
    """Explain the texts of each request with at most `explainer.budget` tokens times steps in total.

    The first request that exceeds the remaining budget and all later ones get a 503 with Retry-After.
    """
    left = explainer.budget
    outcomes: list[list[Explanation] | RequestError] = []
    for request in requests:
        try:
            plans = plan_request(explainer, request, left)
            left -= sum(plan.cost for plan in plans)
            outcomes.append([explainer.explain(plan) for plan in plans])
        except TextError as error:
            outcomes.append(rejection_of(error, request.asked))
        except RequestError as error:
            left = 0 if error.status == 503 else left
            outcomes.append(error)
        except Exception as error:  # isolates requests from each other
            if is_of_machine(error):
                raise
            log.error("one explanation failed: %s", type(error).__name__)
            outcomes.append(RequestError("a text cannot be explained", status=500, reason="internal"))
    return outcomes


def plan_request(explainer: Explainer, request: Explain, left: int) -> list[Plan]:
    """Plan the explanations of a request. Raises RequestError for more than `left` (503) or the budget (413)."""
    if left == 0:
        raise busy()
    plans: list[Plan] = []
    for i, text in enumerate(request.asked.texts):
        try:
            plans.append(explainer.plan(text, request.target))
        except TextError as error:
            error.index = i
            raise
        if sum(plan.cost for plan in plans) > explainer.budget:
            raise RequestError("too much to explain in one request; send fewer texts", status=413, reason="too_many")
    if sum(plan.cost for plan in plans) > left:
        raise busy()
    return plans


def busy(message: str = BUSY, seconds: int = 1) -> RequestError:
    error = RequestError(message, status=503, reason="busy")
    error.retry_after = seconds
    return error
