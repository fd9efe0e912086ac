"""Explanation of the requests in one batch under a shared compute budget."""

import logging
from collections.abc import Sequence

from sentiment.errors import RequestError, TextError
from sentiment.inference.explanations import Explainer, Plan
from sentiment.inference.types import Explanation
from sentiment.protocol.requests import Explain
from sentiment.worker.admission import is_of_machine, of_text

log = logging.getLogger(__name__)

BUSY = "the worker explains other texts; ask again"


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
            outcomes.append(of_text(error, request.asked.texts))
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
    """Plan the explanations of one request.

    Raises:
        RequestError: They cost more than `left` (503) or than the whole budget (413).
    """
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


def busy() -> RequestError:
    error = RequestError(BUSY, status=503, reason="busy")
    error.retry_after = 1
    return error
