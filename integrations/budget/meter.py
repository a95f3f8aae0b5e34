"""Asked before each request to a model, and told after each: passes it on to the budgets that it concerns."""

from __future__ import annotations

from datetime import datetime

from nanobot.contracts.embedder import Embedder
from nanobot.contracts.meter import Meter, Spender, Spent
from nanobot.contracts.model import Model
from nanobot.hub.collection import Collection
from nanobot.hub.entry import Entry
from nanobot.hub.issues import Severity

from .entity import Budget, Count
from .period import end_of


class BudgetMeter(Meter):
    """All budgets of the entry."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.id)
        self._entry = entry
        self._budgets: Collection[Budget] | None = None
        self._unpriced: set[str] = set()

    def begin(self, budgets: Collection[Budget]) -> None:
        """From now on for these."""
        self._budgets = budgets
        zone = self._entry.hub.clock

        def next_midnight(after: float) -> float:
            return end_of("day", datetime.fromtimestamp(after, zone.zone))

        self._entry.on_unload(self._entry.hub.alarms.set(next_midnight, self._midnight))

    def close(self) -> None:
        """Take back what was told."""
        for budget in self._budgets or ():
            budget.withdraw()
        self._budgets = None

    def refusal(self, spender: Spender, model: str) -> str | None:
        for budget in self._budgets or ():
            if budget.concerns(spender, model) and (why := budget.refusal(spender, model)) is not None:
                return why
        return None

    def begun(self, spender: Spender, model: Model | Embedder, expected: int) -> None:
        cost = expected * model.price.prompt / 1e6 if model.price is not None else 0.0
        for budget in self._budgets or ():
            if budget.concerns(spender, model.name):
                budget.begun(spender, model.name, Count(cost, expected))

    def spent(self, spent: Spent) -> None:
        concerned = [one for one in self._budgets or () if one.concerns(spent.spender, spent.model)]
        for budget in concerned:
            budget.spent(spent)
        if any("cost" in budget.config for budget in concerned):
            self._note_price(spent)

    def _midnight(self, _: datetime) -> None:
        for budget in self._budgets or ():
            budget.roll()

    def _note_price(self, spent: Spent) -> None:
        """A model without a price slips through a budget in money; somebody should know."""
        known = spent.cost is not None
        if known == (spent.model not in self._unpriced):
            return
        (self._unpriced.discard if known else self._unpriced.add)(spent.model)
        if self._unpriced:
            models = ", ".join(sorted(self._unpriced))
            self._entry.issue("price_unknown", severity=Severity.WARNING, models=models)
        else:
            self._entry.resolve("price_unknown")
